"""What a worker may call of the hub, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import convert
from zope.interface.interface import InterfaceClass, Method

from ..interfaces import IAuthority, ICache, ILimiter, NodeFacts
from ..protocol.limits import Quota

__all__ = ["shared_methods"]

_INTERFACES: dict[str, InterfaceClass] = {"authority": IAuthority, "cache": ICache, "limiter": ILimiter}
"""Services whose methods do the same for every worker."""
_NOT_CALLED = frozenset({"authority.listen"})


def shared_methods(services: Mapping[str, object]) -> dict[str, Callable[..., Any]]:
    """Every method of these services as "service.method"; it takes its arguments as msgpack has them."""
    methods: dict[str, Callable[..., Any]] = {}
    for service, interface in _INTERFACES.items():
        if service in services:
            for name, described in interface.namesAndDescriptions(all=True):
                whole = f"{service}.{name}"
                if isinstance(described, Method) and whole not in _NOT_CALLED:
                    methods[whole] = _taking(whole, getattr(services[service], name))
    return methods


def _taking(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """The method, with arguments of its own types where msgpack has only lists."""
    if name == "limiter.take":
        return lambda key, quota, weight: method(key, Quota(*quota), weight)
    if name == "authority.register":
        return lambda node, facts: method(node, convert(facts, NodeFacts))
    if name == "authority.versions":
        return lambda channels: method(convert(channels, list[tuple[str, str]]))
    return method
