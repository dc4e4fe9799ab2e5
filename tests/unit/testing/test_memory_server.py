"""The public fakes: what docs/testing.md shows works, and they notice what they are there to notice."""

from __future__ import annotations

import pathlib
import re
from typing import Any

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.testing import HttpReader, MemoryServer, MemoryWire, channel_auth, fixture_app, signed_target, sizes

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "testing.md"


class PageTests(SynchronousTestCase):
    """docs/testing.md."""

    def test_examples(self) -> None:
        """Its examples run, one after the other."""
        app = fixture_app(id="7", key="k", secret="s")
        names: dict[str, Any] = {"your_backend_auth": lambda socket_id, name: channel_auth(app, socket_id, name)}
        for example in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
            exec(compile(example, str(PAGE), "exec"), names)
        self.assertEqual(names["client"].take(), [])
        self.assertEqual(names["server"].occupied(), ["private-orders"])


class MemoryServerTests(SynchronousTestCase):
    """The server, its clients and its tables."""

    def test_tables(self) -> None:
        """Everything a connection adds is listed while it is there, and gone with it."""
        server = MemoryServer()
        self.assertEqual(server.tables(), {})
        client = server.client()
        client.subscribe("presence-r", "u1")
        client.signin("u1", watchlist=["u2"])
        listed = " ".join(server.tables())
        for table in ("deadlines", "registry.apps", "subscribers", "members", "watchers", "users", "clock"):
            self.assertIn(table, listed)
        client.cut()
        server.advance(5)
        self.assertEqual(server.tables(), {})

    def test_refused_upgrade(self) -> None:
        """A client that was not upgraded has the answer, and is not established."""
        client = MemoryServer().connect("/app/key?protocol=x")
        self.assertEqual((client.status, client.headers["content-type"]), (400, "application/json"))
        self.assertIn(b"protocol", client.body)
        with self.assertRaises(AssertionError):
            client.established  # noqa: B018  # asking is what fails

    def test_request(self) -> None:
        """Requests are signed unless told otherwise, and may carry any body and header."""
        server = MemoryServer()
        self.assertEqual(server.request("GET", "/apps/app/channels").json, {"channels": {}})
        self.assertEqual(server.request("GET", "/apps/app/channels", signed=False).status, 401)
        self.assertEqual(server.request("POST", "/apps/app/events", body=b"{").status, 400)
        self.assertEqual(server.request("GET", "/up", signed=False).text.strip(), "OK")
        other = fixture_app(secret="other")
        self.assertEqual(server.request("GET", "/apps/app/channels", app=other).status, 401)

    def test_advance(self) -> None:
        """Time stops at everything due on the way, in order, and ends where it was told to."""
        server = MemoryServer()
        seen: list[float] = []
        start = server.clock.seconds()

        def again() -> None:
            seen.append(server.clock.seconds() - start)
            server.clock.callLater(0.25, again)

        server.clock.callLater(0.25, again)
        server.advance(1.125)
        self.assertEqual(seen, [0.25, 0.5, 0.75, 1.0])
        self.assertEqual(server.clock.seconds() - start, 1.125)

    def test_facts(self) -> None:
        """Webhook facts are recorded."""
        server = MemoryServer()
        server.client().subscribe("news")
        self.assertEqual([(fact.name, fact.channel) for fact in server.facts.take()], [("channel_occupied", "news")])
        self.assertEqual(server.facts.take(), [])


class Recorder(Protocol):
    """Writes down what happens to it."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def dataReceived(self, data: bytes) -> None:
        self.seen.append(data)

    def connectionLost(self, reason: Any = None) -> None:
        self.seen.append(reason.type.__name__)


class MemoryWireTests(SynchronousTestCase):
    """A connection in memory behaves like one through a kernel."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.heard: list[object] = []
        factory = Factory.forProtocol(Recorder)
        self.wire = MemoryWire(self.clock, factory, self.heard.append, lambda: self.heard.append("end"))
        self.near: Recorder = self.wire.protocol

    def test_later(self) -> None:
        """What is written in one turn arrives in the next, as one piece."""
        self.wire.write(b"a")
        self.wire.writeSequence([b"b", b"c"])
        self.assertEqual(self.heard, [])
        self.clock.advance(0)
        self.assertEqual(self.heard, [b"abc"])

    def test_lose(self) -> None:
        """Closing delivers what was written, reads nothing more, and is told once, later."""
        self.wire.write(b"bye")
        self.wire.loseConnection()
        self.wire.loseConnection()
        self.wire.feed(b"too late")
        self.assertEqual(self.near.seen, [])
        self.clock.advance(0)
        self.assertEqual((self.heard, self.near.seen), ([b"bye", "end"], ["ConnectionDone"]))

    def test_abort(self) -> None:
        """Aborting delivers nothing."""
        self.wire.write(b"bye")
        self.wire.abortConnection()
        self.clock.advance(0)
        self.assertEqual((self.heard, self.near.seen), (["end"], ["ConnectionAborted"]))

    def test_cut(self) -> None:
        """A lost connection is lost at once, with what was under way."""
        self.wire.write(b"bye")
        self.wire.cut()
        self.assertEqual((self.heard, self.near.seen), (["end"], ["ConnectionLost"]))
        self.wire.cut(clean=True)
        self.wire.write(b"more")
        self.clock.advance(0)
        self.assertEqual(self.heard, ["end"])

    def test_pause(self) -> None:
        """A server that has stopped reading gets its bytes when it goes on."""
        self.wire.pauseProducing()
        self.wire.feed(b"a")
        self.wire.feed(b"b")
        self.assertEqual(self.near.seen, [])
        self.wire.resumeProducing()
        self.clock.advance(0)
        self.assertEqual(self.near.seen, [b"a", b"b"])

    def test_one_producer(self) -> None:
        """As with a real transport, a second producer is refused."""
        self.wire.registerProducer(object(), True)
        self.assertRaises(RuntimeError, self.wire.registerProducer, object(), True)
        self.wire.unregisterProducer()
        self.wire.registerProducer(object(), True)

    def test_bytes(self) -> None:
        """As with a real transport, text is refused."""
        self.assertRaises(TypeError, self.wire.write, "text")


class PartsTests(SynchronousTestCase):
    """The smaller parts."""

    def test_signature(self) -> None:
        """Requests are signed as Pusher's documentation shows in its example."""
        app = fixture_app(key="278d425bdf160c739803", secret="7ad3773142a6692b25b8")
        body = b'{"name":"foo","channels":["project-3"],"data":"{\\"some\\":\\"data\\"}"}'
        target = signed_target(app, "POST", "/apps/3/events", 1353088179.9, body)
        digest = "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"
        self.assertTrue(target.endswith(f"&auth_signature={digest}"))
        self.assertIn("body_md5=ec365a775a4cd0599faeb73354201b6f", target)

    def test_answer_in_pieces(self) -> None:
        """An answer may arrive byte by byte, chunked, or end with the connection."""
        for data in (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: 1\r\nA: 2\r\n\r\nhi",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: 1, 2\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: 1, 2\r\n\r\nhi",
        ):
            reader = HttpReader("GET", "/", [("Host", "x")])
            for at in range(len(data)):
                reader.receive(data[at : at + 1])
            if reader.response is None:
                reader.receive(b"")
            assert reader.response is not None
            self.assertEqual((reader.response.status, reader.response.text), (200, "hi"))
            self.assertEqual(reader.response.headers["a"], "1, 2")

    def test_sizes(self) -> None:
        """Tables are found through our objects, slots and attributes, and listed by their shortest path."""
        server = MemoryServer()
        server.client()
        found = sizes({"engine": server.engine, "number": 5, "list": [1, [2]], "empty": {}})
        self.assertEqual((found["list"], found["list[1]"], "empty" in found), (2, 1, False))
        self.assertEqual(found["engine.registry.apps"], 1)
        self.assertEqual(found["engine.registry.apps['app'].sockets"], 1)
