"""Heartbeat. Deadlines are kept to within a second; a client here never answers a ping by itself."""

from __future__ import annotations

from typing import Any

from sockudo_tx.engine.settings import EngineSettings
from sockudo_tx.testing import MemoryClient, MemoryServer, fixture_app

from .case import PONG, ProtocolCase

PING = '{"event":"pusher:ping"}'
NO_PONG = "Pong reply not received in time"
NOT_IN_TIME = "Connection not authorized within timeout."


class HeartbeatTests(ProtocolCase):
    """Pings in both directions, and what happens to the silent."""

    def pinged(self) -> MemoryClient:
        """A client that has been silent until the server's ping came."""
        client = self.client()
        self.server.advance(119)
        self.assertSilent(client)
        self.server.advance(1.5)
        self.assertEqual(client.take(), [PING])
        return client

    def advance_answering(self, client: MemoryClient, seconds: int) -> None:
        """Time passes, and the client's WebSocket library answers native pings."""
        for _ in range(seconds):
            self.server.advance(1)
            while client.pings:
                client.frame(0xA, client.pings.pop(0))

    def test_P26_ping(self) -> None:
        """When sending `{"event":"pusher:ping","data":{}}`, then exactly `{"event":"pusher:pong"}`."""
        self.assertEqual(self.client().send('{"event":"pusher:ping","data":{}}').take(), [PONG])

    def test_P27_ping_without_data(self) -> None:
        """When sending `pusher:ping` without data, then the same."""
        self.assertEqual(self.client().send('{"event":"pusher:ping"}').take(), [PONG])

    def test_P28_silence(self) -> None:
        """Given a silent client, when 120 s pass, then `{"event":"pusher:ping"}` (no data key)."""
        self.pinged()

    def test_P28_library_answers(self) -> None:
        """The same when the client's WebSocket library answers native pings by itself, as most do."""
        client = self.client()
        self.advance_answering(client, 119)
        self.assertSilent(client)
        self.advance_answering(client, 2)
        self.assertEqual(client.take(), [PING])
        self.advance_answering(client, 30)
        self.assertClosed(client, 4201, NO_PONG)

    def test_P29_no_answer(self) -> None:
        """Given 28 and no answer, when 30 s more pass, then E(4201,`Pong reply not received in time`) and Close
        4201."""
        client = self.pinged()
        self.server.advance(28)
        self.assertSilent(client)
        self.server.advance(2)
        self.assertClosed(client, 4201, NO_PONG)
        self.assertEqual(self.server.tables(), {})

    def test_P29_library_answers(self) -> None:
        """The same when the client's WebSocket library answers native pings by itself, as most do."""
        self.make(settings=EngineSettings(activity_timeout=2))
        client = self.client()
        self.advance_answering(client, 3)
        self.assertEqual(client.take(), [PING])
        self.advance_answering(client, 28)
        self.assertSilent(client)
        self.advance_answering(client, 2)
        self.assertClosed(client, 4201, NO_PONG)

    def test_P30_answer(self) -> None:
        """Given 28 and the client answers `pusher:pong`, then no close, and the next server ping comes no earlier
        than 120 s after the answer."""
        client = self.pinged()
        self.server.advance(20)
        client.send('{"event":"pusher:pong","data":{}}')
        self.server.advance(119.5)
        self.assertSilent(client)
        self.server.advance(2)
        self.assertEqual(client.take(), [PING])

    def test_P30_short_timeout(self) -> None:
        """The next server ping comes one activity timeout after the answer, however short that is."""
        self.make(settings=EngineSettings(activity_timeout=2))
        client = self.client()
        self.server.advance(2.5)
        for _ in range(10):
            self.assertEqual(client.take(), [PING])
            client.send('{"event":"pusher:pong","data":{}}')
            self.server.advance(1.9)
            self.assertSilent(client)
            self.server.advance(0.6)

    def test_P31_any_other_message(self) -> None:
        """Given 28 and the client sends any other message instead of a pong, then no close."""
        for message in ('{"event":"my-event"}', "not json", b"\xff", '{"event":"pusher:unsubscribe","data":"x"}'):
            self.serve()
            client = self.pinged()
            self.server.advance(29)
            client.send(message).take()
            self.server.advance(100)
            self.assertSilent(client)

    def test_P32_native_pings(self) -> None:
        """Given a client that sends only WebSocket Ping frames every 60 s, then no `pusher:ping` is sent and it stays
        connected."""
        client = self.client()
        for number in range(20):
            self.server.advance(60)
            client.ping(b"%d" % number)
            self.assertSilent(client)
        self.assertEqual(client.pongs, [b"%d" % number for number in range(20)])

    def test_P32_native_pongs(self) -> None:
        """A client that sends Pongs nobody asked for is alive too, pinged natively or not."""
        for auto_ping in (True, False):
            self.make(settings=EngineSettings(auto_ping=auto_ping))
            client = self.client()
            for _ in range(20):
                self.advance_answering(client, 60)
                client.frame(0xA, b"")
                self.assertSilent(client)

    def test_P33_receiving_is_not_living(self) -> None:
        """Given a client that receives events continuously but sends nothing, then it is still pinged after 120 s."""
        client = self.subscriber("news")
        for _ in range(121):
            self.server.publish("news", "e")
            self.server.advance(1)
        self.assertEqual(client.take().count(PING), 1)


class AuthorizationTimerTests(ProtocolCase):
    """Apps with user authentication give a connection a time to become somebody."""

    def serve(self, **changes: Any) -> MemoryServer:
        return self.make(apps=[fixture_app(**changes)], settings=EngineSettings(user_authentication_timeout=1))

    def assertInTime(self, client: MemoryClient) -> None:
        self.server.advance(60)
        self.assertSilent(client)

    def assertTooLate(self, client: MemoryClient) -> None:
        self.server.advance(0.9)
        self.assertSilent(client)
        self.server.advance(1)
        self.assertClosed(client, 4009, NOT_IN_TIME)

    def test_P34_nothing_done(self) -> None:
        """Given `enable_user_authentication` and `user_authentication_timeout` 1, when nothing is done, then after
        1 s E(4009,`Connection not authorized within timeout.`) and Close 4009."""
        self.assertTooLate(self.client())

    def test_P35_signed_in(self) -> None:
        """Given 34 and a successful sign-in in time, then no close."""
        client = self.client()
        self.server.advance(0.5)
        client.signin("u1")
        self.assertInTime(client)

    def test_P36_private_subscription(self) -> None:
        """Given 34 and a successful `private-` (or `private-cache-`) subscription in time, then no close."""
        for channel in ("private-a", "private-cache-a", "private-encrypted-a", "private-encrypted-cache-a"):
            client = self.client()
            client.subscribe(channel)
            self.assertInTime(client)
        for channel in ("presence-a", "presence-cache-a"):
            client = self.client()
            client.subscribe(channel, "u1")
            self.assertInTime(client)

    def test_P37_not_enough(self) -> None:
        """Given 34 and only a public subscription or a failed private subscription, then it is closed at 1 s."""
        for channel, auth in (("news", ""), ("cache-news", ""), ("private-a", "key:bad")):
            client = self.client()
            client.subscribe(channel, auth=auth)
            self.assertTooLate(client)

    def test_P37_failed_signin(self) -> None:
        """A failed sign-in does not touch the timer either."""
        client = self.client()
        client.signin("u1", auth="key:bad")
        self.assertTooLate(client)

    def test_P38_no_timer(self) -> None:
        """Given `enable_user_authentication` false, then no such timer runs."""
        self.serve(enable_user_authentication=False)
        client = self.client()
        self.assertInTime(client)
