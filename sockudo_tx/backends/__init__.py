"""Drivers, one folder a technology; each imports its library lazily.

Adding one: a row here with the extra that provides its library, and the word in `config/sections/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NamedTuple

from twisted.internet.interfaces import IReactorTime
from zope.interface.interface import InterfaceClass

from ..config.schema import Config
from ..interfaces import IApps, ICache, ILimiter, IWebhookQueue

__all__ = ["ROWS", "DriverError", "Factory", "Row", "factory"]

Factory = Callable[[Config, IReactorTime], Any]
"""Makes a driver for this configuration; the caller passes the result through its interface."""


class DriverError(Exception):
    """A driver that was asked for cannot be used; the text says what to do."""


class Row(NamedTuple):
    """Where a driver's factory is, below this package, and the extra that installs what it imports."""

    target: str
    extra: str | None = None


ROWS: Mapping[tuple[InterfaceClass, str], Row] = {
    (IApps, "memory"): Row("memory.apps:from_config"),
    (ICache, "memory"): Row("memory.cache:from_config"),
    (ICache, "none"): Row("memory.cache:small"),
    (ILimiter, "memory"): Row("memory.limiter:from_config"),
    (ILimiter, "none"): Row("memory.limiter:from_config"),
    (IWebhookQueue, "memory"): Row("memory.webhook_queue:from_config"),
    (IWebhookQueue, "sqlite"): Row("sqlite.webhook_queue:from_config"),
    (IWebhookQueue, "none"): Row("null:no_queue"),
}


def factory(interface: InterfaceClass, word: str, rows: Mapping[tuple[InterfaceClass, str], Row] = ROWS) -> Factory:
    """The factory of the driver that `word` names. Raises `DriverError`; nothing is imported before it is asked for."""
    row = rows.get((interface, word))
    if row is None:
        words = ", ".join(known for role, known in rows if role is interface) or "none"
        raise DriverError(f"there is no {word!r} driver for {interface.__name__} in this version; there is: {words}")
    module, _, name = row.target.partition(":")
    try:
        made: Factory = getattr(import_module(f".{module}", __name__), name)
    except ModuleNotFoundError as error:
        if row.extra is None or (error.name or "").startswith(__name__):
            raise
        raise DriverError(
            f"the {word!r} driver needs {error.name}, which is not installed: pip install 'sockudo-tx[{row.extra}]'"
        ) from error
    return made
