"""Subscription counts. Changes within a tenth of a second may travel as one."""

from __future__ import annotations

import json

from sockudo_tx.testing import MemoryClient

from .case import ProtocolCase, count, succeeded


def counts(client: MemoryClient) -> list[int]:
    """The counts among what the client received."""
    return [
        json.loads(message["data"])["subscription_count"]
        for message in client.json()
        if message["event"] == "pusher_internal:subscription_count"
    ]


class SubscriptionCountTests(ProtocolCase):
    """`pusher_internal:subscription_count`, which an app has to ask for."""

    def test_P105_off(self) -> None:
        """Given the option off, when sockets come and go, then no `subscription_count` message is ever sent."""
        watcher = self.subscriber("news")
        for _ in range(3):
            self.subscriber("news").close()
            self.server.advance(6)
        self.assertSilent(watcher)

    def test_P106_on(self) -> None:
        """Given the option on, when a second socket subscribes to `news`, then both receive
        `{"event":"pusher_internal:subscription_count","channel":"news","data":"{\\"subscription_count\\":2}"}`, the new
        one after its `subscription_succeeded`."""
        self.serve(enable_subscription_count_events=True)
        first, second = self.client(), self.client()
        first.send({"event": "pusher:subscribe", "data": {"channel": "news"}})
        self.server.advance(1)
        self.assertEqual(first.take(), [succeeded("news"), count("news", 1)])
        second.send({"event": "pusher:subscribe", "data": {"channel": "news"}})
        self.server.advance(1)
        expected = (
            '{"event":"pusher_internal:subscription_count","channel":"news","data":"{\\"subscription_count\\":2}"}'
        )
        self.assertEqual(first.take(), [expected])
        self.assertEqual(second.take(), [succeeded("news"), expected])
        second.unsubscribe("news")
        self.server.advance(1)
        self.assertEqual(first.take(), [count("news", 1)])
        self.assertSilent(second)

    def test_P106_repeat(self) -> None:
        """A repeated subscribe does not change the count and sends nothing; nor does the last one leaving."""
        self.serve(enable_subscription_count_events=True)
        client = self.client()
        client.subscribe("news")
        self.server.advance(6)
        client.take()
        self.assertEqual(client.subscribe("news"), [succeeded("news")])
        self.server.advance(6)
        client.unsubscribe("news")
        self.server.advance(6)
        self.assertSilent(client)

    def test_P106_every_other_kind(self) -> None:
        """Private, encrypted and cache channels are counted too."""
        self.serve(enable_subscription_count_events=True)
        for channel in ("private-a", "private-encrypted-a", "cache-a", "private-cache-a"):
            first = self.client()
            first.subscribe(channel)
            self.client().subscribe(channel)
            self.server.advance(1)
            self.assertEqual(counts(first)[-1], 2, channel)

    def test_P107_presence(self) -> None:
        """Given the option on and a presence channel, then none."""
        self.serve(enable_subscription_count_events=True)
        first = self.member("presence-r", "u1")
        first.signin("u1")
        first.subscribe("#server-to-user-u1")
        second = self.member("presence-r", "u1")
        self.server.advance(6)
        second.close()
        self.server.advance(6)
        self.assertSilent(first)

    def test_P108_crowd(self) -> None:
        """Given the option on and more than 100 subscribers with 50 joins in one second, then each subscriber receives
        at most one count in that 5 s period, with the final value."""
        self.serve(enable_subscription_count_events=True)
        crowd = [self.client() for _ in range(101)]
        for client in crowd:
            client.subscribe("news")
        self.server.advance(10)
        for client in crowd:
            client.take()
        late = [self.client() for _ in range(50)]
        for client in late:
            client.subscribe("news")
            self.server.advance(0.02)
        self.server.advance(4.5)
        for client in crowd + late:
            self.assertEqual(counts(client), [151])
        self.server.advance(20)
        self.assertSilent(*crowd, *late)
