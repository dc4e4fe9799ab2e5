"""Deltas by themselves: what is left of three streams on the wire, and what an encoding costs."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, pairwise
from typing import NamedTuple
from unittest.mock import patch

from sockudo_tx.bench.streams import STREAMS
from sockudo_tx.delta import fossil, vcdiff
from sockudo_tx.delta.frames import DeltaForm, delta_frame, full_frame
from sockudo_tx.protocol.messages import event

from ..harness.figure import Figure, Plan, Reading, at_most, reading
from ..harness.stats import ratio
from ..harness.windows import interleave, timed
from ..subjects import plain_matching

__all__ = ["FIGURE"]

_FRAMES = 441
_INTERVAL = 10
_PAIRS = 50
_ON_THE_WIRE = {"ticker": at_most(0.85, 0.75), "order_book": at_most(0.25, 0.20), "telemetry": at_most(0.36, 0.30)}

Encode = Callable[[bytes, bytes], bytes | None]
_ENCODERS: dict[str, Encode] = {"fossil": fossil.encode, "xdelta3": vcdiff.encode}


class _Feed(NamedTuple):
    """A stream as it is published."""

    event: str
    channel: str
    frames: list[bytes]


def _feed(name: str) -> _Feed:
    data = islice(STREAMS[name](1), _FRAMES)
    return _Feed(name, f"{name}-1", [event(name, text, [f"{name}-1"])[0].encode() for text in data])


def _sent(feed: _Feed, algorithm: str) -> Iterator[int]:
    """Bytes of each frame as a subscriber gets it: full, ten deltas, full, ..., or full when it is smaller."""
    deltas, before = _INTERVAL, b""
    for number, frame in enumerate(feed.frames):
        best = full_frame(frame, number, None)
        made = _ENCODERS[algorithm](before, frame) if deltas < _INTERVAL else None
        deltas += 1
        if made is not None:
            written = delta_frame(feed.event, feed.channel, made, number, number - 1, None, DeltaForm(algorithm))
            best = min(best, written, key=len)
        if made is None or best is not written:
            deltas = 0
        before = frame
        yield len(best)


def _encoding(feed: _Feed, encode: Encode) -> Callable[[], object]:
    pairs = list(pairwise(feed.frames[: _PAIRS + 1]))
    return lambda: [encode(base, target) for base, target in pairs]


def _by_the_plain_search(feed: _Feed) -> Callable[[], object]:
    """Fossil deltas of the matches that the other search finds."""
    step = _encoding(feed, fossil.encode)

    def run() -> object:
        with patch.object(fossil, "matches", lambda base, target, _: plain_matching.matches(base, target, 9)):
            return step()

    return run


def _take(plan: Plan) -> Sequence[Reading]:
    feeds = {name: _feed(name) for name in STREAMS}
    readings = []
    for name, feed in feeds.items():
        plain = sum(map(len, feed.frames))
        for algorithm, encode in _ENCODERS.items():
            short = "" if algorithm == "fossil" else f"-{algorithm}"
            limit = _ON_THE_WIRE[name] if algorithm == "fossil" else at_most()
            made = [encode(*pair) or b"" for pair in pairwise(feed.frames)]
            readings.append(
                Reading(
                    f"deltas-{name}{short}",
                    f"{name} as {algorithm}, bytes on the wire ÷ plain",
                    sum(_sent(feed, algorithm)) / plain,
                    limit,
                    absolute={"plain, bytes": plain / _FRAMES, "delta, bytes": sum(map(len, made)) / len(made)},
                )
            )
    steps = {f"{name} ours": _encoding(feed, fossil.encode) for name, feed in feeds.items()}
    steps |= {f"{name} vcdiff": _encoding(feed, vcdiff.encode) for name, feed in feeds.items()}
    steps |= {f"{name} plain": _by_the_plain_search(feed) for name, feed in feeds.items()}
    gc.collect()
    gc.freeze()
    found = interleave({name: timed(step) for name, step in steps.items()}, plan.seconds(12), plan.tell)
    gc.unfreeze()
    each = {name: [value / _PAIRS / 1_000 for value in values] for name, values in found.items()}
    for name in STREAMS:
        against = ratio(each[f"{name} ours"], each[f"{name} plain"])
        title = f"a Fossil delta of {name} ÷ with the search of delta-and-filters.md 14.1"
        readings.append(reading(f"deltas-{name}-time", title, against, at_most(1.0), "µs"))
    for name in STREAMS:
        against = ratio(each[f"{name} vcdiff"], each[f"{name} ours"])
        readings.append(reading(f"deltas-{name}-vcdiff-time", f"VCDIFF ÷ Fossil, {name}", against, at_most(), "µs"))
    return readings


FIGURE = Figure("deltas", "delta compression: what is left of three streams, and what an encoding costs", _take)
