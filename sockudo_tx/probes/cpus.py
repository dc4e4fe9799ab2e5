"""How many CPUs this process may use: those it may run on, or what its container pays for if that is less.

Quotas are those of cgroups, version 2 (`cpu.max`) and 1 (`cpu.cfs_quota_us`), of the group of this process and of all
groups above it. Only whole CPUs count: a worker on half of one would be held up half of the time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ..config.rules import MOST_WORKERS
from ..config.schema import Config

__all__ = ["usable_cpus", "worker_count"]

_ROOT = Path("/")
_GROUPS = "sys/fs/cgroup"
_V1 = ("cpu", "cpu,cpuacct", "cpuacct,cpu")
"""Where version 1 is mounted."""


def worker_count(config: Config, root: Path = _ROOT) -> int:
    """How many processes are to serve clients; `auto` asks this machine."""
    workers = config.instance.workers
    return min(usable_cpus(root), MOST_WORKERS) if workers == "auto" else workers


def usable_cpus(root: Path = _ROOT) -> int:
    """At least 1. `root` is where /proc and /sys are."""
    whole = [_affinity(), *(int(quota) for quota in _quotas(root))]
    return max(1, min(whole))


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas(root: Path) -> Iterator[float]:
    """CPUs that each group pays for, where one limits them."""
    groups = root / _GROUPS
    for controllers, path in _memberships(root):
        if not controllers:
            for folder in _upwards(groups, path):
                yield from _quota(_words(folder / "cpu.max"))
        elif "cpu" in controllers:
            for name in _V1:
                for folder in _upwards(groups / name, path):
                    yield from _quota(_words(folder / "cpu.cfs_quota_us") + _words(folder / "cpu.cfs_period_us"))


def _memberships(root: Path) -> Iterator[tuple[set[str], str]]:
    """Controllers and path of each group of this process; version 2 has no controllers there."""
    text = _text(root / "proc/self/cgroup")
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        yield {name for name in controllers.split(",") if name}, path


def _upwards(mounted: Path, path: str) -> Iterator[Path]:
    """The folder of a group and those above it. In a container the path may be one of the host: then only the top."""
    inner = PurePosixPath(path.strip("/"))
    if ".." not in inner.parts:
        yield from (mounted / part for part in (inner, *inner.parents) if str(part) != ".")
    yield mounted


def _quota(words: list[str]) -> Iterator[float]:
    """Of `quota period`, in microseconds; `max` and -1 are none."""
    if len(words) == 2 and words[0].isdigit() and words[1].isdigit() and int(words[1]) > 0 < int(words[0]):
        yield int(words[0]) / int(words[1])


def _words(file: Path) -> list[str]:
    return _text(file).split()


def _text(file: Path) -> str:
    """Empty where there is no such file."""
    try:
        return file.read_text()
    except (OSError, ValueError):
        return ""
