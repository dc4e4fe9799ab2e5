"""The wiring: settings reach the part they belong to, and stopping takes as long as it should."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial import unittest
from zope.interface import implementer

import sockudo_tx
from sockudo_tx.backends.memory.webhook_queue import MemoryWebhookQueue
from sockudo_tx.config.declare import walk
from sockudo_tx.config.load import Loaded, load
from sockudo_tx.config.schema import Config
from sockudo_tx.engine.webhooks import WebhookSettings
from sockudo_tx.interfaces import ISink
from sockudo_tx.listening import OptionalListener, PassedSockets
from sockudo_tx.logs import Wanted
from sockudo_tx.server import Patience
from sockudo_tx.service import make_service
from sockudo_tx.settings import engine_settings, rest_settings, webhook_settings, websocket_settings
from sockudo_tx.transports.framing import PlainFraming
from sockudo_tx.transports.turn import Turn
from sockudo_tx.watchdog import Watchdog
from tests.certificates import self_signed

SOURCES = Path(sockudo_tx.__file__).parent
ADVISERS = {"advice", "probes", "testing"}
"""They look at keys only to say what they are worth, or at none."""
FOR_LATER = {"pooling.py", "redis_address.py", "redis_keys.py", "sections", "prose.py", "production.py", "moved.py"}
"""They read keys for drivers that are not there yet, or only name keys."""
CODE = "".join(path.read_text() for path in SOURCES.rglob("*.py") if (ADVISERS | FOR_LATER).isdisjoint(path.parts))
CALLED = {
    "unix_socket.permission_mode": "unix_socket.mode",
    "rate_limiter.api_rate_limit.max_requests": "api.max_requests",
    "rate_limiter.api_rate_limit.window_seconds": "api.window_seconds",
    "rate_limiter.websocket_rate_limit.max_requests": "websocket.max_requests",
    "rate_limiter.websocket_rate_limit.window_seconds": "websocket.window_seconds",
    "rate_limiter.websocket_rate_limit.trust_hops": "websocket.trust_hops",
    "metrics.driver": "metrics.enabled",
}
"""How those who read these keys call them; the driver of metrics is one word."""
FOR_DATABASES = {"app_manager.cache.enabled", "app_manager.cache.ttl"}
"""What their texts say: no app store of this version needs a cache."""


def loaded(**settings: object) -> Loaded:
    """A configuration from these settings alone, on a free port."""
    text = json.dumps(
        {"host": "127.0.0.1", "port": 0, "metrics": {"host": "127.0.0.1", "port": 0}, **settings}
    ).encode()
    return load("test.json", {}, "/", read=lambda path: text)


class SettingsTests(unittest.TestCase):
    """What is written in the file arrives in the part's own units."""

    def test_no_key_is_without_effect_in_silence(self) -> None:
        """Every key is read by somebody or marked as unused, which its documentation and the start-up log tell."""
        for key in walk(Config):
            section, _, name = f"config.{CALLED.get(key.path, key.path)}".rpartition(".")
            owner = section.rpartition(".")[2]
            read = re.search(rf"\b(self|{owner})\.{name}\b" if owner == "config" else rf"\b{owner}\.{name}\b", CODE)
            self.assertEqual(bool(read), not key.unused and key.path not in FOR_DATABASES, key.path)

    def test_engine(self) -> None:
        """Seconds stay seconds, milliseconds become seconds."""
        found = engine_settings(
            loaded(
                activity_timeout=30,
                user_authentication_timeout=60,
                websocket={"auto_ping": False, "ping_interval": 7, "idle_timeout": 300},
                channel_limits={"cache_ttl": 5, "subscription_count_interval_ms": 2500},
                cleanup={"batch_size": 25},
            ).config
        )
        self.assertEqual((found.activity_timeout, found.cleanup_batch), (30, 25))
        self.assertEqual(found.user_authentication_timeout, 60)
        self.assertEqual((found.auto_ping, found.idle_timeout), (False, 300))
        self.assertEqual((found.cache_ttl, found.subscription_count_interval), (5, 2.5))

    def test_webhooks(self) -> None:
        """Milliseconds become seconds, switches and numbers stay."""
        retry = {
            "enabled": False,
            "max_attempts": 7,
            "max_elapsed_time_ms": 500,
            "initial_backoff_ms": 20,
            "max_backoff_ms": 4000,
        }
        batching = {"enabled": False, "duration": 5, "size": 9}
        found = webhook_settings(loaded(webhooks={"batching": batching, "retry": retry}).config)
        self.assertEqual(found, WebhookSettings(False, 0.005, 9, False, 7, 0.5, 0.02, 4.0))
        self.assertEqual(webhook_settings(Config()), WebhookSettings())

    def test_websocket(self) -> None:
        """Limits of messages and of slow consumers; the payload limit in KiB lowers the one in bytes."""
        found = websocket_settings(
            loaded(
                path_prefix="/ws",
                websocket_max_payload_kb=4,
                websocket={"max_messages": 5, "max_bytes": 6, "disconnect_on_buffer_full": True},
            ).config
        )
        self.assertEqual((found.path_prefix, found.max_message_size), ("/ws", 4096))
        self.assertEqual((found.max_messages, found.max_bytes), (5, 6))
        self.assertTrue(found.disconnect_on_buffer_full)

    def test_rest(self) -> None:
        """Megabytes become bytes, milliseconds seconds; CORS and idempotency go along."""
        found = rest_settings(
            loaded(
                http_api={"request_limit_in_mb": 2, "usage_enabled": False},
                health_check_timeout_ms=100,
                cors={"origin": ["https://a.example"]},
                idempotency={"enabled": False, "ttl_seconds": 9},
            ).config
        )
        self.assertEqual((found.request_limit, found.usage_enabled), (2 * 1024 * 1024, False))
        self.assertEqual((found.health_timeout, found.cors.origin), (0.1, ("https://a.example",)))
        self.assertEqual((found.idempotency.enabled, found.idempotency.ttl_seconds), (False, 9))


@implementer(ISink)
class StubbornClient:
    """A connection that never ends: the engine is never told that it did."""

    framing = PlainFraming(Turn(lambda flush: flush()))

    def push(self, frame: bytes) -> None:
        pass

    push_control = push

    closed: int | None = None

    def close(self, code: int, reason: str) -> None:
        self.closed = code

    def abort(self) -> None:
        pass


class StartTests(unittest.TestCase):
    """Starting without a process."""

    def test_report(self) -> None:
        """One event with what support will ask for: listeners, drivers, TLS, apps, limits, unknown keys."""
        server = make_service(loaded(actvity_timeout=1, websocket_max_payload_kb=4), MemoryReactorClock())
        self.addCleanup(server.stopService)
        with capturedLogs() as events:
            server.startService()
        (ready,) = [event for event in events if event["log_format"].startswith("ready")]
        self.assertEqual(ready["log_level"].name, "info")
        self.assertRegex(ready["listeners"], r"^http://127\.0\.0\.1:\d+$")
        found = {name: ready[name] for name in ("app_manager", "adapter", "cache", "tls", "apps", "unknown_keys")}
        expected = {"app_manager": "memory", "adapter": "local", "cache": "memory", "tls": False, "unknown_keys": 1}
        self.assertEqual(found, {**expected, "apps": found["apps"]})
        sizes = [ready[name] for name in ("max_message_size", "max_frame_size", "max_request_size")]
        self.assertEqual(sizes, [4096, 16777216, 10485760])
        self.assertEqual((ready["config"], bool(ready["version"])), ("test.json", True))


class HealthTests(unittest.TestCase):
    """What `/up` looks at"""

    def test_stall(self) -> None:
        """A reactor that stood still is an error, for which balancers look elsewhere."""
        clock = MemoryReactorClock()
        server = make_service(loaded(apps=[{"id": "1", "key": "one", "secret": "long enough"}]), clock)
        server.startService()
        self.addCleanup(lambda: (server.stopService(), server.hurry())[0])
        (watchdog,) = [child for child in server if isinstance(child, Watchdog)]
        for gap, status, state in ((0, b"200 OK", b"OK"), (60, b"503 Service Unavailable", b"ERROR\nreactor: stalled")):
            watchdog.beats.last -= gap
            transport: Any = StringTransport()
            channel = server.site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 5))
            transport.protocol = channel
            channel.makeConnection(transport)
            channel.dataReceived(b"GET /up HTTP/1.1\r\n\r\n")
            clock.advance(0)
            self.assertTrue(transport.value().startswith(b"HTTP/1.1 " + status), transport.value())
            self.assertIn(b"\r\n\r\n" + state, transport.value())
            channel.connectionLost(Failure(ConnectionDone()))


class PassedTests(unittest.TestCase):
    """Sockets that systemd passed"""

    def passed(self, family: socket.AddressFamily) -> socket.socket:
        found = socket.socket(family)
        self.addCleanup(found.close)
        found.bind("" if family == socket.AF_UNIX else ("127.0.0.1", 0))  # a Unix socket then has some abstract name
        found.listen()
        return found

    def test_tls(self) -> None:
        """They decide where TLS is spoken, whatever the file says of a Unix socket: on TCP ports."""
        files = self_signed(Path(self.mktemp()))
        ssl = {"enabled": True, "cert_path": files.cert, "key_path": files.key}
        for family, enabled, speaks in ((socket.AF_INET, True, True), (socket.AF_UNIX, False, False)):
            unix = {"enabled": enabled, "path": "/run/nobody/s.sock"}
            sockets = PassedSockets((self.passed(family),))
            server = make_service(loaded(ssl=ssl, unix_socket=unix), MemoryReactorClock(), passed=sockets)
            self.assertEqual(server.certificates is not None, speaks, family)

    def test_metrics_that_are_off(self) -> None:
        """A socket for metrics that are switched off is closed, and that is told."""
        metrics = self.passed(socket.AF_INET)
        with capturedLogs() as events:
            make_service(loaded(metrics={"enabled": False}), MemoryReactorClock(), passed=PassedSockets((), (metrics,)))
        self.assertEqual(metrics.fileno(), -1)
        self.assertIn("`metrics.enabled` is off", events[-1]["log_format"])


class RedirectTests(unittest.TestCase):
    """The listener for plain HTTP"""

    def test_address(self) -> None:
        """It listens on `host` when that is an address, else on all of them (configuration.md 8.3)."""
        files = self_signed(Path(self.mktemp()))
        ssl = {
            "enabled": True,
            "cert_path": files.cert,
            "key_path": files.key,
            "redirect_http": True,
            "http_port": 8080,
        }
        for host, expected in (("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("localhost", "0.0.0.0")):
            server = make_service(loaded(host=host, ssl=ssl, metrics={"enabled": False}), MemoryReactorClock())
            (redirect,) = [child for child in server if isinstance(child, OptionalListener)]
            self.assertEqual((redirect.address.host, redirect.address.port), (expected, 8080))


class StopTests(unittest.TestCase):
    """Stopping without a process."""

    def setUp(self) -> None:
        self.clock = MemoryReactorClock()
        apps = [{"id": "app-id", "key": "app-key", "secret": "app-secret"}]
        app_manager = {"array": {"apps": apps}}
        self.server = make_service(loaded(shutdown_grace_period=10, app_manager=app_manager), self.clock)
        self.server.startService()

    def unfinished(self, client: StubbornClient | None = None) -> Deferred[None]:
        """Stops the server while a client does not leave, whatever it is told."""
        self.server.engine.connect(client or StubbornClient(), "app-key", None)
        return self.server.stopService()

    def listening(self) -> bool:
        """Whether the port is open."""
        return bool(self.server.listeners[0].addresses)

    def rest(self, data: bytes) -> Any:
        """A connection that has made an answered REST call and then sent `data`; its transport."""
        transport: Any = StringTransport()
        channel = self.server.site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 5))
        transport.protocol = channel
        channel.makeConnection(transport)
        channel.dataReceived(b"GET /live HTTP/1.1\r\n\r\n" + data)
        self.clock.advance(0)
        return transport

    def test_nobody_connected(self) -> None:
        """Without clients it stops at once, leaves no timer behind, and `/up` would say draining."""
        self.successResultOf(self.server.stopService())
        self.assertTrue(self.server.engine.draining)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_queue_in_trouble(self) -> None:
        """A webhook queue that cannot be used turns `/up` to DEGRADED; clients are served."""
        self.successResultOf(self.server.stopService())
        self.patch(MemoryWebhookQueue, "health", lambda queue: False)
        self.setUp()
        transport: Any = StringTransport()
        channel = self.server.site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 5))
        transport.protocol = channel
        channel.makeConnection(transport)
        channel.dataReceived(b"GET /up HTTP/1.1\r\nHost: h\r\n\r\n")
        self.clock.advance(0)
        self.assertTrue(transport.value().startswith(b"HTTP/1.1 200"))
        self.assertIn(b"DEGRADED\nqueue: not usable", transport.value())
        stopped = self.server.stopService()
        self.clock.advance(20)
        self.successResultOf(stopped)

    def test_grace_period(self) -> None:
        """With clients that stay it stops after the grace period, not before."""
        stopped = self.unfinished()
        self.clock.advance(9.9)
        self.assertNoResult(stopped)
        self.clock.advance(0.2)
        self.successResultOf(stopped)

    def test_drain(self) -> None:
        """For `shutdown.drain_ms` the port stays open and `/up` says draining; then it closes and clients leave."""
        self.server.patience = Patience(10.0, 3.0)
        client = StubbornClient()
        stopped = self.unfinished(client)
        self.clock.advance(2.9)
        self.assertTrue(self.server.engine.draining)
        self.assertTrue(self.server.engine.admitting)
        self.assertEqual((self.listening(), client.closed), (True, None))
        self.clock.advance(0.2)
        self.assertEqual((self.listening(), client.closed), (False, 4200))
        self.clock.advance(6.8)
        self.assertNoResult(stopped)
        self.clock.advance(0.2)
        self.successResultOf(stopped)

    def test_drain_is_part_of_the_grace_period(self) -> None:
        """A drain longer than half the grace period is cut, so that the whole ends when the supervisor expects it."""
        self.server.patience = Patience(10.0, 60.0)
        client = StubbornClient()
        stopped = self.unfinished(client)
        self.clock.advance(5.1)
        self.assertEqual(client.closed, 4200)
        self.clock.advance(5)
        self.successResultOf(stopped)

    def test_hurry_while_draining(self) -> None:
        """A second signal while the port is still open closes it and ends at once."""
        self.server.patience = Patience(10.0, 3.0)
        stopped = self.unfinished()
        self.server.hurry()
        self.successResultOf(stopped)
        self.assertFalse(self.listening())

    def test_last_lines(self) -> None:
        """Whoever left as the server ended has a line in the log, though no turn comes any more to write it in."""
        self.server.heed(Wanted(connections=True))
        with capturedLogs() as events:
            stopped = self.unfinished()
            self.clock.advance(1)  # told to leave
            self.server.engine.connect(StubbornClient(), "app-key", None)
            self.server.hurry()
            self.successResultOf(stopped)
        ended = [event for event in events if event["log_namespace"] == "sockudo.connections"]
        self.assertEqual(len(ended), 2)

    def test_request_under_way(self) -> None:
        """A REST call whose body is still coming is answered before the server ends; an idle connection is not waited
        for."""
        idle, busy = self.rest(b""), self.rest(b"POST /apps/app-id/events HTTP/1.1\r\nContent-Length: 2\r\n\r\n{")
        stopped = self.server.stopService()
        self.clock.advance(1)
        self.assertTrue(idle.disconnecting)
        self.assertNoResult(stopped)
        busy.protocol.dataReceived(b"}")
        self.clock.advance(0)
        self.assertIn(b"Connection: close", busy.value())
        self.assertTrue(busy.disconnecting)
        for transport in (idle, busy):
            transport.protocol.connectionLost(Failure(ConnectionDone()))
        self.successResultOf(stopped)

    def test_hurry(self) -> None:
        """`hurry` ends the waiting; asked again, or before, it does nothing."""
        self.server.hurry()
        stopped = self.unfinished()
        self.server.hurry()
        self.successResultOf(stopped)
        self.server.hurry()
