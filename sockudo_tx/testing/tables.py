"""What an object holds: every container it can reach through our own objects, with its size.

Nothing is listed by name, so a table added to the server tomorrow is watched tomorrow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["sizes"]

PACKAGE = "sockudo_tx."
PLAIN = (
    "sockudo_tx.protocol.app",
    "sockudo_tx.config",
    "sockudo_tx.testing",
    "sockudo_tx.backends.memory.cache",
    "sockudo_tx.backends.memory.fencing",
    "sockudo_tx.engine.repeats",
    "sockudo_tx.engine.tally",
)
"""Values, records and counts; what they hold is meant to stay."""


def sizes(roots: Mapping[str, object]) -> dict[str, int]:
    """Path to length of every non-empty dict, list, set and deque below `roots`, such as `engine.registry.apps`."""
    found: dict[str, int] = {}
    seen: set[int] = set()
    waiting = deque(roots.items())  # nearest first, so that every table goes by its shortest path
    while waiting:
        path, value = waiting.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Mapping | list | set | deque):
            if value:
                found[path] = len(value)
            items = value.items() if isinstance(value, Mapping) else enumerate(value)
            waiting += [(f"{path}[{key!r}]", item) for key, item in items]
        elif isinstance(value, tuple):
            waiting += [(f"{path}[{key!r}]", item) for key, item in enumerate(value)]
        elif _ours(value):
            waiting += [(f"{path}.{name}", item) for name, item in _attributes(value)]
    return found


def _ours(value: object) -> bool:
    module = type(value).__module__
    return module.startswith(PACKAGE) and not module.startswith(PLAIN) and not isinstance(value, type)


def _attributes(value: object) -> Iterator[tuple[str, Any]]:
    """Instance attributes, in slots or not."""
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            mangled = (
                f"_{kind.__name__.lstrip('_')}{name}" if name.startswith("__") and not name.endswith("__") else name
            )
            if mangled != "__weakref__" and mangled != "__dict__" and hasattr(value, mangled):
                yield mangled, getattr(value, mangled)
    yield from getattr(value, "__dict__", {}).items()
