"""What every test of the engine starts from: an engine on a clock, its memory backends, and peers with recording sinks."""

from __future__ import annotations

import json
from typing import Any, Protocol

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.backends.memory.apps import MemoryApps
from sockudo_tx.backends.memory.authority import MemoryAuthority
from sockudo_tx.backends.memory.cache import MemoryCache
from sockudo_tx.engine.server import Engine
from sockudo_tx.engine.settings import EngineSettings
from sockudo_tx.interfaces import Fact
from sockudo_tx.protocol.app import App
from sockudo_tx.protocol.publication import Publication
from sockudo_tx.testing import RecordingFacts, channel_auth, fixture_app, sizes, user_auth

from .delayed import Delayed
from .sinks import PLAIN, Framing, RecordingSink

__all__ = ["FAILED", "FULL", "GRACE", "PONG", "ROOM", "EngineCase", "Peer", "added", "removed", "succeeded"]

GRACE = 3.0
START = 1_000_000.0
ROOM = "presence-r"

# What `Peer.events` makes of the messages.
PONG = ("pusher:pong", None)
FULL = ("pusher:error", 4100)
FAILED = ("pusher:error", 4000)


def succeeded(*members: tuple[str, Any]) -> tuple[str, Any]:
    """The success of a presence channel with these members in this order."""
    infos = dict(members)
    return ("subscription_succeeded", {"presence": {"ids": list(infos), "hash": infos, "count": len(infos)}})


def added(user_id: str, info: Any = None) -> tuple[str, Any]:
    return ("member_added", {"user_id": user_id, "user_info": {} if info is None else info})


def removed(user_id: str) -> tuple[str, Any]:
    return ("member_removed", {"user_id": user_id})


class Host(Protocol):
    """What peers connect to."""

    engine: Engine

    @property
    def app(self) -> App: ...


class Peer:
    """A connection as its transport sees it: it hears what the peer says and takes what the engine sends."""

    def __init__(self, case: Host, key: str = "key", origin: str | None = None, framing: Framing = PLAIN) -> None:
        self.case = case
        self.sink = RecordingSink(framing)
        self.gone = False
        self.socket = case.engine.connect(self.sink, key, origin)

    @property
    def id(self) -> str:
        return self.socket.id

    def take(self) -> list[str]:
        """The texts received since the last `take`."""
        frames, self.sink.frames = self.sink.frames, []
        return [frame.decode() for frame in frames]

    def events(self) -> list[tuple[str, Any]]:
        """`take`, as event name and what matters of each: error code, or data as a JSON value."""
        found = []
        for text in self.take():
            message = json.loads(text)
            data = message.get("data")
            if message["event"] == "pusher:error":
                found.append((message["event"], data["code"]))
            elif isinstance(data, str) and message["event"].startswith("pusher"):
                found.append((message["event"].partition(":")[2], json.loads(data)))
            else:
                found.append((message["event"], data))
        return found

    def say(self, message: Any) -> None:
        """One message: text as it is, anything else as JSON."""
        self.case.engine.hear(self.socket, (message if isinstance(message, str) else json.dumps(message)).encode())

    def subscribe(self, channel: str, user_id: str | None = None, info: Any = None) -> list[str]:
        """Subscribe, signed if need be, and `take`."""
        self.say({"event": "pusher:subscribe", "data": self.signed(channel, user_id, info)})
        return self.take()

    def signed(self, channel: str, user_id: str | None = None, info: Any = None) -> dict[str, Any]:
        data: dict[str, Any] = {"channel": channel}
        if user_id is not None:
            data["channel_data"] = json.dumps({"user_id": user_id} | ({"user_info": info} if info is not None else {}))
        if channel.startswith(("private-", "presence-")):
            data["auth"] = channel_auth(self.case.app, self.id, channel, data.get("channel_data"))
        return data

    def unsubscribe(self, channel: str) -> list[str]:
        self.say({"event": "pusher:unsubscribe", "data": {"channel": channel}})
        return self.take()

    def signin(self, user_id: str, watchlist: list[str] | None = None) -> list[str]:
        user_data = json.dumps({"id": user_id} | ({"watchlist": watchlist} if watchlist is not None else {}))
        auth = user_auth(self.case.app, self.id, user_data)
        self.say({"event": "pusher:signin", "data": {"auth": auth, "user_data": user_data}})
        return self.take()

    def vanish(self) -> None:
        """The transport is gone."""
        self.gone = True
        self.case.engine.disconnected(self.socket)

    @property
    def closed(self) -> tuple[int, str] | None:
        """Code and reason of the close; an engine closes at most once."""
        assert len(self.sink.closes) <= 1, self.sink.closes
        return self.sink.closes[0] if self.sink.closes else None


class EngineCase(SynchronousTestCase):
    """Every test ends with everybody leaving, and then nothing may be left anywhere."""

    settings = EngineSettings(auto_ping=False, idle_timeout=0)
    early = False
    """How slow backends are slow, see `Delayed`."""

    def setUp(self) -> None:
        self.serve()

    def serve(self, *others: App, settings: EngineSettings | None = None, **changes: Any) -> None:
        """Start over: with the app of the conformance cases changed so, and other apps beside it."""
        self.clock = Clock()
        self.clock.rightNow = START
        self.store = MemoryApps([fixture_app(**changes), *others])
        self.apps = Delayed(self.store)
        self.authority = Delayed(MemoryAuthority(self.clock, GRACE), early=self.early)
        self.cache = Delayed(MemoryCache(self.clock, ttl=3600), early=self.early)
        self.facts = RecordingFacts()
        self.peers: list[Peer] = []
        self.engine = Engine(
            clock=self.clock,
            apps=self.apps,
            authority=self.authority,
            cache=self.cache,
            facts=self.facts,
            settings=settings or self.settings,
            node_id="node",
        )
        self.fresh = self.sizes()

    @property
    def app(self) -> App:
        app = self.store.by_id("app")
        assert app is not None
        return app

    def change_app(self, **changes: Any) -> None:
        """Edit the app's record as its owner would."""
        self.store.replace([fixture_app(**changes)])

    def connect(self, key: str = "key", origin: str | None = None, framing: Framing = PLAIN) -> Peer:
        """A connection that was attempted."""
        peer = Peer(self, key, origin, framing)
        self.peers.append(peer)
        return peer

    def open(self, key: str = "key") -> Peer:
        """A connection that is established, and has read so."""
        peer = self.connect(key)
        (event,) = peer.events()
        self.assertEqual(event[0], "connection_established")
        return peer

    def member(self, user_id: str, channel: str = ROOM, info: Any = None) -> Peer:
        """A connection in a presence channel, which has read so."""
        peer = self.open()
        self.assertIn("subscription_succeeded", peer.subscribe(channel, user_id, info)[0])
        return peer

    def publish(self, *channels: str, name: str = "e", data: str = "d", socket_id: str | None = None) -> None:
        self.engine.publish(self.app, Publication(name=name, channels=channels, data=data, socket_id=socket_id))

    def told(self, *names: str) -> list[Fact]:
        """Webhook facts since the last time, those of these names only if any are given."""
        return [fact for fact in self.facts.take() if not names or fact.name in names]

    def advance(self, seconds: float) -> None:
        """Let time pass, stopping at every moment something is due."""
        end = self.clock.seconds() + seconds
        while calls := [call.getTime() for call in self.clock.getDelayedCalls() if call.getTime() <= end]:
            self.clock.advance(max(0.0, min(calls) - self.clock.seconds()))
        self.clock.advance(max(0.0, end - self.clock.seconds()))

    def turn(self) -> None:
        """One turn of the reactor: what is due now, without what comes of it; `advance` goes on to the end."""
        for call in [call for call in self.clock.calls if call.getTime() <= self.clock.seconds()]:
            if call.active():
                self.clock.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)

    def sizes(self) -> dict[str, int]:
        found = sizes({"engine": self.engine, "authority": self.authority.inner})
        return {**found, "clock": len(self.clock.getDelayedCalls())}

    def left_behind(self) -> dict[str, int]:
        """Every table that holds more than in a new engine."""
        return {name: size for name, size in self.sizes().items() if size > self.fresh.get(name, 0)}

    def tearDown(self) -> None:
        for peer in self.peers:
            if not peer.gone:
                peer.vanish()
        for backend in (self.apps, self.authority, self.cache):
            backend.failing.clear()
            backend.free()
        self.advance(GRACE + 10)
        self.assertEqual(self.left_behind(), {})
        self.assertEqual(set(self.engine.tables().values()), {0})
        self.assertEqual(set(self.authority.tables().values()), {0})
        for peer in self.peers:
            self.assertLessEqual(len(peer.sink.closes), 1, peer.sink.closes)
