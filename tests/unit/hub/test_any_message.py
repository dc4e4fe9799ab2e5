"""Whatever a worker says, the hub goes on, and the others get what they ask for."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.backends.hub import wire
from sockudo_tx.backends.hub.wire import Kind, Reader, Replies
from sockudo_tx.backends.memory.authority import MemoryAuthority
from sockudo_tx.backends.memory.cache import MemoryCache
from sockudo_tx.backends.memory.limiter import MemoryLimiter
from sockudo_tx.backends.memory.webhook_queue import MemoryWebhookQueue
from sockudo_tx.hub.exchange import Exchange
from sockudo_tx.hub.station import Station

from .test_wire import values

_METHODS = sorted(
    Exchange(
        Clock(),
        {"cache": MemoryCache(Clock()), "limiter": MemoryLimiter(Clock()), "queue": MemoryWebhookQueue(Clock())},
        MemoryAuthority(Clock()),
    ).join(Station(Exchange(Clock(), {}, MemoryAuthority(Clock())), 0, None))  # type: ignore[arg-type]
)
names = st.sampled_from(("a", "presence-c", "n", "1.1", "u"))
arguments = st.one_of(names, st.integers(-2, 1 << 40), st.floats(), st.none(), st.lists(names, max_size=2), values)
calls = st.lists(
    st.tuples(st.sampled_from(_METHODS), st.lists(arguments, max_size=8)).map(lambda call: [call[0], *call[1]])
    | st.lists(arguments, max_size=3),
    max_size=8,
)
messages = st.one_of(
    calls.map(lambda them: wire.message(Kind.CALLS, wire.encode((1, them)))),
    calls.map(lambda them: wire.message(Kind.CALLS, wire.encode((1, them)))),
    st.builds(wire.message, st.sampled_from(Kind), st.binary(max_size=12)),
    st.builds(wire.message, st.sampled_from(Kind), values.map(wire.encode)),
)


class _Wire(StringTransport):
    """A transport whose socket takes everything."""

    aborted = False

    def getHandle(self) -> _Wire:
        return self

    def send(self, data: bytes) -> int:
        self.write(data)
        return len(data)

    def abortConnection(self) -> None:
        self.aborted = True


class _Nobody:
    """Hears of no worker."""

    def ready(self, station: Station) -> None: ...

    def leaving(self, station: Station) -> None: ...

    def gone(self, station: Station) -> None: ...

    def overflowing(self, station: Station) -> None: ...


class AnyMessageTests(SynchronousTestCase):
    """`Station`"""

    def _worker(self, exchange: Exchange, slot: int) -> tuple[Station, _Wire]:
        station, transport = Station(exchange, slot, _Nobody()), _Wire()
        station.makeConnection(transport)
        station.dataReceived(wire.message(Kind.HELLO, wire.encode((slot, 1, f"node {slot}"))))
        return station, transport

    @settings(max_examples=80, deadline=None)
    @given(st.lists(messages, max_size=6))
    def test_any_message(self, said: list[bytes]) -> None:
        """Any messages of one worker, then its end: the other's calls are answered as if there had been none."""
        clock = Clock()
        authority = MemoryAuthority(clock)
        services: dict[str, Any] = {
            "cache": MemoryCache(clock),
            "limiter": MemoryLimiter(clock),
            "queue": MemoryWebhookQueue(clock),
        }
        exchange = Exchange(clock, services, authority)
        exchange.last_words = lambda station, counted: None
        bad, wild = self._worker(exchange, 0)
        _, calm = self._worker(exchange, 1)
        for each in said:
            if not wild.aborted:
                bad.dataReceived(each)
        asked = [
            ["authority.conn_open", "a", "node 1", 0],
            ["authority.occupy", "a", "presence-c", "node 1"],
            ["authority.count", "a", "presence-c", "node 1", 1, 1.0, True],
            ["authority.join", "a", "presence-c", "node 1", "2.1", "u", "{}", 0],
            ["authority.counts", "a", "presence-c"],
            ["authority.channels", "a", ""],
            ["authority.snapshot", "a", "presence-c"],
            ["authority.due", 100, False],
            ["cache.get", "a"],
            ["limiter.take", "a", [3, 1.0], 1],
            ["queue.depth"],
            ["bus.subscribe", "a"],
        ]
        calm.clear()
        exchange.stations[-1].dataReceived(wire.message(Kind.CALLS, wire.encode((1, asked))))
        found = [
            reply
            for each in Reader().feed(calm.value())
            if each[4] == Kind.REPLIES
            for reply in wire.decode(memoryview(each)[wire.HEADER :], Replies).replies
        ]
        self.assertEqual([reply.ok for reply in found], [True] * len(asked))
        bad.connectionLost()
        clock.advance(0)
        for _ in range(20):
            clock.advance(0)
        self.assertEqual(exchange.stations, [exchange.stations[-1]])
        self.flushLoggedErrors()
