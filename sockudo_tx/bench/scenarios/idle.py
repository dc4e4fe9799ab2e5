"""`idle`: connections that only stay; what each costs in memory."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from ..plans import Group
from ..stage import Stage
from ..target import TargetError
from ..told import Told
from .fanout import channels

__all__ = ["TAKES", "add_options", "play", "tells"]

TAKES = frozenset({"--connections", "--channels", "--duration", "--processes"})

# Before memory is read: allocators and time-outs of the handshake come to rest.
_REST = 0.5


def add_options(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """At which counts memory is read."""
    parser.set_defaults(connections=1000, duration=2.0)
    parser.add_argument(
        "--counts", type=_counts, metavar="N,N,...", help="of connections at which memory is read, the last one being "
        "--connections (default its quarters)",
    )  # fmt: skip


def tells(options: argparse.Namespace) -> Told:
    """Its figures and latencies."""
    return Told(
        ("connected", "disconnected", "server_rss_bytes", "rss_bytes_per_connection", "server_idle_cpu_percent")
    )


def play(stage: Stage) -> None:
    """Opens as many as each count says, reads the memory, and at the end what the idle connections cost in CPU."""
    options, figures = stage.options, stage.figures
    if stage.pid is None:
        raise TargetError("idle measures the server's memory, so it must run here: name it with --server-pid PID")
    counts = options.counts or [max(1, options.connections * part // 4) for part in (1, 2, 3, 4)]
    options.connections = counts[-1]
    stage.hire(counts[-1])
    _read(stage)
    points: list[tuple[int, int]] = []
    for index, count in enumerate(counts):
        more = count - (counts[index - 1] if index else 0)
        if more:
            stage.open(Group(name=f"idle-{index}", count=more, channels=channels(options)))
        points.append((count, _read(stage)))
    cost = _rest_cost(stage)
    figures["connected"] = counts[-1]
    figures["server_rss_bytes"] = points[-1][1]
    first, last = points[0], points[-1]
    if last[0] > first[0]:
        figures["rss_bytes_per_connection"] = round((last[1] - first[1]) / (last[0] - first[0]), 1)
    figures["server_idle_cpu_percent"] = cost
    status = stage.status()["groups"].values()
    figures["disconnected"] = sum(group["dropped"] for group in status)
    stage.notes.append("memory: " + ", ".join(f"{rss / 2**20:.1f} MiB at {count:,}" for count, rss in points))


def _counts(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = [0]
    if min(counts) < 1 or counts != sorted(set(counts)):
        raise argparse.ArgumentTypeError(f"{text!r}: must be growing numbers from 1 on, like 1000,5000,15000")
    return counts


def _read(stage: Stage) -> int:
    stage.sleep_until(time.monotonic_ns() + round(_REST * 1e9), "resting")
    stage.sample(now=True)
    reading = stage.read_server()
    if reading is None:
        raise TargetError(f"the server, process {stage.pid}, is gone")
    return reading.rss


def _rest_cost(stage: Stage) -> float:
    """Per cent of a core while nothing happens."""
    before, began = stage.read_server(), time.monotonic()
    stage.sleep_until(time.monotonic_ns() + round(stage.options.duration * 1e9), "idle")
    after = stage.read_server()
    assert before is not None
    assert after is not None
    return round((after.cpu_ns - before.cpu_ns) / (time.monotonic() - began) / 1e7, 2)
