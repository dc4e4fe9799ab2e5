"""What a worker may call of the hub, by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from inspect import signature
from typing import Any, get_args, get_origin, get_type_hints

from msgspec import convert
from zope.interface.interface import InterfaceClass, Method

from ..interfaces import IAuthority, ICache, ILimiter

__all__ = ["shared_methods", "typed"]

_INTERFACES: dict[str, InterfaceClass] = {"authority": IAuthority, "cache": ICache, "limiter": ILimiter}
"""Services whose methods do the same for every worker."""
_NOT_CALLED = frozenset({"authority.listen"})


def shared_methods(services: Mapping[str, object]) -> dict[str, Callable[..., Any]]:
    """Every method of these services as "service.method"; it takes all its arguments, as msgpack has them."""
    methods: dict[str, Callable[..., Any]] = {}
    for service, interface in _INTERFACES.items():
        if service in services:
            for name, described in interface.namesAndDescriptions(all=True):
                whole = f"{service}.{name}"
                if isinstance(described, Method) and whole not in _NOT_CALLED:
                    methods[whole] = typed(getattr(services[service], name))
    return methods


def typed(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method, whose arguments are made of its own types, and refused where they are none.

    Without that, a worker with a mistake could leave something in a table that the others' calls fail over.
    """
    hints = get_type_hints(method)
    wanted: Any = tuple.__class_getitem__(tuple(_on_the_wire(hints[name]) for name in signature(method).parameters))
    return lambda *arguments: method(*convert(arguments, wanted))


def _on_the_wire(hint: Any) -> Any:
    return list[get_args(hint)] if get_origin(hint) in (Collection, Iterable) else hint  # type: ignore[misc]
