"""`connect`: connections that open and subscribe."""

from __future__ import annotations

import argparse
import contextlib
import math
import time
from collections.abc import Sequence

from ..cures import cured
from ..flow import lead
from ..options import whole
from ..plans import Group
from ..stage import Interrupted, Stage
from ..target import TargetError
from ..told import Told, percentiles
from .fanout import channels

__all__ = ["TAKES", "add_options", "play", "tells"]

TAKES = frozenset({"--connections", "--channels", "--rate", "--processes"})


def add_options(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """How fast."""
    parser.set_defaults(connections=1000, rate=200.0)
    parser.add_argument(
        "--at-once", type=whole(), default=64, metavar="N", help="in the making with --rate max (default %(default)s)"
    )


def tells(options: argparse.Namespace) -> Told:
    """Its figures and latencies."""
    return Told(
        (
            "connected", "connections_per_second", "refused", "disconnected", *percentiles(), *percentiles("connect_"),
            *percentiles("established_"), "server_cpu_us_per_connection", "server_rss_bytes",
        ),
        ("subscribed", "connect", "established"),
    )  # fmt: skip


def play(stage: Stage) -> None:
    """Opens them on a schedule, or with --rate max as fast as the server lets them in."""
    options, figures = stage.options, stage.figures
    stage.hire(options.connections)
    flat_out = options.rate == math.inf
    start = lead()
    group = Group(
        name="clients",
        count=options.connections,
        channels=channels(options),
        at_once=options.at_once,
        start=start,
        rate=0.0 if flat_out else options.rate,
    )
    before, began = stage.read_server(), time.monotonic_ns() if flat_out else start
    stage.open(group, wait=False)
    with contextlib.suppress(Interrupted):  # those who are in by then are told
        stage.await_ready(group.name, all_of_them=False)
    after = stage.read_server()
    stage.sample(now=True)
    arrived = last = 0
    for report in stage.crew.ask("report", {}, members=stage.crew.clients):
        found = report[group.name]
        arrived += found["arrived"]
        last = max(last, found["last_ready"])
        figures["refused"] = (figures.get("refused") or 0) + found["failed"].total()
        figures["disconnected"] = (figures.get("disconnected") or 0) + found["dropped"].total()
        for name, times in found["times"].items():
            stage.merge(name, [times])
        stage.notes += [
            f"{count:,} clients were refused: {cured(reason)}" for reason, count in found["failed"].most_common(3)
        ]
    if not arrived and figures["refused"]:
        raise TargetError(f"{stage.target.url} refused every client: {stage.notes[0].partition(': ')[2]}")
    stage.main = "subscribed"
    figures["connected"] = arrived
    figures["connections_per_second"] = round(arrived / max((last - began) / 1e9, 1e-3), 1)
    stage.percentiles("subscribed")
    stage.percentiles("connect", "connect_")
    stage.percentiles("established", "established_")
    if before is not None and after is not None and arrived:
        figures["server_cpu_us_per_connection"] = round((after.cpu_ns - before.cpu_ns) / arrived / 1e3, 1)
        figures["server_rss_bytes"] = after.rss
