"""`reconnect-storm`: all clients cut off and back at once while events flow."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

from ..cures import cured
from ..flow import Flow, lead
from ..options import LOAD, whole
from ..plans import Group, Window
from ..processes import Reading
from ..stage import Interrupted, Stage
from ..told import PUBLISHED, Told, percentiles
from .fanout import channels, publisher

__all__ = ["TAKES", "add_options", "play", "tells"]

TAKES = LOAD

# The first sender of the source that publishes afterwards: beyond all lanes of the other one.
_SECOND = 50_000


def add_options(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """How they come back."""
    parser.set_defaults(connections=500)
    parser.add_argument(
        "--at-once", type=whole(), metavar="N", help="clients that may be coming back at a time (default all)"
    )


def tells(options: argparse.Namespace) -> Told:
    """Its figures and latencies."""
    return PUBLISHED.plus(
        "published_around_the_storm", "storm_seconds", "reconnections_per_second", "server_cpu_us_per_reconnection",
        *percentiles("reconnect_"), latencies=("reconnect",),
    )  # fmt: skip


def play(stage: Stage) -> None:
    """Publishes; cuts all after a third; waits until all are back; then publishes to prove that they are."""
    options, figures = stage.options, stage.figures
    stage.hire(options.connections, at_once=options.connections)
    names = channels(options)
    clients = Group(name="clients", count=options.connections, channels=names)
    stage.open(clients)
    back = replace(clients, whole=False, at_once=options.at_once or options.connections)
    start = lead()
    cut = start + round((options.warmup + options.duration / 3) * 1e9)
    end = start + round((options.warmup + options.duration + 1) * 1e9)
    readings: list[Reading | None] = []

    def storm() -> None:
        readings.append(stage.read_server())
        stage.crew.ask("storm", back, members=stage.crew.clients)

    windows = [
        Window("warmup", start, start + round(options.warmup * 1e9)),
        Window("before", start + round(options.warmup * 1e9), cut),
        Window("storm", cut, end),
    ]
    during = Flow(
        stage, publisher(options, names, start), [back], windows=windows, measured="storm",
        actions=[(cut, "reconnecting", storm)],
    )  # fmt: skip
    during.run()
    if stage.interrupted:
        raise Interrupted
    stage.await_ready("clients", "reconnecting", all_of_them=False)
    readings.append(stage.read_server())
    reports = [report["clients"] for report in stage.crew.ask("report", {}, members=stage.crew.clients)]
    ready = max(report["last_ready"] for report in reports)
    stage.command("clients", "owe")
    proof = replace(publisher(options, names, lead(), seconds=options.warmup + 1), sender=_SECOND)
    after = Flow(stage, proof, [replace(back, whole=True)])
    after.run_and_tell()
    figures["lost"] = (figures["lost"] or 0) + during.verdicts().lost
    figures["published_around_the_storm"] = sum(counts.total() for counts in during.accepted.values())
    figures["refused"] = (figures["refused"] or 0) + during.refused.total() + sum(
        report["failed"].total() for report in reports
    )  # fmt: skip
    figures["storm_seconds"] = round((ready - cut) / 1e9, 4)
    figures["reconnections_per_second"] = round(options.connections / max((ready - cut) / 1e9, 1e-3), 1)
    for report in reports:
        stage.merge("reconnect", [report["times"]["subscribed"]])
        stage.notes += [
            f"{count:,} clients did not get back in: {cured(why)}" for why, count in report["failed"].most_common(3)
        ]
    stage.main = "reconnect"
    stage.percentiles("reconnect", "reconnect_")
    if readings[0] is not None and readings[-1] is not None:
        cost = readings[-1].cpu_ns - readings[0].cpu_ns
        figures["server_cpu_us_per_reconnection"] = round(cost / options.connections / 1e3, 1)
