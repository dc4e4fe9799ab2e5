"""Where samples come from: counts and live tables, read a piece at a time.

A source is a generator; between two of its lists the reactor may turn, so that a scrape holds nobody up however many
connections, channels and apps there are. Gauges are computed from the tables here and never kept: they cannot drift
(decisions.md 25). What changes while it is read may be seen before or after.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from ...engine.server import Engine
from ...engine.tables import AppSpace
from ...engine.tally import CROWDS, SYSTEM, UNKNOWN, AppTally
from ...engine.traced import untraced
from ..outbox import Outbox
from . import families as f
from .exposition import Value
from .families import Family

__all__ = ["Sample", "Source", "answer_samples", "app_samples", "outbox_samples", "pieces", "single"]

Sample = tuple[Family, tuple[str, ...], Value]
"""A value and its labels in the family's order, without `port`."""
Source = Callable[[], Iterable[list[Sample]]]

_CHANNELS = 1000
_SOCKETS = 5000
T = TypeVar("T")


def single(family: Family, read: Callable[[], Value | None], *labels: str) -> Source:
    """One value; None when there is none now."""

    def source() -> Iterator[list[Sample]]:
        value = read()
        if value is not None:
            yield [(family, labels, value)]

    return source


def app_samples(engine: Engine) -> Iterator[list[Sample]]:
    """Everything that is told app by app; of strangers and of the server itself only what there was."""
    tally = engine.tally
    yield [sample for sample in _counts(UNKNOWN, tally.unknown) if sample[2]]
    yield [sample for sample in _counts(SYSTEM, tally.system) if sample[2]]
    for app_id, counts in list(tally.apps.items()):
        space = engine.registry.apps.get(app_id)
        samples = _counts(app_id, counts)
        samples.append((f.CONNECTED, (app_id,), len(space.sockets) if space is not None else 0))
        if space is not None and space.app.max_connections:
            samples.append((f.QUOTA, (app_id,), space.app.max_connections))
        yield samples
        yield from _channels(app_id, counts, space)


def _counts(app_id: str, tally: AppTally) -> list[Sample]:
    app = (app_id,)
    samples: list[Sample] = [
        (f.CONNECTIONS, app, tally.connections),
        (f.DISCONNECTIONS, app, tally.disconnections),
        (f.RECEIVED, app, tally.received),
        (f.RECEIVED_BYTES, app, tally.received_bytes),
        (f.SENT, app, tally.sent),
        (f.SENT_BYTES, app, tally.sent_bytes),
        (f.HTTP_CALLS, app, tally.calls),
        (f.HTTP_RECEIVED, app, tally.call_bytes_received),
        (f.HTTP_SENT, app, tally.call_bytes_sent),
        (f.OVER_QUOTA, app, tally.over_quota),
        (f.IDEMPOTENT, app, tally.idempotent),
        (f.DUPLICATES, app, tally.duplicates),
    ]
    samples += [(f.ERRORS, (app_id, kind), count) for kind, count in tally.errors.items()]
    samples += [(f.SUBSCRIPTIONS, (app_id, kind), count) for kind, count in tally.subscriptions.items()]
    samples += [(f.UNSUBSCRIPTIONS, (app_id, kind), count) for kind, count in tally.unsubscriptions.items()]
    for kind, crowds in tally.fanouts.items():
        samples += [
            (f.FANOUT, (app_id, kind, word), seen)
            for word, seen in zip(CROWDS, crowds, strict=True)
            if any(seen.counts)
        ]
    for channel, deltas in tally.deltas.items():
        labels = (app_id, channel)
        samples += [
            (f.DELTA_SAVED, labels, deltas.saved),
            (f.DELTA_ORIGINAL, labels, deltas.original),
            (f.DELTA_FULL, labels, deltas.full),
            (f.DELTA_DELTAS, labels, deltas.deltas),
        ]
    if tally.deltas:
        samples += [(f.DELTA_EVICTIONS, app, tally.delta_evictions), (f.DELTA_ENCODE, app, tally.encodings)]
    samples += [(f.DELTA_FALLBACKS, (app_id, reason), count) for reason, count in tally.delta_fallbacks.items()]
    for limit, context, checks, refusals in (
        ("client_events", "unknown", tally.client_event_checks, tally.client_event_refusals),
        ("messages", "websocket", tally.message_checks, tally.message_refusals),
        ("backend_events", "http_api", tally.backend_event_checks, tally.backend_event_refusals),
        ("read_requests", "http_api", tally.read_checks, tally.read_refusals),
    ):
        if checks:
            limiter = (app_id, limit, context)
            samples += [(f.LIMIT_CHECKS, limiter, checks), (f.LIMIT_HITS, limiter, refusals)]
    return samples


def _channels(app_id: str, tally: AppTally, space: AppSpace | None) -> Iterator[list[Sample]]:
    """Channels by kind; zero for a kind that was there before."""
    kinds = Counter(dict.fromkeys(tally.subscriptions, 0))
    if space is not None:
        for piece in pieces(list(space.channels.values()), _CHANNELS):
            kinds.update([channel.kind for channel in piece])
            yield []
    yield [(f.CHANNELS, (app_id, kind), count) for kind, count in kinds.items()]


def answer_samples(engine: Engine) -> Iterator[list[Sample]]:
    """HTTP answers by route and status."""
    yield [(f.ANSWERS, (route, str(status)), count) for (route, status), count in engine.tally.answers.items()]


def outbox_samples(engine: Engine) -> Iterator[list[Sample]]:
    """What waits for clients that do not read as fast as they are sent to."""
    clients = messages = size = 0
    for piece in pieces(engine.sockets(), _SOCKETS):
        for socket in piece:
            sink = untraced(socket.sink)
            if isinstance(sink, Outbox) and sink.blocked:
                clients += 1
                messages += sink.waiting[0]
                size += sink.waiting[1]
        yield []
    yield [(f.OUTBOX_CLIENTS, (), clients), (f.OUTBOX_MESSAGES, (), messages), (f.OUTBOX_BYTES, (), size)]


def pieces(values: list[T], size: int) -> Iterator[list[T]]:
    """So many of them at a time."""
    waiting = iter(values)
    while piece := list(islice(waiting, size)):
        yield piece
