"""What this machine holds: `/usage` and `/stats` (http-api.md 5.7, 5.8)."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from ...engine.server import Engine
from ...engine.stats import AppStats, Stats
from .call import HttpRequest
from .reply import PARTIAL, Reply, json_reply

__all__ = ["AllStats", "Usage", "memory"]

AllStats = Callable[[], Awaitable[tuple[Stats, bool]]]
"""Tells the totals of all workers of this machine, and whether nothing is missing in them."""


class Usage:
    """Tells of the machine: of the one process that serves on it, or of all where there are several."""

    def __init__(self, engine: Engine, everywhere: AllStats | None = None) -> None:
        self._engine = engine
        self._everywhere = everywhere

    async def show_usage(self, request: HttpRequest) -> Reply:
        """Memory of the host, or of the container when it has a limit."""
        return json_reply({"memory": memory()})

    async def show_stats(self, request: HttpRequest) -> Reply:
        """Connections, users and channels of this machine, in all and per app."""
        stats, complete = (self._engine.stats(), True) if self._everywhere is None else await self._everywhere()
        reply = json_reply(
            {
                "memory": memory(),
                "totals": {"apps": len(stats.apps), **_described(stats.totals)},
                "apps": [{"app_id": app_id, **_described(stats.apps[app_id])} for app_id in sorted(stats.apps)],
            }
        )
        return reply if complete else reply._replace(headers=PARTIAL)


def _described(stats: AppStats) -> dict[str, Any]:
    counts = stats._asdict()
    direct = {name: counts.pop(name) for name in ("connections", "authenticated_connections", "users")}
    return {**direct, "occupancy": counts}


def memory(root: Path = Path("/")) -> dict[str, float]:
    """Bytes `free`, `used` and `total`, and `used` in `percent`. `root` is where /proc and /sys are."""
    total, used = _host(root)
    limit = _container(root)
    if limit is not None and 0 < limit[0] < total:
        total, used = limit
    used = min(used, total)
    return {"free": total - used, "used": used, "total": total, "percent": round(100 * used / total, 2)}


def _host(root: Path) -> tuple[int, int]:
    try:
        found = dict(re.findall(r"^(\w+): +(\d+) kB$", (root / "proc/meminfo").read_text(), re.MULTILINE))
        total = int(found["MemTotal"]) * 1024
        return total, total - int(found["MemAvailable"]) * 1024
    except (OSError, KeyError):  # not Linux
        page = os.sysconf("SC_PAGE_SIZE")
        total = os.sysconf("SC_PHYS_PAGES") * page
        return total, total - os.sysconf("SC_AVPHYS_PAGES") * page


def _container(root: Path) -> tuple[int, int] | None:
    """Limit and usage of the control group we run in; None without a limit."""
    for limit, usage in _group_files(root):
        try:
            return int(limit.read_text()), int(usage.read_text())
        except (OSError, ValueError):  # absent, or the word "max"
            continue
    return None


def _group_files(root: Path) -> Iterator[tuple[Path, Path]]:
    """Where the limit and the usage may stand: our own group, the container's root, control groups version 1."""
    groups = root / "sys/fs/cgroup"
    try:
        own = re.search(r"^0::/(.+)$", (root / "proc/self/cgroup").read_text(), re.MULTILINE)
    except OSError:
        own = None
    for folder in (groups / own.group(1), groups) if own else (groups,):
        yield folder / "memory.max", folder / "memory.current"
    yield groups / "memory/memory.limit_in_bytes", groups / "memory/memory.usage_in_bytes"
