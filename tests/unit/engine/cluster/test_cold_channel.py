"""The first subscriber of a channel on a node: nothing published after its success is missed."""

from __future__ import annotations

from sockudo_tx.testing import MemoryClient

from .case import ClusterCase, events


class ColdTests(ClusterCase):
    """Nobody on node `b` is in the channel yet."""

    def ask(self, client: MemoryClient, channel: str = "news") -> None:
        client.send({"event": "pusher:subscribe", "data": {"channel": channel}})

    def names(self, client: MemoryClient) -> list[str]:
        return [event for event, _ in events(client)]

    def test_wait(self) -> None:
        """It waits for the bus, and gets all that is published once it was told of its success."""
        client = self.client(1)
        self.cluster.hold(1)
        self.ask(client)
        self.assertEqual(client.take(), [])
        self.cluster.release(1)
        self.a.publish("news", "tick")
        self.assertEqual(self.names(client), ["subscription_succeeded", "tick"])

    def test_second(self) -> None:
        """Another one that comes meanwhile waits as well; the authority and the bus are asked once."""
        clients = [self.client(1) for _ in range(2)]
        occupied = []
        occupy = self.cluster.authority.occupy
        self.patch(self.cluster.authority, "occupy", lambda *fact: occupied.append(fact) or occupy(*fact))
        self.cluster.hold(1)
        for client in clients:
            self.ask(client)
        self.assertEqual([client.take() for client in clients], [[], []])
        self.cluster.release(1)
        self.assertEqual([self.names(client) for client in clients], [["subscription_succeeded"]] * 2)
        self.assertEqual(occupied, [("app", "news", self.b.id)])
        self.assertEqual(self.subscriptions(0, "news"), 2)
        self.assertEqual([fact.name for fact in self.cluster.facts()], ["channel_occupied", "subscription_count"])

    def test_gone_meanwhile(self) -> None:
        """A socket that goes while it waits: the channel is vacated, unless another one waits."""
        first, second = self.client(1), self.client(1)
        self.cluster.hold(1)
        self.ask(first)
        self.ask(second)
        first.cut()
        self.cluster.release(1)
        self.assertEqual(self.subscriptions(0, "news"), 1)
        second.cut()
        self.cluster.pump()
        self.assertEqual(self.a.occupied(), [])
        third = self.client(1)
        self.cluster.hold(1)
        self.ask(third, "alone")
        third.cut()
        self.cluster.release(1)
        self.cluster.advance(0.2)
        self.assertEqual(self.a.occupied(), [])
        self.cluster.advance(20)
        self.assertEqual([t for t in self.b.bus.topics if t[0] == "c"], [])

    def test_left_meanwhile(self) -> None:
        """The last one leaves while the next one waits: the channel stays occupied, with one subscriber."""
        first, second = self.member_of("presence-a", "u1"), self.client(1)
        self.cluster.hold(1)
        second.subscribe("presence-a", "u2")
        first.unsubscribe("presence-a")
        self.cluster.release(1)
        self.assertEqual(self.names(second)[0], "subscription_succeeded")
        self.assertEqual((self.subscriptions(0, "presence-a"), self.a.members("presence-a")), (1, ["u2"]))
        self.assertNotIn("channel_vacated", [fact.name for fact in self.cluster.facts()])

    def member_of(self, channel: str, user_id: str) -> MemoryClient:
        client = self.client(1)
        client.subscribe(channel, user_id)
        return client

    def test_messages_behind_it(self) -> None:
        """What the client says meanwhile waits: an unsubscription comes behind its subscription."""
        client = self.client(1)
        self.cluster.hold(1)
        self.ask(client)
        client.send({"event": "pusher:unsubscribe", "data": {"channel": "news"}})
        self.cluster.release(1)
        self.assertEqual(self.names(client), ["subscription_succeeded"])
        self.assertEqual(self.a.occupied(), [])

    def test_bus_does_not_answer(self) -> None:
        """After a second it succeeds all the same; when the bus answers at last, member lists are compared."""
        client, members = self.client(1), self.client(1)
        plain = self.b.bus.subscribe
        held = []
        self.patch(self.b.bus, "subscribe", lambda topic: held.append(topic) or plain("never"))
        self.patch(self.b.bus, "_listener", None)
        self.cluster.hold(1)
        self.ask(client)
        self.cluster.advance(0.9)
        self.assertEqual(client.take(), [])
        self.cluster.advance(0.2)
        self.assertEqual(self.names(client), ["subscription_succeeded"])
        self.assertEqual(self.b.engine.cluster_tally.unconfirmed, 1)
        self.cluster.release(1)
        self.assertEqual(self.b.subscriptions("news"), 1)
        self.assertTrue(members.answers())

    def test_S37_occupied_at_once(self) -> None:
        """When it has succeeded, other nodes know that the channel is occupied, also when its topic was still there."""
        for _ in range(3):
            client = self.client(1, "news")
            self.assertEqual(self.a.occupied(), ["news"])
            client.cut()

    def test_linger(self) -> None:
        """The topic stays ten seconds when the last one has gone; then nothing comes any more, and nothing is kept."""
        self.client(1, "news").cut()
        self.cluster.delivered()
        self.a.publish("news", "tick")
        self.assertEqual(len(self.cluster.delivered()), 1)
        self.cluster.advance(11)
        self.a.publish("news", "tick")
        self.assertEqual(self.cluster.delivered(), [])
        self.assertEqual(set(self.b.bus.topics), {"x", f"n\0{self.b.id}"})

    def test_S103_cached(self) -> None:
        """The last event of a cache channel comes from any node, and not behind a newer one."""
        self.a.publish("cache-c", "old")
        client = self.client(1)
        self.ask(client, "cache-c")
        self.assertEqual(self.names(client), ["subscription_succeeded", "old"])
        other = self.client(2)
        get = self.c.engine._cached._cache.get
        asked = []
        self.patch(self.c.engine._cached._cache, "get", lambda key: asked.append(get(key)) or asked[0])
        self.cluster.hold(2)
        self.ask(other, "cache-c")
        self.cluster.release(2)
        self.a.publish("cache-c", "new")
        self.assertEqual(self.names(other)[-1], "new")
