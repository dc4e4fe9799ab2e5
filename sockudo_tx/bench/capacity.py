"""How many processes and source addresses it takes to hold so many connections."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from .target import Target

__all__ = ["CapacityError", "processes_for", "sources_for"]

# Descriptors a process needs besides its connections.
_OTHERS = 64
_MOST = 64
# Below this a further process costs more than it gives.
_WORTHWHILE = 250


class CapacityError(ValueError):
    """The machine's limits do not allow it; the text names the limit and the cure."""


def processes_for(connections: int, asked: int | None = None, limit: int | None = None) -> int:
    """Client processes for so many connections. Raises CapacityError when `asked` or the machine is too small."""
    limit = limit or resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    each = limit - _OTHERS
    if each < 1:
        raise CapacityError(f"a process may open {limit} files only: raise it with ulimit -H -n")
    least = -(-connections // each)
    if asked is not None:
        if asked < least:
            raise CapacityError(
                f"{connections} connections are more than {asked} times the {limit} open files a process may have: "
                f"--processes {least} or more, or raise the limit with ulimit -H -n"
            )
        return asked
    if least > _MOST:
        raise CapacityError(
            f"{connections} connections need {least} processes at {limit} open files each: say --processes {least} if "
            "you mean it, or raise the limit with ulimit -H -n"
        )
    # One core is the server's, if it is here.
    cores = max(1, (os.cpu_count() or 1) - 1)
    return max(least, min(cores, 8, -(-connections // _WORTHWHILE)), 1)


def sources_for(target: Target, connections: int) -> tuple[str, ...]:
    """Source addresses of the loopback network to connect from, when one has too few ports; else none."""
    try:
        low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    except (OSError, ValueError):
        low, high = 32768, 60999
    ports = (high - low) * 3 // 4
    if connections <= ports:
        return ()
    if not target.address[0].startswith("127."):
        if target.loopback or connections <= high - low:
            if connections > high - low:
                raise CapacityError(
                    f"{connections} connections to {target.address[0]} need more than its {high - low} local ports: "
                    "use --host 127.0.0.1, where several source addresses are used"
                )
            return ()
        raise CapacityError(
            f"{connections} connections to one address need more than the {high - low} local ports of this machine: "
            "widen net.ipv4.ip_local_port_range, or run on several machines"
        )
    return tuple(f"127.0.0.{2 + index}" for index in range(min(-(-connections // ports), 200)))
