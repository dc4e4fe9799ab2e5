"""Single steps of the hot path, each beside a fixed piece of Python work in the same run.

The ratio to that work travels between machines, where nanoseconds do not. What is timed is CPU time of this process.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Sequence

from sockudo_tx.engine.tables import Socket
from sockudo_tx.protocol import auth, messages
from sockudo_tx.protocol.publication import Publication
from sockudo_tx.testing import MemoryServer, fixture_app, signed_target
from sockudo_tx.transports.framing import text_frame

from .harness.figure import Figure, Plan, Reading, at_most, reading
from .harness.stats import Ratio, ratio
from .harness.windows import interleave, timed

__all__ = ["FIGURE"]

_CROWDS = (10, 1_000, 10_000)
_DELIVERIES = 1_000
_DATA = "x" * 200
_CLIENT_EVENT = ('{"event":"client-bench","channel":"private-bench","data":"' + _DATA + '"}').encode()
_SUBSCRIBE = b'{"event":"pusher:subscribe","data":{"channel":"crowd"}}'
_UNSUBSCRIBE = b'{"event":"pusher:unsubscribe","data":{"channel":"crowd"}}'

Step = Callable[[], object]


def _calibration() -> None:
    """Work whose like the server does: attribute and dictionary access, calls, small strings, a digest."""
    table: dict[str, int] = {}
    for number in range(50):
        name = f"channel-{number & 7}"
        table[name] = table.get(name, 0) + len(name.encode())
    hashlib.sha256("".join(table).encode()).hexdigest()


class _NullTransport:
    """Takes everything and does nothing with it."""

    def registerProducer(self, producer: object, streaming: bool) -> None: ...

    def unregisterProducer(self) -> None: ...

    def write(self, data: bytes) -> None: ...

    def loseConnection(self) -> None: ...


class _NullConnection:
    """A WebSocket that ends nowhere."""

    transport = _NullTransport()

    def sendClose(self, code: int | None = None, reason: str | None = None) -> None: ...

    def dropConnection(self, abort: bool = False) -> None: ...

    def giveUp(self, code: int, reason: str) -> None: ...


class _Crowd:
    """A server in memory with so many subscribers of one channel, and one more connection that is outside."""

    def __init__(self, size: int) -> None:
        self._server = MemoryServer()
        self._engine = self._server.engine
        sockets = [self._connect() for _ in range(size + 1)]
        self._outside = sockets.pop()
        for socket in sockets:
            self._engine.hear(socket, _SUBSCRIBE)
        self._server.clock.advance(0)
        self._app = fixture_app()
        self._event = Publication("bench", ("crowd",), _DATA)

    def _connect(self) -> Socket:
        sink = self._server.factory.websockets.sink(_NullConnection(), None)  # type: ignore[arg-type]  # as much as it needs
        return self._engine.connect(sink, "key", None)

    def come_and_go(self) -> None:
        """Subscribe, unsubscribe, and the frames that says."""
        self._engine.hear(self._outside, _SUBSCRIBE)
        self._engine.hear(self._outside, _UNSUBSCRIBE)
        self._server.clock.advance(0)

    def broadcast(self) -> None:
        """One event to all, and the end of the turn."""
        self._engine.publish(self._app, self._event)
        self._server.clock.advance(0)


def _verification() -> Step:
    app, now = fixture_app(), 1_700_000_000.0
    body = f'{{"name":"bench","channels":["bench-0"],"data":"{_DATA}"}}'.encode()
    path, _, query = signed_target(app, "POST", "/apps/app/events", now, body).encode().partition(b"?")

    def verify() -> None:
        auth.verify(app, "POST", auth.candidate_paths(path), auth.parse_query(query), body, now)

    return verify


def _steps(crowds: dict[int, _Crowd]) -> dict[str, Step]:
    text = messages.event("bench", _DATA, ("bench-0",))[0].encode()
    return {
        "encode": lambda: messages.event("bench", _DATA, ("bench-0",)),
        "frame": lambda: text_frame(text),
        "decode": lambda: messages.decode(_CLIENT_EVENT),
        "decode-subscribe": lambda: messages.decode(_SUBSCRIBE),
        "signature": _verification(),
        "broadcast": crowds[_DELIVERIES].broadcast,
        **{f"subscribe-{size}": crowd.come_and_go for size, crowd in crowds.items()},
    }


_TITLES = {
    "encode": "the text of a published event (protocol/messages.event)",
    "frame": "a frame around 247 bytes (transports/framing)",
    "decode": "a client event into a command (protocol/messages.decode)",
    "decode-subscribe": "a subscription into a command (protocol/messages.decode)",
    "signature": "query parsed and signature verified of a REST call (protocol/auth)",
    "broadcast": f"one event to {_DELIVERIES} connections whose kernel takes everything, for each of them",
    **{f"subscribe-{size}": f"subscribe and unsubscribe, {size} others in the channel" for size in _CROWDS},
}


def _reading(name: str, title: str, found: Ratio, share: int = 1) -> Reading:
    values = found._replace(**{key: getattr(found, key) / share for key in ("value", "low", "high", "ours")})
    return Reading(
        f"micro-{name}",
        title,
        values.value,
        low=values.low,
        high=values.high,
        absolute={"ns": values.ours, "calibration, ns": values.theirs, "windows": values.windows},
    )


def _take(plan: Plan) -> Sequence[Reading]:
    plan.tell("10,000 connections in memory")
    steps = _steps({size: _Crowd(size) for size in _CROWDS})
    gc.collect()
    gc.freeze()  # as in a server that runs for long: what is there is not looked at again
    sides = {name: timed(step) for name, step in {"calibration": _calibration, **steps}.items()}
    found = interleave(sides, plan.seconds(16), plan.tell)
    gc.unfreeze()
    readings = [
        _reading(
            name,
            title,
            ratio(found[name], found["calibration"]),
            share=_DELIVERIES if name == "broadcast" else 1,
        )
        for name, title in _TITLES.items()
    ]
    few, many = (f"subscribe-{size}" for size in (_CROWDS[0], _CROWDS[-1]))
    growth = reading(
        "micro-subscribe-growth",
        f"subscribe and unsubscribe with {_CROWDS[-1]} others ÷ with {_CROWDS[0]}: it must not grow",
        ratio(found[many], found[few]),
        at_most(1.3),
        "ns",
        ours=f"with {_CROWDS[-1]}",
        theirs=f"with {_CROWDS[0]}",
    )
    return [*readings, growth]


FIGURE = Figure("micro", "single steps of the hot path ÷ a fixed piece of Python work", _take)
