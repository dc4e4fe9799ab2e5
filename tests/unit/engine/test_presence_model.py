"""Two nodes that share a slow authority: whatever happens in whatever order, clients end up knowing the truth."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.backends.memory.apps import MemoryApps
from sockudo_tx.backends.memory.authority import MemoryAuthority
from sockudo_tx.backends.memory.cache import MemoryCache
from sockudo_tx.engine.server import Engine
from sockudo_tx.engine.settings import EngineSettings
from sockudo_tx.protocol.app import App
from sockudo_tx.testing import RecordingFacts, fixture_app

from .case import Peer
from .delayed import Delayed

ROOM = "presence-r"
LIMIT = 3
MEMBERSHIP = ("join", "part", "snapshot")


class Node:
    """An engine of its own; the authority is shared, and slow to this node in its own way."""

    def __init__(self, name: str, clock: Clock, authority: MemoryAuthority, early: bool) -> None:
        self.app: App = fixture_app(max_presence_members_per_channel=LIMIT)
        self.authority = Delayed(authority, early=early)
        self.authority.hold(*MEMBERSHIP)
        self.engine = Engine(
            clock=clock,
            apps=MemoryApps([self.app]),
            authority=self.authority,
            cache=MemoryCache(clock),
            facts=RecordingFacts(),
            settings=EngineSettings(activity_timeout=10**6, user_authentication_timeout=10**6, auto_ping=False),
            node_id=name,
        )


class Client:
    """A client that believes what it is told, and complains when it is told nonsense."""

    def __init__(self, node: Node, number: int) -> None:
        self.peer = Peer(node)
        self.peer.take()
        self.number = number
        self.asked: list[str] = []
        """Identities asked for and not answered yet."""
        self.members: dict[str, Any] | None = None

    def subscribe(self, user_id: str) -> None:
        self.asked.append(user_id)
        self.peer.say({"event": "pusher:subscribe", "data": self.peer.signed(ROOM, user_id, self.number)})

    def listen(self) -> None:
        for name, data in self.peer.events():
            if name == "subscription_succeeded":
                self.members = data["presence"]["hash"]
                assert self.asked.pop(0) in self.members, "not in its own list"
            elif name == "pusher:error":
                assert data == 4100, data
                self.asked.pop(0)
            else:
                assert self.members is not None, f"{name} before the list"
                user_id = data["user_id"]
                if name == "member_added":
                    assert user_id not in self.members, f"{user_id} was added twice"
                    self.members[user_id] = data["user_info"]
                else:
                    assert name == "member_removed", name
                    del self.members[user_id]
        session = self.peer.socket.session
        if session is None or ROOM not in session.channels:
            self.members = None


class Cluster:
    """Two nodes and their clients."""

    def __init__(self, early: bool) -> None:
        self.clock = Clock()
        self.authority = MemoryAuthority(self.clock)
        self.nodes = [Node(name, self.clock, self.authority, early) for name in ("a", "b")]
        self.clients: list[Client] = []
        self.connected = 0

    def act(self, action: str, number: int, user: int) -> None:
        if action == "connect" and len(self.clients) < 6:
            self.connected += 1
            self.clients.append(Client(self.nodes[number % 2], self.connected))
        elif action == "release":
            self.nodes[number % 2].authority.release(user)
        elif self.clients:
            client = self.clients[number % len(self.clients)]
            if action == "subscribe":
                client.subscribe(f"u{user}")
            elif action == "unsubscribe":
                client.peer.unsubscribe(ROOM)
            elif action == "vanish":
                client.listen()
                client.peer.vanish()
                self.clients.remove(client)
        for client in self.clients:
            client.listen()

    def settle(self) -> None:
        """Every answer arrives."""
        while any(node.authority.waiting for node in self.nodes):
            for node in self.nodes:
                node.authority.release()
        for client in self.clients:
            client.listen()

    def check(self) -> None:
        truth = {user: json.loads(info) for user, info in self.authority.snapshot("app", ROOM).members.items()}
        inside = set()
        for client in self.clients:
            session = client.peer.socket.session
            assert session is not None
            assert client.asked == []
            member = session.channels.get(ROOM)
            if member is None:
                assert client.members is None
            else:
                inside.add(member.user_id)
                assert client.members == truth, (client.members, truth)
        assert inside == set(truth), (inside, truth)

    def end(self) -> None:
        for client in self.clients:
            client.peer.vanish()
        self.clients.clear()
        self.settle()
        self.clock.advance(4)
        for node in self.nodes:
            assert set(node.engine.tables().values()) == {0}, node.engine.tables()
        assert set(self.authority.tables().values()) == {0}, self.authority.tables()


actions = st.lists(
    st.tuples(
        st.sampled_from(["connect", "connect", "subscribe", "subscribe", "subscribe", "unsubscribe", "vanish", "release", "release"]),
        st.integers(0, 5),
        st.integers(0, 4),
    ),
    max_size=40,
)  # fmt: skip


class SlowClusterTests(SynchronousTestCase):
    """Both ways of being slow"""

    def live(self, story: list[tuple[str, int, int]], early: bool) -> None:
        cluster = Cluster(early)
        for step in story:
            cluster.act(*step)
        cluster.settle()
        cluster.check()
        cluster.end()

    @settings(max_examples=100)
    @given(actions)
    def test_late_questions(self, story: list[tuple[str, int, int]]) -> None:
        """Questions that take their time to arrive: lists and events together are the truth, and nothing is left."""
        self.live(story, early=False)

    @settings(max_examples=100)
    @given(actions)
    def test_late_answers(self, story: list[tuple[str, int, int]]) -> None:
        """Answers that are overtaken by what is published meanwhile: the same."""
        self.live(story, early=True)
