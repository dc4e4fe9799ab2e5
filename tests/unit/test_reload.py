"""A reload: everything that is asked or nothing, under open connections."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from sockudo_tx.config.load import Loaded, load
from sockudo_tx.engine.tables import Socket
from sockudo_tx.interfaces import ISink
from sockudo_tx.probes import certificate_findings
from sockudo_tx.service import make_service
from sockudo_tx.start import log_to
from sockudo_tx.transports.framing import PlainFraming
from sockudo_tx.transports.turn import Turn
from tests.certificates import self_signed

ONE = {"id": "1", "key": "one", "secret": "hunter2", "max_connections": 5}
TWO = {"id": "2", "key": "two", "secret": "hunter2"}


def loaded(*apps: dict[str, Any], file: str = "test.json", **settings: Any) -> Loaded:
    """What is read from a file with these apps, `ONE` if none, and these settings."""
    written = {
        "host": "127.0.0.1",
        "port": 0,
        "metrics": {"host": "127.0.0.1", "port": 0},
        "app_manager": {"array": {"apps": list(apps or (ONE,))}},
        **settings,
    }
    return load(file, {}, "/", read=lambda path: json.dumps(written).encode())


@implementer(ISink)
class Client:
    """Remembers how it was closed."""

    framing = PlainFraming(Turn(lambda flush: flush()))

    def __init__(self) -> None:
        self.closed: int | None = None
        self.heard = b""

    def push(self, frame: bytes) -> None:
        self.heard += frame

    push_control = push

    def close(self, code: int, reason: str) -> None:
        self.closed = code

    def abort(self) -> None:
        pass


class ReloadTests(SynchronousTestCase):
    """`Server.reload`"""

    def setUp(self) -> None:
        self.clock = MemoryReactorClock()
        self.begin(ONE, TWO)

    def begin(self, *apps: dict[str, Any], **settings: Any) -> None:
        self.server = make_service(loaded(*apps, **settings), self.clock)
        self.server.startService()
        self.addCleanup(self.server.stopService)

    def connect(self, key: str) -> tuple[Client, Socket]:
        client = Client()
        return client, self.server.engine.connect(client, key, None)

    def reload(self, *apps: dict[str, Any], **settings: Any) -> list[str]:
        """Reloads; the level and text of what is logged."""
        with capturedLogs() as events:
            self.server.reload(lambda: loaded(*apps, **settings))
            self.clock.advance(0)
        return [f"{event['log_level'].name} {event['log_format'].format(**event)}" for event in events]

    def datagrams(self, manager: socket.socket) -> list[str]:
        """What has come so far."""
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(manager.recv(4096).decode())
        return found

    def test_apps_that_go(self) -> None:
        """Connections of a removed app end with 4001, of a disabled one with 4003; those of others stay."""
        self.begin(ONE, TWO, {"id": "3", "key": "three", "secret": "s"})
        one, two, three = (self.connect(key)[0] for key in ("one", "two", "three"))
        self.reload({**ONE, "enabled": False}, TWO)
        self.assertEqual((one.closed, two.closed, three.closed), (4003, None, 4001))
        self.assertEqual(self.connect("three")[0].closed, 4001)

    def test_crowd(self) -> None:
        """The connections of a removed app are closed over five seconds, not in one turn."""
        self.begin(ONE, {**TWO, "max_connections": 0})
        clients = [self.connect("two")[0] for _ in range(1000)]
        self.reload(ONE)
        gone = sum(client.closed is not None for client in clients)
        self.assertEqual(gone, 100)
        self.clock.pump([0.1] * 50)
        self.assertTrue(all(client.closed == 4001 for client in clients))

    def test_second_thoughts(self) -> None:
        """An app that is back before all its connections are closed keeps the others: 4001 would be for good."""
        two = {**TWO, "max_connections": 0}
        self.begin(ONE, two)
        clients = [self.connect("two")[0] for _ in range(1000)]
        self.reload(ONE)
        self.reload(ONE, two)
        self.clock.pump([0.1] * 60)
        self.assertEqual(sum(client.closed is not None for client in clients), 100)

    def test_apps_that_come_and_change(self) -> None:
        """A new app is served at once, a changed limit holds for connections that are there."""
        _, socket = self.connect("one")
        self.reload(
            {**ONE, "max_connections": 1, "enable_client_messages": True}, TWO, {**TWO, "id": "4", "key": "four"}
        )
        self.assertIsNone(self.connect("four")[0].closed)
        self.assertEqual(self.connect("one")[0].closed, 4004)
        assert socket.space is not None
        self.assertTrue(socket.space.app.enable_client_messages)

    def test_another_key(self) -> None:
        """An app with another key keeps its connections; new ones need the new key."""
        client, _ = self.connect("one")
        self.reload({**ONE, "key": "uno", "secret": "other"}, TWO)
        self.assertIsNone(client.closed)
        self.assertEqual(self.connect("one")[0].closed, 4001)
        self.assertIsNone(self.connect("uno")[0].closed)

    def test_settings(self) -> None:
        """Every part goes by its new settings."""
        self.reload(
            ONE,
            TWO,
            activity_timeout=30,
            user_authentication_timeout=40,
            channel_limits={"max_name_length": 10, "cache_ttl": 7, "subscription_count_interval_ms": 3000},
            idempotency={"ttl_seconds": 9},
            rate_limiter={"api_rate_limit": {"trust_hops": 2}},
            cors={"origin": ["https://a.example"]},
            http_api={"request_limit_in_mb": 1},
            health_check_timeout_ms=50,
            websocket={
                "max_messages": 3,
                "max_inbound_messages_per_second": 9,
                "max_frame_size": 100,
                "compression": "shared",
                "disconnect_on_buffer_full": False,
            },
            shutdown_grace_period=3,
        )
        server, engine = self.server, self.server.engine
        self.assertEqual((engine.settings.activity_timeout, engine.settings.cache_ttl), (30, 7))
        app = engine.apps.by_id("1")
        self.assertEqual(app.max_channel_name_length, 10)
        api = server.site.api
        self.assertEqual((api.request_limit, server.site.health.timeout), (1024 * 1024, 0.05))
        self.assertIn(
            b"https://a.example", api.answers.finished(api.answers.preflight, b"https://a.example", close=False)
        )
        self.assertEqual(server.patience.grace, 3)
        self.assertEqual((api.guard.settings.idempotency.ttl_seconds, server.site.hops), (9, 2))
        self.assertEqual((engine._cached.ttl, engine._counts.interval), (7, 3))
        port: Any = server.listeners[0]._factory
        self.assertEqual((port.settings.max_frame_size, port.websockets.longest_whole), (100, 100))
        self.assertEqual(port.websockets.hear.args, (9,))
        slow = port.websockets.slow
        self.assertEqual((slow.max_messages, slow.disconnect), (3, False))
        self.assertIsNotNone(port.websockets._mode)

    def test_log(self) -> None:
        """Debug mode switched on: its lines are made from now on, and written."""
        self.patch(os, "environ", {})
        out = io.StringIO()
        log = log_to(out, self.server)
        api = self.server.site.api
        self.reload(ONE, TWO, debug=True)
        self.assertEqual((api.log_requests, api.guard.explains), (True, True))
        event = {"log_level": LogLevel.debug, "log_namespace": "sockudo_tx.x", "log_format": "fine", "log_time": 0.0}
        log(event)
        self.assertIn("DEBUG sockudo.x: fine", out.getvalue())
        self.reload(ONE, TWO)
        log({**event, "log_format": "no more"})
        self.assertEqual((api.log_requests, "no more" in out.getvalue()), (False, False))

    def test_connections(self) -> None:
        """Who comes after a reload is told of its times, and held to them."""
        self.reload(ONE, TWO, activity_timeout=30)
        client, _ = self.connect("one")
        self.assertIn(rb"\"activity_timeout\":30", client.heard)
        self.clock.pump([10.0] * 7)
        self.assertEqual(client.closed, 4201)

    def test_told(self) -> None:
        """The log tells each difference, what has to wait for the next start, and the sum; the attributes when."""
        self.clock.advance(100)
        self.assertEqual(
            self.reload({**ONE, "secret": "hunter3"}, TWO, activity_timeout=30, path_prefix="/ws"),
            [
                'warn path_prefix takes effect at the next start: "/" -> "/ws"',
                "info activity_timeout: 120 -> 30",
                'info app 1: secret "********" -> secret "********"',
                "info configuration reloaded: 2 changed, 1 more at the next start",
            ],
        )
        reloads = self.server.reloads
        self.assertEqual((reloads.last_ok, reloads.done, reloads.refused), (True, 1, 0))
        self.assertEqual(reloads.last_at, self.clock.seconds())
        again = self.reload({**ONE, "secret": "hunter3"}, TWO, activity_timeout=30, path_prefix="/ws")
        self.assertEqual(again[0][:16], "warn path_prefix")
        self.assertEqual(len(again), 2)

    def test_many_changes(self) -> None:
        """A hundred differences have a line each, the rest is counted."""
        many = [{"id": f"n{number}", "key": f"k{number}", "secret": "long enough"} for number in range(150)]
        found = self.reload(ONE, TWO, *many)
        self.assertEqual(
            found[100:],
            ["info and 50 more changes", "info configuration reloaded: 150 changed, 0 more at the next start"],
        )

    def test_refused_file(self) -> None:
        """A file with a mistake changes nothing at all, and each mistake is an error in the log."""
        client, _ = self.connect("two")
        found = self.reload(ONE, activity_timeout=0, cors={"origin": "no list"}, websocket={"max_messages": 3})
        self.assertEqual([line.split(" ")[0] for line in found], ["error"] * len(found))
        for word in ("activity_timeout", "cors.origin", "the one in use stays: 2 errors"):
            self.assertIn(word, "\n".join(found))
        self.assertIsNone(client.closed)
        self.assertEqual(self.server.engine.settings.activity_timeout, 120)
        reloads = self.server.reloads
        self.assertEqual((reloads.last_ok, reloads.done, reloads.refused), (False, 0, 1))

    def test_broken_app(self) -> None:
        """An app that cannot be read any more keeps its record and its clients; at a start it would be left out."""
        client, _ = self.connect("two")
        found = self.reload({**ONE, "max_connections": 1}, {**TWO, "max_connections": "many"})
        self.assertIn("max_connections", found[0])
        self.assertIsNone(client.closed)
        self.assertEqual(self.server.engine.apps.by_id("1").max_connections, 5)

    def test_app_that_was_broken_before(self) -> None:
        """What was wrong at the start and still is does not stand in the way of the rest."""
        broken = {**TWO, "max_connections": "many"}
        self.begin(ONE, broken)
        self.reload({**ONE, "max_connections": 1}, broken)
        self.assertEqual(self.server.engine.apps.by_id("1").max_connections, 1)

    def test_odd_settings(self) -> None:
        """What is new and odd in the file is warned of, as at a start; what was so before is not told again."""
        (warning,) = (line for line in self.reload(ONE, TWO, activity_timout=30) if "warn" in line)
        self.assertIn("did you mean activity_timeout?", warning)
        self.assertEqual([line for line in self.reload(ONE, TWO, activity_timout=30) if "warn" in line], [])

    def test_certificate(self) -> None:
        """A new certificate is taken at once, by another name too; one that cannot be used keeps everything as it
        was."""
        folder = Path(self.mktemp())
        old, new = self_signed(folder, "old"), self_signed(folder, "new")

        def ssl(cert: str, key: str) -> dict[str, Any]:
            return {"enabled": True, "cert_path": cert, "key_path": key, "watch_interval_ms": 0}

        self.clock = MemoryReactorClock()
        self.clock.rightNow = time.time()
        self.begin(ONE, ssl=ssl(*old))
        certificates = self.server.certificates
        assert certificates is not None
        before = certificates.context
        lines = self.reload({**ONE, "max_connections": 9}, ssl=ssl(old.cert, new.key))
        self.assertIn("does not belong to the certificate", lines[0])
        self.assertIs(certificates.context, before)
        self.assertEqual(self.server.engine.apps.by_id("1").max_connections, 5)
        lines = self.reload(ONE, ssl=ssl(*new))
        self.assertIsNot(certificates.context, before)
        self.assertIn(f"new connections get the certificate of {new.cert}", " ".join(lines))

    def test_certificate_that_has_ended_meanwhile(self) -> None:
        """A certificate that was valid at the start and is no more does not stand in the way of the rest."""
        files = self_signed(Path(self.mktemp()))
        tls = {"enabled": True, "cert_path": files.cert, "key_path": files.key}

        def read(*apps: dict[str, Any]) -> Loaded:
            found = loaded(*apps, ssl=tls)
            return found._replace(findings=[*found.findings, *certificate_findings(found, self.clock.seconds())])

        self.clock = MemoryReactorClock()
        self.clock.rightNow = time.time()
        server = make_service(read(ONE), self.clock)
        self.clock.rightNow += 400 * 86400
        self.assertTrue(server.reload(lambda: read({**ONE, "max_connections": 1})))
        self.assertEqual(server.engine.apps.by_id("1").max_connections, 1)

    def test_told_to_systemd(self) -> None:
        """`systemctl status` shows that the last reload was refused, until one is not."""
        path = os.path.abspath(self.mktemp())
        manager = self.enterContext(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        manager.bind(path)
        manager.setblocking(False)
        self.patch(os, "environ", {**os.environ, "NOTIFY_SOCKET": path})
        self.begin(ONE)
        for settings, words in (({"activity_timeout": 0}, "the last reload was refused"), ({}, "ready at http")):
            self.reload(ONE, **settings)
            *_, last = self.datagrams(manager)
            self.assertIn(words, last)
            self.assertEqual("refused" in last, bool(settings))

    def test_file_that_is_gone(self) -> None:
        """A missing file is no reason to go on with built-in values."""
        client, _ = self.connect("two")

        def missing(path: str) -> bytes:
            raise FileNotFoundError

        with capturedLogs() as events:
            self.assertFalse(self.server.reload(lambda: load("test.json", {}, "/", read=missing)))
        self.assertIn("test.json is gone", " ".join(str(event.get("finding")) for event in events))
        self.assertIsNone(client.closed)

    def test_no_app_left(self) -> None:
        """A file that has lost all its apps changes nothing: an empty one is mostly a deployment gone wrong."""
        client, _ = self.connect("two")
        told = self.reload(app_manager={"array": {"apps": []}})
        self.assertTrue(any("there is no app any more" in line for line in told), told)
        self.clock.pump([0.1] * 60)
        self.assertIsNone(client.closed)

    def test_while_draining(self) -> None:
        """A reload during shutdown is ignored, and the log says so."""
        self.connect("one")
        stopped = self.server.stopService()
        self.assertEqual(self.reload(ONE, activity_timeout=30)[0], "info not reloading: the server is shutting down")
        self.assertEqual(self.server.engine.settings.activity_timeout, 120)
        self.server.hurry()
        self.successResultOf(stopped)
