"""Reading calls where there are several nodes. Cases H-73 and H-74."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.engine.cluster.settings import ClusterSettings
from sockudo_tx.testing import Response
from sockudo_tx.testing.cluster import ClusterNode, MemoryCluster
from sockudo_tx.testing.http import HttpReader
from sockudo_tx.testing.signing import signed_target
from sockudo_tx.transports.rest.settings import RestSettings

PATIENCE = 1.0
"""Seconds of `RestSettings.read_timeout`."""


class Asking:
    """A call that may take its time."""

    def __init__(self, node: ClusterNode, method: str, path: str, content: bytes = b"", **query: str) -> None:
        app = node.apps.by_id("app")
        assert app is not None
        target = signed_target(app, method, f"/apps/app{path}", node.clock.seconds(), content, query)
        headers = {"Host": "localhost"} | ({"Content-Length": str(len(content))} if content else {})
        self._reader = HttpReader(method, target, headers.items(), content)
        wire = node.open(self._reader.receive, lambda: self._reader.receive(b""))
        wire.feed(self._reader.output)
        node.pump()

    @property
    def response(self) -> Response | None:
        return self._reader.response

    @property
    def answer(self) -> tuple[Any, str | None]:
        """The JSON of the answer, and whether it is partial."""
        response = self.response
        assert response is not None
        assert response.status == 200, response.text
        return json.loads(response.text), response.headers.get("x-sockudo-partial")


class NodesCase(SynchronousTestCase):
    """Two nodes; on the first 1 and 2 are in the room, on the second 2 and 3."""

    def setUp(self) -> None:
        self.cluster = MemoryCluster(2, rest=RestSettings(read_timeout=PATIENCE))
        self.here, self.there = self.cluster.nodes
        for node, user in ((self.here, "1"), (self.here, "2"), (self.there, "2"), (self.there, "3")):
            node.client().subscribe("presence-room", user)
        self.reader = self.here.client()
        self.reader.subscribe("news")
        self.there.client().subscribe("news")
        self.there.client().subscribe("there")
        self.settle()

    def settle(self) -> None:
        """Until everybody knows."""
        for _ in range(20):
            self.here.advance(0.1)

    def ask(self, path: str, **query: str) -> tuple[Any, str | None]:
        """A reading call to the first node."""
        return Asking(self.here, "GET", path, b"", **query).answer


class UnionTests(NodesCase):
    """Everybody answers"""

    def test_H73_channels(self) -> None:
        """R3 lists the channels of both nodes with the counts of both, users that are on both once."""
        everything, partial = self.ask("/channels", info="subscription_count")
        self.assertEqual(
            everything["channels"],
            {
                "news": {"subscription_count": 2},
                "presence-room": {"subscription_count": 4},
                "there": {"subscription_count": 1},
            },
        )
        self.assertIsNone(partial)
        rooms, _ = self.ask("/channels", info="user_count", filter_by_prefix="presence-")
        self.assertEqual(rooms["channels"], {"presence-room": {"user_count": 3}})

    def test_H73_channel(self) -> None:
        """R4 counts both nodes, users that are on both once; a channel of the other node is occupied."""
        room, partial = self.ask("/channels/presence-room", info="user_count,subscription_count")
        self.assertEqual(room, {"occupied": True, "user_count": 3, "subscription_count": 4})
        self.assertIsNone(partial)
        self.assertEqual(self.ask("/channels/there"), ({"occupied": True}, None))

    def test_H73_users(self) -> None:
        """R5 lists the users of both nodes, each once."""
        users, partial = self.ask("/channels/presence-room/users")
        self.assertEqual(users, {"users": [{"id": "1"}, {"id": "2"}, {"id": "3"}]})
        self.assertIsNone(partial)

    def test_H73_publish(self) -> None:
        """So do the attributes that a publish asks for."""
        event = {"name": "n", "channels": ["news", "presence-room"], "data": "d", "info": "user_count"}
        answer = Asking(self.here, "POST", "/events", json.dumps(event).encode()).answer
        self.assertEqual(answer, ({"channels": {"news": {}, "presence-room": {"user_count": 3}}}, None))


class PartialTests(NodesCase):
    """What decides for all nodes is out of reach."""

    def setUp(self) -> None:
        super().setUp()
        self.lose()

    def lose(self) -> None:
        self.cluster.cut(0)

    def answered(self, asking: Asking) -> tuple[Any, str | None]:
        """The answer: at once, or after the patience of reading calls, whichever is tested."""
        return asking.answer

    def test_H74_channel(self) -> None:
        """R4 answers from local state with `subscription_count_complete:false` and `X-Sockudo-Partial: 1`."""
        room = self.answered(Asking(self.here, "GET", "/channels/presence-room", info="subscription_count"))
        expected = {"occupied": True, "subscription_count": 2, "subscription_count_complete": False}
        self.assertEqual(room, (expected, "1"))

    def test_H74_uncounted(self) -> None:
        """Without `subscription_count` there is no word about it; the answer is partial all the same."""
        room = self.answered(Asking(self.here, "GET", "/channels/there"))
        self.assertEqual(room, ({"occupied": False}, "1"))

    def test_H74_channels(self) -> None:
        """R3 lists the channels of this node."""
        found, partial = self.answered(Asking(self.here, "GET", "/channels"))
        self.assertEqual((found, partial), ({"channels": {"news": {}, "presence-room": {}}}, "1"))

    def test_H74_users(self) -> None:
        """R5 lists the members this node has told its own clients of, which are those of all nodes."""
        found, partial = self.answered(Asking(self.here, "GET", "/channels/presence-room/users"))
        self.assertEqual((found, partial), ({"users": [{"id": "1"}, {"id": "2"}, {"id": "3"}]}, "1"))

    def test_H74_user(self) -> None:
        """A user's own channel has the connections of this node."""
        found = self.answered(Asking(self.here, "GET", "/channels/%23server-to-user-1", info="subscription_count"))
        expected = {"occupied": False, "subscription_count": 0, "subscription_count_complete": False}
        self.assertEqual(found, (expected, "1"))

    def test_H74_other_node(self) -> None:
        """A node that has not lost anything goes on answering for all."""
        self.assertEqual(Asking(self.there, "GET", "/channels/there").answer, ({"occupied": True}, None))

    def test_H74_publish(self) -> None:
        """A publish is delivered at once and told 200; the attributes it asks for are those of this node."""
        event = {"name": "n", "channels": ["news", "presence-room"], "data": "d", "info": "subscription_count"}
        asking = Asking(self.here, "POST", "/events", json.dumps(event).encode())
        self.assertEqual(len(self.reader.take()), 1)
        found = self.answered(asking)
        counts = {"news": {"subscription_count": 1}, "presence-room": {"subscription_count": 2}}
        self.assertEqual(found, ({"channels": counts}, "1"))


class SilentTests(PartialTests):
    """It does not say no, it does not say anything."""

    def lose(self) -> None:
        self.cluster.hold(0)

    def test_H74_publish(self) -> None:
        """Delivered at once too; its answer waits a moment for the others to have it, and those behind it do not."""
        for patience in (0.1, 0.0):
            body = json.dumps({"name": "n", "channels": ["news"], "data": "d"}).encode()
            asking = Asking(self.here, "POST", "/events", body)
            self.assertEqual(len(self.reader.take()), 1)
            self.here.advance(patience)
            self.assertEqual(asking.answer, ({"ok": True}, None))

    def answered(self, asking: Asking) -> tuple[Any, str | None]:
        """However many questions are in a call, all of it takes no longer than the patience of one."""
        self.here.advance(PATIENCE - 0.01)
        self.assertIsNone(asking.response)
        self.here.advance(0.02)
        return asking.answer


class HeldNodeTests(NodesCase):
    """For a while."""

    def test_again(self) -> None:
        """When the others are there again, the answers are whole again."""
        self.cluster.hold(0)
        asking = Asking(self.here, "GET", "/channels/there")
        self.here.advance(PATIENCE)
        self.assertEqual(asking.answer, ({"occupied": False}, "1"))
        self.cluster.release(0)
        self.settle()
        self.assertEqual(self.ask("/channels/there"), ({"occupied": True}, None))


class BusLossTests(SynchronousTestCase):
    """Publishing where others cannot be reached (scaling.md 4.8)"""

    def cluster(self, **settings: Any) -> ClusterNode:
        self.whole = MemoryCluster(2, cluster_settings=ClusterSettings(**settings))
        self.reader, self.far = (node.client() for node in self.whole.nodes)
        for reader in (self.reader, self.far):
            reader.subscribe("news")
        self.whole.nodes[0].advance(1)
        return self.whole.nodes[0]

    def publish(self, node: ClusterNode, **members: str) -> Response:
        event = {"name": "n", "channels": ["news"], "data": "d", **members}
        response = Asking(node, "POST", "/events", json.dumps(event).encode()).response
        assert response is not None
        return response

    def test_accepted(self) -> None:
        """For some seconds 200: what is published is kept for the others. Later 503, although everybody here has it."""
        node = self.cluster(buffer_age=5)
        self.whole.cut(0)
        self.assertEqual(self.publish(node).status, 200)
        node.advance(6)
        refused = self.publish(node)
        self.assertEqual((refused.status, refused.headers["retry-after"]), (503, "1"))
        self.assertIn("Other servers cannot be reached", refused.text)
        self.assertEqual(len(self.reader.take()), 2)

    def test_rejected(self) -> None:
        """503 at once, if so configured; 200 again when they can be reached."""
        node = self.cluster(refuse_when_down=True)
        self.assertEqual(self.publish(node).status, 200)
        self.whole.cut(0)
        self.assertEqual(self.publish(node).status, 503)
        self.whole.heal(0)
        node.advance(2)
        self.assertEqual(self.publish(node).status, 200)

    def test_batch(self) -> None:
        """So is a batch."""
        node = self.cluster(refuse_when_down=True)
        self.whole.cut(0)
        batch = {"batch": [{"name": "n", "channel": "news", "data": "d"}]}
        response = Asking(node, "POST", "/batch_events", json.dumps(batch).encode()).response
        assert response is not None
        self.assertEqual(response.status, 503)

    def test_same_key(self) -> None:
        """A call that was refused may be repeated with its idempotency key, and then reaches everybody."""
        node = self.cluster(refuse_when_down=True)
        self.whole.cut(0)
        self.assertEqual(self.publish(node, idempotency_key="k").status, 503)
        self.whole.heal(0)
        node.advance(7)
        self.far.take()
        self.assertEqual(self.publish(node, idempotency_key="k").status, 200)
        node.advance(1)
        self.assertEqual(len(self.far.take()), 1)
