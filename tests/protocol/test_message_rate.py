"""A limit of all messages of a connection, which the operator may set (scaling.md 12, the issue's own)."""

from __future__ import annotations

from typing import Any

from sockudo_tx.engine.server import Engine
from sockudo_tx.testing import MemoryClient, fixture_app, masked
from sockudo_tx.transports.settings import WebSocketSettings

from .case import PONG, ProtocolCase, error, subscribe, succeeded

TEXT = "Message rate limit exceeded (3 in a second)"
PING = '{"event":"pusher:ping","data":{}}'


class MessageRateTests(ProtocolCase):
    """`websocket.max_inbound_messages_per_second`"""

    def limit(self, most: int = 3, **more: Any) -> None:
        self.make(websocket=WebSocketSettings(max_messages_per_second=most), **more)

    def setUp(self) -> None:
        self.limit()

    def burst(self, client: MemoryClient, number: int, text: str = PING) -> None:
        """So many messages in one read."""
        client.write(masked(0x1, text.encode()) * number)

    def counts(self) -> tuple[int, int]:
        tally = self.server.engine.tally.of("app")
        return tally.message_checks, tally.message_refusals

    def test_within(self) -> None:
        """Whoever stays within the limit is not disturbed, however long."""
        client = self.client()
        for _ in range(10):
            self.burst(client, 3)
            self.assertEqual(client.take(), [PONG] * 3)
            self.server.advance(1)
        self.assertEqual(self.counts(), (30, 0))

    def test_beyond(self) -> None:
        """Whoever says more is closed with 4100, with which clients come back later; nothing further is heard."""
        client = self.client()
        self.burst(client, 20)
        self.assertEqual(client.take(), [PONG] * 3 + [error(4100, TEXT)])
        self.assertEqual(client.closed, (4100, TEXT))
        self.assertEqual(self.counts(), (4, 1))
        self.assertEqual(self.server.engine.registry.apps, {})

    def test_slides(self) -> None:
        """There are never more in any second, whenever it begins."""
        client = self.client()
        self.server.advance(0.9)
        self.burst(client, 3)
        self.server.advance(0.2)
        client.take()
        self.burst(client, 1)
        self.assertClosed(client, 4100, TEXT)

    def test_every_kind(self) -> None:
        """Each message counts: what is malformed, what is refused, fragments together, and binary ones."""
        client = self.client()
        client.send("no json")
        client.write(masked(0x1, PING[:9].encode(), fin=False) + masked(0x0, PING[9:].encode()))
        client.send(b"binary")
        self.assertEqual(len(client.take()), 3)
        client.send(PING)
        self.assertClosed(client, 4100, TEXT)

    def test_pings_of_the_transport(self) -> None:
        """WebSocket pings and pongs are no messages."""
        client = self.client()
        for _ in range(10):
            client.write(masked(0x9, b"x") + masked(0xA, b""))
        self.assertUsable(client)

    def test_each_its_own(self) -> None:
        """Connections have limits of their own."""
        first, second = self.client(), self.client()
        for client in (first, second):
            self.burst(client, 3)
            self.assertEqual(client.take(), [PONG] * 3)

    def test_before_it_is_established(self) -> None:
        """What waits until the connection is established counts once, when it comes."""
        self.late = True
        self.limit()
        client = self.server.connect()
        self.burst(client, 3)
        self.server.advance(0.5)
        self.assertEqual(client.take()[-3:], [PONG] * 3)
        self.burst(client, 1)
        self.assertClosed(client, 4100, TEXT)

    def test_leaves_its_channels(self) -> None:
        """A connection that is closed for it has left its channels at once."""
        client = self.client()
        client.send(subscribe("c"))
        self.assertEqual(client.take(), [succeeded("c")])
        client.answers_close = False
        self.burst(client, 3)
        self.assertEqual(self.server.subscriptions("c"), 0)

    def test_off(self) -> None:
        """Without a limit there is none, nothing is kept for a connection, and the engine is told directly."""
        self.make()
        client = self.client()
        self.burst(client, 1000)
        self.assertEqual(client.take(), [PONG] * 1000)
        self.assertEqual({socket.pace for socket in self.server.engine.sockets()}, {None})
        self.assertEqual(self.counts(), (0, 0))
        self.assertEqual(self.server.factory.websockets.hear.__func__, Engine.hear)  # type: ignore[attr-defined]

    def test_reload(self) -> None:
        """A limit that changes holds from the next message on, for connections that are open as well."""
        client = self.client()
        self.burst(client, 3)
        self.server.factory.adjust(WebSocketSettings(max_messages_per_second=5))
        self.burst(client, 2)
        self.assertEqual(client.take(), [PONG] * 5)
        self.server.factory.adjust(WebSocketSettings())
        self.burst(client, 50)
        self.assertEqual(client.take(), [PONG] * 50)
        self.server.factory.adjust(WebSocketSettings(max_messages_per_second=3))
        self.burst(client, 1)
        self.assertClosed(client, 4100, TEXT)

    def test_beside_client_events(self) -> None:
        """The app's limit of client events holds as before; its refusals leave the connection alone."""
        self.limit(10, apps=[fixture_app(max_client_events_per_second=1)])
        client = self.subscriber("private-a")
        for _ in range(3):
            client.send({"event": "client-x", "channel": "private-a", "data": {}})
        self.assertEqual([each["data"]["code"] for each in client.json()], [4301, 4301])
        self.assertUsable(client)
