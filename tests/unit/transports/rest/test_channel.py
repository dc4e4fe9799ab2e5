"""HTTP as strangers send it: how long it may take, how answers leave, and what is tolerated."""

from __future__ import annotations

import gc
import re
import tracemalloc
from types import SimpleNamespace
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.transports.rest.site import RestSettings, rest_site
from sockudo_tx.transports.settings import ListenerSettings
from sockudo_tx.transports.turn import CHUNK, Turn
from tests.http.case import HttpCase, RawConnection, signed
from tests.unit.transports.kernel import Pair, Selector
from tests.unit.transports.recorder import Recorder

from .test_request import LateApps

EVENT = b'{"name":"n","channels":["c"],"data":"d"}'
UP = b"GET /up HTTP/1.1\r\n\r\n"
LIVE = b"GET /live HTTP/1.1\r\n\r\n"
EXPECTING = b" HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"


class SlowClientTests(HttpCase):
    """Clients that send a little at a time, or go away in the middle"""

    def drip(self, head: bytes, piece: bytes, seconds: int) -> RawConnection:
        """A piece every second, after this beginning."""
        connection = RawConnection(self.server).send(head)
        for _ in range(seconds):
            self.server.advance(1)
            if connection.ended:
                break
            connection.send(piece)
        return connection

    def test_slow_head(self) -> None:
        """A head has ten seconds to arrive, however it is spread over them; then its client is told."""
        for head in (b"G", b"GET /app/k", b"GET /up HTTP/1.1\r\n", b"POST /apps/1/events HTTP/1.1\r\nX: y\r\n"):
            self.assertFalse(self.drip(head, b"x", 9).ended)
            connection = self.drip(head, b"x", 10)
            (answer,) = connection.take()
            self.assertRefused(answer, 408, "invalid_input")
            self.assertTrue(connection.ended)
        self.assertEqual(self.server.tables(), {})

    def test_slow_second_head(self) -> None:
        """So has each head of a connection, from its first byte; the time between them is that of an idle client."""
        connection = RawConnection(self.server)
        self.assertEqual(connection.ask(UP).status, 200)
        self.server.advance(55)
        connection.send(UP[:-2])
        self.server.advance(9)
        self.assertFalse(connection.ended)
        self.server.advance(1)
        self.assertEqual([answer.status for answer in connection.take()], [408])
        self.assertEqual(self.server.tables(), {})

    def test_half_a_head_when_the_server_stops(self) -> None:
        """Nobody waits for the rest of a head when the server stops."""
        connection = RawConnection(self.server).send(UP[:-2])
        done = self.server.site.drain()
        self.server.pump()
        self.assertTrue(connection.ended)
        self.successResultOf(done)

    def test_half_a_head_behind_a_request(self) -> None:
        """The beginning of a head that came with the request before it has its time too, and is read in it."""
        for rest, status in ((b"", 408), (UP[10:], 200)):
            connection = RawConnection(self.server).send(UP + UP[:10])
            self.assertEqual([answer.status for answer in connection.take()], [200])
            connection.send(rest)
            self.server.advance(10)
            self.assertEqual([answer.status for answer in connection.take()], [status])
            self.server.advance(60)
        self.assertEqual(self.server.tables(), {})

    def test_slow_body(self) -> None:
        """A body that comes byte by byte is given up; a large one on a slow line is not."""
        for framing, piece in ((b"Content-Length: 999999", b"x"), (b"Transfer-Encoding: chunked", b"1\r\nx\r\n")):
            head = b"POST /apps/app-id/events HTTP/1.1\r\n" + framing + b"\r\n\r\n"
            self.assertTrue(self.drip(head, piece, 61).ended)
        head = b"POST /apps/app-id/events HTTP/1.1\r\nContent-Length: 999999\r\n\r\n"
        self.assertFalse(self.drip(head, b"x" * 2048, 300).ended)

    def test_next_request(self) -> None:
        """Each request has its own minute to begin in and its own ten seconds to come."""
        connection = RawConnection(self.server)
        for _ in range(5):
            self.server.advance(59)
            connection.send(UP[:10])
            self.server.advance(9)
            self.assertEqual([answer.text for answer in connection.send(UP[10:]).take()], ["OK"])

    def test_slow_answer(self) -> None:
        """The time an answer takes is not the client's; its minute begins when it has the answer."""
        self.serve(rest=RestSettings(listener=ListenerSettings(idle_timeout=2)))
        apps = self.server.engine.apps = LateApps()
        connection = RawConnection(self.server).send(
            f"GET {signed('GET', '/apps/app-id/channels')} HTTP/1.1\r\n\r\n".encode()
        )
        self.server.advance(3)
        apps.asked[0].callback(None)
        self.assertEqual([answer.status for answer in connection.take()], [404])
        self.server.advance(1.9)
        self.assertFalse(connection.ended)
        self.server.advance(0.2)
        self.assertTrue(connection.ended)

    def test_one_timer(self) -> None:
        """However much a client asks, one delayed call waits for its silence."""
        connection = RawConnection(self.server)
        timers = []
        for _ in range(3):
            self.assertEqual(connection.ask(UP).text, "OK")
            timers.append(self.server.clock.getDelayedCalls())
            self.server.advance(1)
        self.assertEqual(len(timers[0]), 1)
        self.assertEqual(timers, [timers[0]] * 3)

    def test_H52_abandoned_body(self) -> None:
        """What came of a body is given back when its client goes, without waiting for the garbage collector."""
        head = b"POST /apps/app-id/events HTTP/1.1\r\nContent-Length: 9000000\r\n\r\n"
        gc.disable()
        self.addCleanup(gc.enable)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        for _ in range(3):
            RawConnection(self.server).send(head + b"x" * 2**20).wire.cut()
            self.assertLess(tracemalloc.get_traced_memory()[0], 2**20)


class KernelTests(SynchronousTestCase):
    """How answers leave, over a socket pair"""

    def setUp(self) -> None:
        engine: Any = Recorder()
        engine.clock = Selector()
        self.pair = Pair(reactor=engine.clock)
        self.addCleanup(self.pair.close)
        self.turn = Turn(lambda flush: engine.clock.callLater(0, flush))
        channel = rest_site(engine, RestSettings(), self.turn).buildProtocol(self.pair.transport.getPeer())
        self.pair.transport.protocol = channel
        channel.makeConnection(self.pair.transport)
        self.addCleanup(lambda: channel.connectionLost(Failure(ConnectionDone())))

    def receive(self, requests: bytes) -> None:
        """A turn in which these came."""
        self.pair.transport._dataReceived(requests)
        self.pair.reactor.advance(0)

    def test_same_turn(self) -> None:
        """An answer is in the kernel when the turn ends, after the frames that were due by then."""
        order: list[int] = []
        self.turn.add(SimpleNamespace(flush=lambda: order.append(len(self.pair.read()))))
        self.pair.transport._dataReceived(LIVE)
        self.assertEqual(self.pair.read(), b"")
        self.pair.reactor.advance(0)
        self.assertEqual(order, [0])
        self.assertTrue(self.pair.read().startswith(b"HTTP/1.1 200 "))
        self.assertEqual(self.pair.reactor.writers, set())

    def test_continue_in_order(self) -> None:
        """`100 Continue` to a request does not overtake the answer to the one before it."""
        self.receive(LIVE + b"POST /apps/app/events" + EXPECTING)
        self.assertEqual(re.findall(rb"HTTP/1.1 ([0-9]+)", self.pair.read_all()), [b"200", b"100"])

    def test_refusal_in_order(self) -> None:
        """Nor does a refusal, which does not wait for the end of the turn."""
        self.receive(LIVE * 2 + b"nonsense\r\n\r\n")
        self.assertEqual(re.findall(rb"HTTP/1.1 ([0-9]+)", self.pair.read_all()), [b"200", b"200", b"400"])

    def test_gone(self) -> None:
        """A client that goes before the turn ends gets nothing, and nothing is left."""
        self.pair.transport._dataReceived(LIVE)
        self.pair.transport.connectionLost(Failure(ConnectionDone()))
        self.pair.reactor.advance(0)
        self.assertEqual(self.pair.reactor.getDelayedCalls(), [])

    def test_together(self) -> None:
        """The answers to requests that came together leave together."""
        self.pair.count_sends()
        for requests in (LIVE * 5, b"POST /live HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}" * 5):
            self.pair.sends.clear()
            self.receive(requests)
            self.assertEqual(len(self.pair.sends), 1)
            self.assertEqual(self.pair.read().count(b"HTTP/1.1 "), 5)

    def test_many_together(self) -> None:
        """However many come in one read, no more than a chunk of answers is put together at a time."""
        self.pair.count_sends()
        self.receive(LIVE * 3000)
        self.assertEqual(self.pair.read_all().count(b"HTTP/1.1 "), 3000)
        self.assertGreater(len(self.pair.sends), 5)
        self.assertLess(self.pair.sends[0], CHUNK + 1000)

    def test_slow_reader(self) -> None:
        """What the kernel has no room for follows later, whole and in order."""
        paths = [b"/%d" % number for number in range(200)]
        for path in paths:
            self.receive(b"GET %b HTTP/1.1\r\n\r\n" % path)
        received = self.pair.read_all()
        self.assertEqual(re.findall(rb"nothing at (/[0-9]+)", received), paths)

    def test_last_answer_unread(self) -> None:
        """A client that asks for the end and never reads is cut off after the idle timeout; no timer stays behind."""
        clock = self.pair.reactor
        for number in range(200):
            self.receive(b"GET /%d HTTP/1.1\r\n\r\n" % number)
        self.receive(LIVE[:-2] + b"Connection: close\r\n\r\n")
        clock.advance(59)
        self.pair.step()
        self.assertTrue(self.pair.transport.connected)
        clock.advance(1)
        self.pair.step()
        self.assertFalse(hasattr(self.pair.transport, "socket"))
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_last_answer_read(self) -> None:
        """One that reads a little late gets all of it, and leaves no timer."""
        for number in range(200):
            self.receive(b"GET /%d HTTP/1.1\r\n\r\n" % number)
        self.receive(LIVE[:-2] + b"Connection: close\r\n\r\n")
        self.pair.reactor.advance(50)
        self.assertEqual(self.pair.read_all().count(b"HTTP/1.1 "), 201)
        self.assertFalse(hasattr(self.pair.transport, "socket"))
        self.assertEqual(self.pair.reactor.getDelayedCalls(), [])


class ToleranceTests(HttpCase):
    """Requests that are unusual and right"""

    def test_old_http(self) -> None:
        """HTTP/1.0 is served and the connection closed."""
        connection = RawConnection(self.server).send(b"GET /up HTTP/1.0\r\n\r\n")
        (answer,) = connection.take()
        self.assertEqual((answer.status, answer.text, answer.headers["connection"]), (200, "OK", "close"))
        self.assertTrue(connection.ended)

    def test_close(self) -> None:
        """`Connection: close` in any list and letter case closes, nothing else does."""
        for value, ends in ((b"close", True), (b"Keep-Alive, CLOSE", True), (b"keep-alive", False), (b"closed", False)):
            connection = RawConnection(self.server).send(b"GET /up HTTP/1.1\r\nConnection: %b\r\n\r\n" % value)
            self.assertEqual([answer.text for answer in connection.take()], ["OK"])
            self.assertEqual(connection.ended, ends)

    def test_targets(self) -> None:
        """A target with scheme and host means its path, and the signature covers the path."""
        for target in (b"http://localhost:6001/up", b"HTTPS://x/up?a", b"/up?http://x/y"):
            answer = RawConnection(self.server).ask(b"GET %b HTTP/1.1\r\n\r\n" % target)
            self.assertEqual(answer.text, "OK")
        target = b"http://localhost:6001" + signed("GET", "/apps/app-id/channels").encode()
        self.assertJson(RawConnection(self.server).ask(b"GET %b HTTP/1.1\r\n\r\n" % target), {"channels": {}})
        self.assertEqual(RawConnection(self.server).ask(b"GET http://x HTTP/1.1\r\n\r\n").status, 404)
        for request in (b"GET *", b"CONNECT localhost:6001", b"GET localhost:6001"):
            self.assertEqual(RawConnection(self.server).ask(request + b" HTTP/1.1\r\n\r\n").status, 404, request)
        self.assertEqual(RawConnection(self.server).ask(b"OPTIONS * HTTP/1.1\r\n\r\n").status, 200)

    def test_empty_line_and_folding(self) -> None:
        """An empty line before the request and a folded header are fine."""
        answer = RawConnection(self.server).ask(b"\r\nGET /up HTTP/1.1\r\nX: a\r\n b\r\n\r\n")
        self.assertEqual(answer.text, "OK")

    def test_chunked(self) -> None:
        """A chunked body, byte by byte, with an extension and a trailer, is the same body."""
        client = self.subscriber("c")
        head = (
            f"POST {signed('POST', '/apps/app-id/events', body=EVENT)} HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n"
        )
        body = b"5;x=y\r\n%b\r\n%x\r\n%b\r\n0\r\nTrailer: x\r\n\r\n" % (EVENT[:5], len(EVENT) - 5, EVENT[5:])
        connection = RawConnection(self.server)
        for byte in head.encode() + body + UP:
            connection.send(bytes([byte]))
        self.assertEqual([answer.text for answer in connection.take()], ['{"ok":true}', "OK"])
        self.assertEqual(len(client.take()), 1)

    def test_expect(self) -> None:
        """`Expect: 100-continue` is answered when a body will be read, and with the refusal when not."""
        target = signed("POST", "/apps/app-id/events", body=EVENT)
        connection = RawConnection(self.server)
        connection.send(
            f"POST {target} HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: {len(EVENT)}\r\n\r\n".encode()
        )
        self.assertEqual(connection.received, b"HTTP/1.1 100 Continue\r\n\r\n")
        self.assertJson(connection.send(EVENT).take()[0], {"ok": True})
        for path, length, status in ((target, 2**40, 413), ("/nothing", 5, 404), ("/up", 5, 405)):
            refused = RawConnection(self.server)
            refused.send(f"POST {path} HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n".encode())
            self.assertEqual([answer.status for answer in refused.take()], [status])
            self.assertTrue(refused.ended)

    def test_body_nobody_wants(self) -> None:
        """The body of a request that is refused for its path or method is read over, and the connection goes on."""
        connection = RawConnection(self.server)
        for line, status in ((b"PUT /up", 405), (b"POST /nothing", 404), (b"OPTIONS /up", 200)):
            connection.send(line + b" HTTP/1.1\r\nContent-Length: 20\r\n\r\n" + UP)
            self.assertEqual([answer.status for answer in connection.take()], [status])
        self.assertEqual(connection.ask(UP).text, "OK")

    def test_H52_no_limit(self) -> None:
        """A limit of 0 is none, as with every other limit."""
        self.serve(rest=RestSettings(request_limit=0))
        connection = RawConnection(self.server).send(
            f"POST {signed('POST', '/apps/app-id/events', body=EVENT)} HTTP/1.1\r\n".encode()
            + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(EVENT), EVENT)
        )
        self.assertJson(connection.take()[0], {"ok": True})
        self.assertJson(self.post("/events", EVENT), {"ok": True})

    def test_path_before_size(self) -> None:
        """A path that does not exist is a 404 however large the body is."""
        self.serve(rest=RestSettings(request_limit=10))
        for framing in (
            b"Content-Length: 11\r\n\r\n",
            b"Transfer-Encoding: chunked\r\n\r\nb\r\n" + b"x" * 11 + b"\r\n",
        ):
            refused = RawConnection(self.server).send(b"POST /nothing HTTP/1.1\r\n" + framing)
            self.assertRefused(refused.take()[0], 404, "not_found")
            self.assertTrue(refused.ended)
