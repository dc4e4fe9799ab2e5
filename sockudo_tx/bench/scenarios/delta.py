"""`delta`: streams published to plain and to delta subscribers; every delta is decoded and held against the plain."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..feed import Feed, FeedError, read_replay
from ..figures import Dimension, show_in
from ..flow import Flow, lead
from ..options import whole
from ..plans import Group, Source, Window
from ..schedule import Schedule
from ..stage import Stage
from ..streams import STREAMS
from ..told import PUBLISHED, Told, percentiles

__all__ = ["TAKES", "add_options", "play", "tells"]

TAKES = frozenset({"--rate", "--seed", "--processes", "--batch"})

_KIND = "sockudo_tx.bench.follower:Follower"
_MOST = 1_000_000
# Of each stream: events of one subscriber, how they came, bytes on the wire, and times of delta subscribers.
_OF_EACH = (
    "messages", "full", "deltas", "untracked", "plain_bytes", "delta_bytes", "ratio", "excess_bytes",
)  # fmt: skip


def add_options(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """What is published, to how many, and how deltas are asked for."""
    parser.set_defaults(rate=200.0)
    parser.add_argument(
        "--streams",
        type=_streams,
        default=[*STREAMS],
        metavar="NAMES",
        help=f"of {','.join(STREAMS)} (default all)",
    )
    parser.add_argument(
        "--replay",
        metavar="FILE",
        help="instead, JSON lines: each the data of an event, or {name, data, tags}",
    )
    parser.add_argument(
        "--messages", type=whole(_MOST), metavar="N", help="of each stream (default 400, or the file's)"
    )
    parser.add_argument(
        "--subscribers", "--connections", dest="connections", type=whole(), default=10, metavar="N",
        help="of each stream, so many plain ones and as many with deltas (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--algorithm", choices=("fossil", "xdelta3"), default="fossil", help="to ask for (default %(default)s)"
    )
    parser.add_argument(
        "--keep", metavar="FILE", help="write each delta there as a JSON line: algorithm, base, delta, message"
    )
    parser.add_argument(
        "--conflation",
        type=whole(10_000),
        metavar="N",
        help="instruments in turn on each channel, for servers with a conflation key (product_id, symbol, device)",
    )


def _streams(text: str) -> list[str]:
    names = [*dict.fromkeys(name.strip().replace("-", "_") for name in text.split(",") if name.strip())]
    for name in names:
        if name not in STREAMS:
            raise argparse.ArgumentTypeError(f"there is no stream {name!r}: choose from {', '.join(STREAMS)}")
    if not names:
        raise argparse.ArgumentTypeError(f"name some of {', '.join(STREAMS)}")
    return names


def _names(options: argparse.Namespace) -> tuple[str, ...]:
    return ("replay",) if options.replay else tuple(options.streams)


def tells(options: argparse.Namespace) -> Told:
    """Its figures, those of each stream with its name in front, and latencies of delta and of plain subscribers."""
    names = _names(options)
    own = [f"{name}_{figure}" for name in names for figure in (*_OF_EACH, *percentiles())]
    told = PUBLISHED.plus("decode_errors", "wrong", "ratio", *own)
    return told.plus(latencies=(*names, "plain"))


def play(stage: Stage) -> None:
    """Publishes every message of every stream in turn, then tells what it cost either kind of subscriber."""
    options = stage.options
    feed, names = _feed(options), _names(options)
    if options.keep:
        _begin(Path(options.keep))
    total = options.connections * len(names)
    stage.hire(2 * total, publishers=1)
    channels = tuple(f"bench-{name.replace('_', '-')}" for name in names)
    events = max(len(feed.replayed), feed.messages) * len(names)
    rate = stage.finite_rate()
    batch = min(options.batch, events)
    schedule = Schedule(rate=rate, seconds=events // batch * batch / rate, together=batch)
    offsets = [moment.offset for moment in schedule for _ in range(moment.events)]

    def group(name: str, asks: Mapping[str, Any], latency: Sequence[str]) -> Group:
        keep = str(Path(options.keep).resolve()) if options.keep else ""
        extra = {"feed": feed, "offsets": offsets, "asks": asks, "latency": latency, "keep": keep}
        return Group(name=name, count=total, channels=channels, kind=_KIND, extra=extra)

    plain = group("plain", {}, ["plain"] * len(names))
    followers = group("delta", {"delta": options.algorithm}, names)
    stage.open(plain)
    stage.open(followers)
    start = lead()
    source = Source(
        kind="sockudo_tx.bench.follower:FeedPublisher",
        schedule=schedule,
        start=start,
        channels=channels,
        size=0,
        in_flight=1,
        batch=batch,
        extra={"feed": feed},
    )
    window = Window("delivery", start, start + round((schedule.seconds + 1) * 1e9))
    flow = Flow(stage, source, [plain, followers], windows=[window])
    flow.run_and_tell()
    for report in flow.reports.values():
        for name, histogram in report["latencies"].items():
            if name != "delivery":
                stage.merge(name, [histogram])
    _tell(stage, flow, names)


def _begin(path: Path) -> None:
    """Makes the file for deltas anew. Raises FeedError."""
    try:
        path.write_text("")
    except OSError as error:
        raise FeedError(f"--keep {path}: {error.strerror}") from None


def _feed(options: argparse.Namespace) -> Feed:
    if options.replay:
        try:
            return Feed(replayed=read_replay(Path(options.replay), options.messages))
        except FeedError as error:
            raise FeedError(f"--replay {error}") from None
    return Feed(
        streams=_names(options),
        messages=options.messages or 400,
        seed=options.seed,
        instruments=options.conflation or 1,
    )


# ---------------------------------------------------------------------------------------------------- the figures


def _tell(stage: Stage, flow: Flow, names: Sequence[str]) -> None:
    plain, delta = (Counter(flow.reports[name]["notes"]) for name in ("plain", "delta"))
    figures, everywhere = stage.figures, Counter[str]()
    for place, name in enumerate(names):
        here = _Stream(plain, delta, place, stage.options.connections)
        for figure, value in here.figures().items():
            figures[f"{name}_{figure}"] = value
        stage.percentiles(name, f"{name}_")
        stage.notes.append(here.sentence(name))
        everywhere.update(here.totals)
    figures["decode_errors"] = sum(count for (_, what), count in delta.items() if what == "decode_errors")
    figures["wrong"] = sum(count for (_, what), count in (plain + delta).items() if what == "wrong")
    if everywhere["plain"]:
        figures["ratio"] = round(everywhere["delta"] / everywhere["plain"], 4)
    reasons = Counter[str]()
    for (_, what), count in delta.items():
        if what.startswith("because "):
            reasons[what.removeprefix("because ")] += count
    stage.notes += [f"{count:,} times: {reason}" for reason, count in reasons.most_common(3)]
    if not any(what == "deltas" for _, what in delta):
        stage.notes.append(
            "the server sent no deltas: does it know them, is delta_compression.enabled true, and does no entry of the "
            "app's channel_delta_compression disable them?"
        )
    elif stage.options.conflation and not any(what == "keys" for _, what in delta):
        stage.notes.append(
            f"the server has no conflation key for these channels: each delta is against another of the "
            f"{stage.options.conflation} instruments. Set `conflation_key` for bench-* in the app's "
            "channel_delta_compression"
        )


class _Stream:
    """What one stream cost its subscribers; `figures` are those of one of them."""

    def __init__(self, plain: Counter[Any], delta: Counter[Any], place: int, subscribers: int) -> None:
        self._plain, self._delta = (
            Counter({what: count for (where, what), count in each.items() if where == place}) for each in (plain, delta)
        )
        self._subscribers = subscribers
        self.totals = {"plain": self._plain["bytes"], "delta": self._delta["bytes"]}

    @property
    def _ratio(self) -> float | None:
        """By message, so that what is lost on one side does not count as saved."""
        plain, delta = self._plain, self._delta
        if not plain["messages"] or not delta["messages"]:
            return None
        return (delta["bytes"] / delta["messages"]) / (plain["bytes"] / plain["messages"])

    def figures(self) -> dict[str, float | None]:
        """Of one subscriber: the mean of all."""
        plain, delta, count = self._plain, self._delta, self._subscribers
        ratio = self._ratio
        return {
            "messages": _mean(delta["messages"], count),
            "full": _mean(delta["full"], count),
            "deltas": _mean(delta["deltas"], count),
            "untracked": _mean(delta["untracked"], count),
            "plain_bytes": _mean(plain["bytes"], count),
            "delta_bytes": _mean(delta["bytes"], count),
            "ratio": None if ratio is None else round(ratio, 4),
            # Beyond the plain messages and the numbers and keys of full ones there must be nothing.
            "excess_bytes": _mean(max(delta["bytes"] - plain["bytes"] - delta["metadata"], 0), count),
        }

    def sentence(self, name: str) -> str:
        """The same for people."""
        own, ratio = self.figures(), self._ratio
        plain, delta = (show_in(Dimension.SIZE, own[each] or 0.0) for each in ("plain_bytes", "delta_bytes"))
        if ratio is None:
            return f"{name.replace('_', ' ')}: nothing arrived"
        left = f", {own['untracked']:g} without a number" if own["untracked"] else ""
        return (
            f"{name.replace('_', ' ')}: {own['messages']:g} messages, {own['full']:g} in full and {own['deltas']:g} as "
            f"deltas{left}: {delta} instead of {plain} for each subscriber, {show_in(Dimension.SHARE, 100 * ratio)}"
        )


def _mean(total: int, count: int) -> float:
    return round(total / count, 2)
