"""Shutdown and robustness, as far as they can be seen in memory; slow consumers need a kernel: tests/integration."""

from __future__ import annotations

from typing import Any

from sockudo_tx.testing import MemoryServer

from .case import ProtocolCase, removed

CLOSING = "Server shutting down"


class ShutdownTests(ProtocolCase):
    """What connected clients see of a server that stops."""

    def test_P143_drain(self) -> None:
        """When SIGTERM arrives, then every socket gets E(4200,`Server shutting down`) and Close 4200, new connections
        are refused, and the process exits within the grace period."""
        clients = [self.subscriber("news") for _ in range(50)]
        gone = self.server.engine.drain(0.0)
        self.server.pump()
        for client in clients:
            self.assertClosed(client, 4200, CLOSING)
        self.assertIsNone(self.successResultOf(gone))
        self.assertEqual(self.server.connect().status, 503)

    def test_P143_drain_of_a_room(self) -> None:
        """The members of a presence channel are told to go, not first how the others leave."""
        members = [self.member("presence-r", f"u{number}") for number in range(20)]
        for member in members:
            member.take()
            member.answers_close = False
        self.server.engine.drain(5.0)
        self.server.pump()
        for member in members:
            self.assertClosed(member, 4200, CLOSING)
        self.assertEqual(self.server.members("presence-r"), [])

    def test_P143_drain_spread_out(self) -> None:
        """Closing may be spread over some seconds, and is over when they are."""
        clients = [self.client() for _ in range(50)]
        gone = self.server.engine.drain(5.0)
        self.server.advance(5.5)
        for client in clients:
            self.assertClosed(client, 4200, CLOSING)
        self.assertIsNone(self.successResultOf(gone))

    def test_P143_drain_of_the_deaf(self) -> None:
        """Clients that never answer the Close frame do not hold a shutdown up for more than a few seconds."""
        self.subscriber("news")
        deaf = self.subscriber("news")
        deaf.answers_close = False
        gone = self.server.engine.drain(0.0)
        self.server.pump()
        self.assertClosed(deaf, 4200, CLOSING)
        self.assertNoResult(gone)
        self.server.advance(6)
        self.assertIsNone(self.successResultOf(gone))
        self.assertFalse(deaf.wire.connected)
        self.assertEqual(self.server.tables(), {})

    def test_P143_messages_while_closing(self) -> None:
        """What a client says after the server's Close frame is ignored."""
        client = self.client()
        client.answers_close = False
        self.server.engine.drain(0.0)
        client.send('{"event":"pusher:subscribe","data":{"channel":"news"}}')
        self.assertClosed(client, 4200, CLOSING)
        client.send('{"event":"pusher:ping"}').ping()
        self.server.publish("news", "e")
        self.assertEqual(client.take(), [])
        self.assertEqual(self.server.occupied(), [])

    def test_P143_drain_of_nobody(self) -> None:
        """A server without connections is drained at once."""
        self.assertIsNone(self.successResultOf(self.server.engine.drain(5.0)))


class RobustnessTests(ProtocolCase):
    """Endings of all kinds, and bugs of ours."""

    def test_P144_client_closes(self) -> None:
        """When the client closes with 1000, then the server answers Close 1000 and sends no `pusher:error`."""
        client = self.subscriber("news")
        client.close(1000, "bye")
        self.assertEqual(client.take(), [])
        self.assertEqual((client.closed or (0, ""))[0], 1000)
        self.assertFalse(client.wire.connected)
        self.assertEqual(self.server.occupied(), [])

    def test_P144_other_codes(self) -> None:
        """Close frames with other codes are answered too, and end the connection once."""
        for code in (1001, 3000, 4999):
            client = self.subscriber("news")
            client.close(code)
            self.assertEqual((client.take(), (client.closed or (0, ""))[0]), ([], code))
        client = self.subscriber("news")
        client.frame(0x8, b"")
        self.assertEqual(client.take(), [])
        self.server.advance(10)
        self.assertFalse(client.wire.connected)
        self.assertEqual(self.server.tables(), {})

    def test_P145_vanishing(self) -> None:
        """Given 200 sockets that connect, subscribe to presence and vanish without Close, then afterwards all counts
        and member lists are empty."""
        self.serve(enable_subscription_count_events=True)
        clients = [self.client() for _ in range(200)]
        for number, client in enumerate(clients):
            client.subscribe("presence-r", f"u{number % 100}", {"n": number})
            client.subscribe("news")
            client.subscribe("private-cache-a")
            client.signin(f"u{number % 50}", watchlist=[f"u{number % 7}", "nobody"])
        self.assertEqual(len(self.server.members("presence-r")), 100)
        self.assertEqual(self.server.subscriptions("news"), 200)
        for client in clients:
            client.cut()
        self.assertEqual(self.server.members("presence-r"), [])
        self.assertEqual(self.server.occupied(), [])
        totals = self.server.request("GET", "/stats", signed=False).json["totals"]
        self.assertEqual((totals["connections"], totals["users"]), (0, 0))
        self.server.advance(10)
        self.assertEqual(self.server.tables(), {})

    def test_P145_half_open_upgrades(self) -> None:
        """Connections that say nothing, or half an upgrade, are dropped after a while and leave nothing."""
        for data in (b"", b"GET /app/key HTTP/1.1\r\nHost: x\r\n", b"\x16\x03\x01"):
            wire = self.server.open(lambda data: None, lambda: None)
            if data:
                wire.feed(data)
            self.server.advance(120)
            self.assertFalse(wire.connected)
        self.assertEqual(self.server.tables(), {})

    def test_P146_our_bug(self) -> None:
        """When an internal handler raises, then the client gets a neutral 4000 error without details and later
        messages still work."""
        client = self.client()

        def broken(*args: Any) -> Any:
            raise ZeroDivisionError("the secret of 10.0.0.1")

        self.server.authority.user_up, works = broken, self.server.authority.user_up  # type: ignore[method-assign]
        frames = client.signin("u1")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertRefused(frames[-1:], 4000, "Internal server error: ")
        self.assertNotIn("secret", frames[-1])
        self.assertNotIn("ZeroDivision", frames[-1])
        self.server.authority.user_up = works  # type: ignore[method-assign]
        self.assertUsable(client)
        self.assertIn("subscription_succeeded", client.subscribe("news")[0])

    def test_P146_in_a_join(self) -> None:
        """The same when a presence join fails on us: nobody sees a half-joined member."""
        observer, client = self.member("presence-r", "o"), self.client()
        works = self.server.authority.join

        def broken(*args: Any) -> Any:
            raise ZeroDivisionError("the secret of 10.0.0.1")

        self.server.authority.join = broken  # type: ignore[method-assign]
        frames = client.subscribe("presence-r", "u1")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertRefused(frames, 4000, "Internal server error: ")
        self.server.authority.join = works  # type: ignore[method-assign]
        self.assertSilent(observer)
        self.assertEqual(self.server.members("presence-r"), ["o"])
        self.assertIn("subscription_succeeded", client.subscribe("presence-r", "u1")[0])
        client.cut()
        self.assertIn(removed("presence-r", "u1"), observer.take())

    def test_P146_two_servers(self) -> None:
        """Nothing is shared between two servers in one process."""
        other = MemoryServer()
        client = other.client()
        client.subscribe("news")
        self.server.publish("news", "e")
        self.assertSilent(client)
