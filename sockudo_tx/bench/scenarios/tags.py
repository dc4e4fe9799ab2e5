"""`tags`: events with tags on one channel, to subscribers with different filters; each event is for those of one."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

from ..client import Client
from ..flow import Flow, lead
from ..options import LOAD, whole
from ..plans import Group
from ..publisher import Publisher
from ..stage import Stage
from ..told import PUBLISHED, Told
from .fanout import publisher

__all__ = ["TAKES", "Filtered", "TaggedPublisher", "add_options", "filter_of", "play", "tells"]

TAKES = LOAD - {"--channels"}

_CHANNEL = "bench-tags"
# As many streams as can be told apart.
_MOST = 99_999


def add_options(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """How many filters there are, and of which form."""
    parser.set_defaults(connections=200, rate=100.0)
    parser.add_argument(
        "--filters",
        type=whole(_MOST),
        default=50,
        metavar="N",
        help="different ones that the clients are spread over (default %(default)s)",
    )
    parser.add_argument(
        "--filter",
        choices=("eq", "tree"),
        default="eq",
        help="one `eq` each, or a tree of seven nodes that no look-up by value can serve (default %(default)s)",
    )
    parser.add_argument(
        "--unfiltered",
        type=whole(least=0),
        default=1,
        metavar="N",
        help="clients without a filter, besides --connections, who get everything (default %(default)s)",
    )


def tells(options: argparse.Namespace) -> Told:
    """Its figures and latencies."""
    return PUBLISHED.plus("filters", "server_cpu_us_per_publish")


def filter_of(form: str, topic: str) -> dict[str, Any]:
    """A filter that lets exactly the events of one topic through."""
    if form == "eq":
        return {"key": "topic", "cmp": "eq", "val": topic}
    either = [{"key": "topic", "cmp": "ew", "val": f".{topic}"}, {"key": "topic", "cmp": "sw", "val": f"{topic}."}]
    return {
        "op": "and",
        "nodes": [
            {"op": "not", "nodes": [{"key": "kind", "cmp": "sw", "val": "quo"}]},
            {"key": "price", "cmp": "gte", "val": 100},
            {"op": "or", "nodes": either},
        ],
    }


def play(stage: Stage) -> None:
    """Publishes on schedule, each event with the tag of the next topic. For the audit a topic is what elsewhere a
    channel is: an event that its subscribers do not get is lost, one that others get is a stray."""
    options = stage.options
    count = min(options.filters, options.connections)
    stage.hire(options.connections + options.unfiltered)
    topics = tuple(f"t{number:05d}" for number in range(count))
    filtered = Group(
        name="filtered",
        count=options.connections,
        channels=topics,
        kind=f"{__name__}:Filtered",
        extra={"form": options.filter},
    )
    everything = Group(
        name="unfiltered",
        count=options.unfiltered,
        channels=topics,
        subscriptions=count,
        kind=f"{__name__}:Filtered",
        extra={"form": None},
    )
    stage.open(everything)
    stage.open(filtered)
    source = publisher(options, topics, lead(), kind=f"{__name__}:TaggedPublisher", extra={"form": options.filter})
    flow = Flow(stage, source, [filtered, everything])
    flow.run_and_tell()
    stage.figures["filters"] = count
    published = stage.figures["published"]
    if published and (cost := flow.server_cpu_ns) is not None:
        stage.figures["server_cpu_us_per_publish"] = round(cost / published / 1e3, 2)
    strays = sum(flow.reports[name]["verdicts"].strays for name in ("filtered", "unfiltered"))
    if strays and not stage.figures["lost"]:
        stage.notes.append(
            f"{strays:,} events reached clients whose filter does not let them through: does the server know tag "
            "filters, and is tag_filtering.enabled true (TAG_FILTERING_ENABLED=1)?"
        )


class TaggedPublisher(Publisher):
    """Publishes to one channel; what its plan calls channels are topics."""

    def event(self, channel: int, stream: bytes, serial: int, due: int) -> tuple[str, str]:
        data = self.marker.data(stream, serial, due, self._plan.size)
        topic = self._plan.channels[channel]
        tags = {"topic": topic} if self._plan.extra["form"] == "eq" else _tree_tags(topic)
        return _CHANNEL, f'"name":"{self._plan.event}","data":"{data}","tags":{json.dumps(tags)}'


def _tree_tags(topic: str) -> dict[str, str]:
    return {"kind": "trade", "price": "101.25", "topic": f"{topic}.eu"}


class Filtered(Client):
    """Subscribes to the one channel with the filter of its topic, or with none."""

    __slots__ = ()

    def subscriptions(self) -> list[tuple[str, str | None]]:
        return [(_CHANNEL, None)]

    def asks(self, channel: str) -> dict[str, Any]:
        plan = self.group.plan
        if plan.extra["form"] is None:
            return {}
        return {"tags_filter": filter_of(plan.extra["form"], plan.channels[plan.channels_of(self.number)[0]])}
