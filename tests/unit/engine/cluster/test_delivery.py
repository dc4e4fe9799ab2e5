"""Events from one node to the others' clients."""

from __future__ import annotations

import json

from sockudo_tx.engine.cluster.topics import channel_topic
from sockudo_tx.protocol.bus_frames import Decoded, Event, decode, encode
from sockudo_tx.testing import fixture_app
from sockudo_tx.testing.cluster import MemoryCluster

from .case import ClusterCase, events

TICK = '{"event":"tick","channel":"news","data":"{}"}'


class PublishTests(ClusterCase):
    """A channel with a client on each node."""

    def setUp(self) -> None:
        super().setUp()
        self.clients = [self.client(place, "news") for place in range(3)]
        self.cluster.delivered()

    def test_S1_everywhere(self) -> None:
        """The same bytes for everybody, once."""
        self.a.publish("news", "tick")
        self.assertEqual([client.take() for client in self.clients], [[TICK]] * 3)

    def test_S2_excluded(self) -> None:
        """Everybody but the socket that is named, wherever it is."""
        self.a.publish("news", "tick", socket_id=self.clients[1].established)
        self.assertEqual([client.take() for client in self.clients], [[TICK], [], [TICK]])

    def test_S6_batch(self) -> None:
        """A batch arrives in its order, and the channels of one event too."""
        names = [f"n{n}" for n in range(10)]
        for name in names:
            self.clients[1].subscribe(name)
        self.clients[1].take()
        batch = [{"name": "e", "channel": name, "data": "{}"} for name in names]
        self.a.request("POST", "/apps/app/batch_events", body={"batch": batch})
        self.a.publish(names[::-1], "e")
        self.assertEqual([m["channel"] for m in self.clients[1].json()], names + names[::-1])

    def test_S8_nobody_there(self) -> None:
        """Where nobody has subscribed, nothing arrives."""
        self.client(0, "other")
        self.cluster.delivered()
        self.a.publish("other", "tick")
        self.assertEqual(self.cluster.delivered(), [])

    def test_S12_large_and_strange(self) -> None:
        """100 KB and a name of 200 characters cross nodes as they are."""
        name = ("..a_-=@,.;" * 20)[:200]
        data = json.dumps("ä" * 10_000)
        there = self.client(1, name)
        there.take()
        self.a.publish(name, "tick", data)
        self.assertEqual(there.json(), [{"event": "tick", "channel": name, "data": data}])

    def test_S16_strange_frames(self) -> None:
        """Frames of another version or kind, and broken ones, are counted and ignored; traffic goes on."""
        good = encode(Event(node="n", seq=1, app_id="app", channel="news"), "{}")
        for frame in (b"\x02" + good[1:], b"\x01\x63" + good[2:], b"", b"\x01\x01\0\0\0\x02{}"):
            self.cluster.inject(channel_topic("app", "news"), frame)
        self.assertEqual(dict(self.b.engine.cluster_tally.ignored), {"version": 1, "kind": 1, "malformed": 2})
        self.test_S1_everywhere()

    def test_S17_twice(self) -> None:
        """The same frame again is nothing new; one that is missing before is counted."""
        topic = channel_topic("app", "news")
        frames = [
            encode(Event(node="n", seq=q, previous=pq, app_id="app", channel="news"), TICK)
            for q, pq in ((5, 3), (5, 3), (4, 3), (9, 7))
        ]
        for frame in frames:
            self.cluster.inject(topic, frame)
        self.assertEqual(self.clients[1].take(), [TICK, TICK])
        tally = self.b.engine.cluster_tally
        self.assertEqual((tally.duplicates, tally.gaps), (2, 1))

    def test_own_frames(self) -> None:
        """A bus that brings a node its own frames changes nothing."""
        self.a.publish("news", "tick")
        (frame,) = {frame for _, _, frame in self.cluster.delivered()}
        self.cluster.inject(channel_topic("app", "news"), frame)
        self.assertEqual([client.take() for client in self.clients], [[TICK]] * 3)

    def test_S11_after_unsubscribing(self) -> None:
        """What is on its way then is not delivered any more, though the topic stays a while."""
        self.cluster.hold(1)
        self.a.publish("news", "tick")
        self.clients[1].unsubscribe("news")
        self.cluster.release(1)
        self.a.publish("news", "tick")
        self.assertEqual(self.clients[1].take(), [])

    def test_S10_success_first(self) -> None:
        """Whatever is published meanwhile: the first message of a channel is its success, and nothing is lost after."""
        for turns in range(4):
            late = self.b.client()
            self.b.link.hold()
            self.a.publish(f"late-{turns}", "before")
            late.send({"event": "pusher:subscribe", "data": {"channel": f"late-{turns}"}})
            self.a.publish(f"late-{turns}", "meanwhile")
            self.assertEqual(late.take(), [])
            self.b.link.release()
            self.a.publish(f"late-{turns}", "after")
            names = [event for event, _ in events(late)]
            self.assertEqual((names[0], names[-1], "before" in names), ("subscription_succeeded", "after", False))

    def test_S14_to_a_user(self) -> None:
        """Reaches the user's sockets on every node, and nodes without the user get no frame."""
        theirs = [self.client(0), self.client(1)]
        for client in theirs:
            client.signin("u1")
        self.cluster.delivered()
        self.c.publish("#server-to-user-u1", "hello")
        self.assertEqual([len(client.take()) for client in theirs], [1, 1])
        self.assertEqual({place for place, _, _ in self.cluster.delivered()}, {0, 1})

    def test_S41_terminate(self) -> None:
        """Closes the user's sockets on every node with 4009; another user stays."""
        theirs = [self.client(place) for place in range(3)]
        for client in theirs:
            client.signin("u1")
        other = self.client(1)
        other.signin("u2")
        self.a.terminate("u1")
        self.cluster.pump()
        self.assertEqual([client.closed and client.closed[0] for client in theirs], [4009] * 3)
        self.assertTrue(other.answers())

    def test_count(self) -> None:
        """A total that one node is told goes to the subscribers of all, and counts all; soon after one is dead as well."""
        self.start(apps=[fixture_app(enable_subscription_count_events=True)])
        clients = [self.client(place, "news") for place in range(3)]
        self.cluster.advance(1)
        for client in clients:
            self.assertEqual(events(client)[-1], ("subscription_count", {"subscription_count": 3}))
        self.cluster.crash(2)
        self.cluster.advance(0.5)
        for client in clients[:2]:
            self.assertEqual(events(client), [("subscription_count", {"subscription_count": 2})])


class TwoAppsTests(ClusterCase):
    """Apps with channels of the same name."""

    def test_S13_apart(self) -> None:
        """See nothing of each other: no event, no member, no count."""
        apps = [fixture_app(), fixture_app(id="app2", key="key2", secret="s2")]
        cluster = MemoryCluster(2, apps)
        one, two = cluster[0].client("key"), cluster[1].client("key2")
        one.subscribe("presence-r", "u1")
        self.assertIn('\\"count\\":1', two.subscribe("presence-r", "u2")[0])
        cluster[1].publish("presence-r", "tick")
        self.assertEqual((len(one.take()), two.take()), (1, []))
        self.assertEqual(cluster[1].members("presence-r"), ["u1"])


class ClientEventTests(ClusterCase):
    """Events of clients."""

    def test_S5_relayed(self) -> None:
        """Reaches everybody else, byte for byte the same; from who is no member nothing goes anywhere."""
        author, *others = [self.client(place, "private-r") for place in (0, 0, 1, 2)]
        self.cluster.delivered()
        author.send({"event": "client-e", "channel": "private-r", "data": {"a": 1}})
        text = '{"event":"client-e","channel":"private-r","data":{"a":1}}'
        self.assertEqual([client.take() for client in (author, *others)], [[], [text], [text], [text]])
        ((_, _, frame), _) = self.cluster.delivered()
        decoded = decode(frame)
        assert isinstance(decoded, Decoded)
        self.assertEqual((decoded.header.kind, decoded.body), ("r", text))
        self.client(1).send({"event": "client-e", "channel": "private-r", "data": {"a": 1}})
        self.assertEqual(self.cluster.delivered(), [])
