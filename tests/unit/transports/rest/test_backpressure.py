"""Clients that ask and do not read: what they have asked ahead waits in their own machine, not in ours."""

from __future__ import annotations

import json
import re
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.transports.rest import channel
from sockudo_tx.transports.rest.answering import LINGER
from sockudo_tx.transports.rest.site import RestSettings, rest_site
from sockudo_tx.transports.turn import CHUNK, Turn
from tests.http.case import HttpCase, RawConnection, signed
from tests.unit.transports.kernel import Pair, Selector
from tests.unit.transports.recorder import Recorder

READ = 65536
"""Bytes a transport reads at a time."""
ROOM = 3 * CHUNK
"""What may wait for one client: the answers of a turn, what the transport takes before it complains, and one answer."""
REQUESTS = b"".join(b"GET /%d HTTP/1.1\r\n\r\n" % number for number in range(20_000))


class PipelineTests(SynchronousTestCase):
    """Twenty thousand requests, sent ahead, and nothing read"""

    def setUp(self) -> None:
        engine: Any = Recorder()
        self.clock = engine.clock = Selector()
        self.pair = Pair(reactor=engine.clock)
        self.addCleanup(self.pair.close)
        turn = Turn(lambda flush: engine.clock.callLater(0, flush))
        self.channel = rest_site(engine, RestSettings(), turn).buildProtocol(self.pair.transport.getPeer())
        self.pair.transport.protocol = self.channel
        self.pair.transport.startReading()
        self.channel.makeConnection(self.pair.transport)
        self.sent = 0

    def waiting(self) -> int:
        """Bytes of answers that we hold for the client."""
        transport = self.pair.transport
        return (
            len(self.channel._answered)
            + sum(map(len, transport._tempDataBuffer))
            + len(transport.dataBuffer)
            - transport.offset
        )

    def send(self) -> bool:
        """What the transport reads next, if it reads; whether it did."""
        if self.pair.transport not in self.clock.readers or self.sent >= len(REQUESTS):
            return False
        self.pair.transport._dataReceived(REQUESTS[self.sent : self.sent + READ])
        self.sent += READ
        self.clock.advance(0)
        return True

    def test_blocked(self) -> None:
        """Soon nothing is read from it any more, nor computed of what was read already."""
        while self.send():
            self.assertLess(self.waiting(), ROOM)
        self.assertLess(self.sent, 3 * READ)
        self.assertEqual(len(self.clock.readers), 0)

    def test_goes_on(self) -> None:
        """When it reads, it gets every answer, in order."""
        received = b""
        while self.send() or self.waiting():
            received += self.pair.read()
            self.pair.step()
            self.assertLess(self.waiting(), ROOM)
        received += self.pair.read_all()
        numbers = re.findall(rb"nothing at /([0-9]+)", received)
        self.assertEqual(numbers, [b"%d" % number for number in range(20_000)])

    def test_cut_off(self) -> None:
        """One that never reads is gone after the idle timeout, and leaves nothing behind."""
        while self.send():
            pass
        self.clock.advance(59)
        self.assertTrue(self.pair.transport.connected)
        self.clock.advance(1)
        self.clock.advance(LINGER)
        self.pair.step()
        self.assertFalse(hasattr(self.pair.transport, "socket"))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_gone(self) -> None:
        """One that goes while it is held up leaves nothing behind."""
        while self.send():
            pass
        self.pair.transport.connectionLost(Failure(ConnectionDone()))
        self.clock.advance(0)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class UnfinishedTests(HttpCase):
    """Bodies that are never completed"""

    HEAD = b"POST /apps/app-id/events HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n"

    def setUp(self) -> None:
        super().setUp()
        self.patch(channel, "UNFINISHED", 3000)
        self.api = self.server.site.api

    def half(self, size: int = 1000) -> RawConnection:
        return RawConnection(self.server).send(self.HEAD).send(b"x" * size)

    def test_too_many(self) -> None:
        """When those of others fill the memory there is for them, no more is taken: 503, and small calls go on."""
        crowd = [self.half() for _ in range(4)]
        self.assertEqual(self.api.unfinished, 4000)
        late = self.half()
        (answer,) = late.take()
        self.assertRefused(answer, 503, "service_unavailable")
        self.assertEqual(answer.headers["retry-after"], "1")
        self.assertEqual(self.publish().status, 200)
        for each in crowd:
            self.assertFalse(each.ended)
            each.wire.cut()
        self.assertEqual(self.api.unfinished, 0)

    def test_alone(self) -> None:
        """A body that is larger than that is taken when it is alone, in any number of pieces."""
        body = json.dumps({"name": "n", "channels": ["c"], "data": "x" * 9000}).encode()
        head = b"POST %b HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (
            signed("POST", "/apps/app-id/events", body=body, at=self.now).encode(),
            len(body),
        )
        connection = RawConnection(self.server).send(head)
        for start in range(0, len(body), 1000):
            connection.send(body[start : start + 1000])
        self.assertEqual([answer.status for answer in connection.take()], [200])
        self.assertEqual(self.api.unfinished, 0)

    def test_every_end(self) -> None:
        """What is refused, late or gone is not counted any more."""
        for end in (lambda half: half.send(b"x" * 1_000_000), lambda half: self.server.advance(60), lambda half: None):
            half = self.half()
            self.assertEqual(self.api.unfinished, 1000)
            end(half)
            half.wire.cut()
            self.server.pump()
            self.assertEqual(self.api.unfinished, 0)
