"""The whole server on a test's clock: nothing is faked but the network and the passing of time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from twisted.internet.task import Clock
from zope.interface import Interface, implementer

from ..backends.memory.apps import MemoryApps
from ..backends.memory.authority import MemoryAuthority
from ..backends.memory.cache import MemoryCache
from ..backends.memory.limiter import MemoryLimiter
from ..engine.cluster.settings import ClusterSettings
from ..engine.departures import Departed
from ..engine.server import Engine
from ..engine.settings import EngineSettings
from ..interfaces import Fact, IApps, IAuthority, IBus, ICache, IDeltaPace, IFacts
from ..protocol.app import App, LimitDefaults
from ..transports.port import PortFactory, WebSocketSettings
from ..transports.rest.checks import Check
from ..transports.rest.settings import RestSettings
from ..transports.rest.site import rest_site
from ..transports.turn import Turn
from .client import MemoryClient, dumps
from .http import HttpReader, Response
from .late import late as late_backend
from .signing import signed_target
from .tables import sizes
from .wire import MemoryWire

__all__ = ["MemoryServer", "RecordingFacts", "fixture_app"]

START = 1_700_000_000.0
"""Where the clock of a server begins, in Unix seconds."""


def fixture_app(**changes: Any) -> App:
    """The app of the conformance cases (protocol.md 23): `app`, `key`, `secret`, everything switched on."""
    settings: dict[str, Any] = {
        "id": "app",
        "key": "key",
        "secret": "secret",
        "max_connections": 0,
        "enable_client_messages": True,
        "enable_user_authentication": True,
        "enable_watchlist_events": True,
    }
    return App(**{**settings, **changes})


@implementer(IFacts)
class RecordingFacts:
    """Keeps every webhook fact, as (app id, fact), in order."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Fact]] = []

    def wants(self, app: App, name: str) -> bool:
        return True

    def emit(self, app: App, fact: Fact) -> None:
        self.seen.append((app.id, fact))

    def take(self) -> list[Fact]:
        """The facts since the last `take`."""
        seen, self.seen = self.seen, []
        return [fact for _, fact in seen]


class Shared(NamedTuple):
    """What the nodes of a cluster have in common, and one node's way there: `remote` puts it before a backend."""

    clock: Clock
    authority: MemoryAuthority
    cache: MemoryCache
    limiter: MemoryLimiter
    remote: Callable[[type[Interface], Any], Any]
    bus: IBus
    settings: ClusterSettings


class MemoryServer:
    """A server with its apps, its REST API and its WebSockets, reached through memory.

    Every call a test makes lets the server finish its turn before it returns, so there is nothing to wait
    for: what was not received is not coming until the clock advances.

    `checks` are what `/up` looks at besides the apps, instead of the cache. With `late`, apps, cache and authority
    answer in a later turn, as those on other machines do. `shared` makes it a node of a `MemoryCluster`.
    """

    def __init__(
        self,
        apps: Iterable[App] | None = None,
        *,
        settings: EngineSettings | None = None,
        websocket: WebSocketSettings | None = None,
        rest: RestSettings | None = None,
        defaults: LimitDefaults | None = None,
        late: bool = False,
        departed: Departed | None = None,
        engine: type[Engine] = Engine,
        checks: Sequence[Check] | None = None,
        pace: IDeltaPace | None = None,
        shared: Shared | None = None,
    ) -> None:
        self.peer = "127.0.0.1"
        """The address of whoever connects next."""
        settings = settings or EngineSettings()
        self._defaults = defaults or LimitDefaults()
        self._records = {app.id: app for app in (apps if apps is not None else [fixture_app()])}
        self.apps = MemoryApps(self._records.values(), self._defaults)
        if shared is not None:
            self.clock, self.authority, self.cache, self.limiter, remote, bus, cluster = shared
        else:
            self.clock = Clock()
            self.clock.rightNow = START
            self.cache = MemoryCache(self.clock, ttl=settings.cache_ttl, max_capacity=10_000, cleanup_interval=60)
            self.authority = MemoryAuthority(self.clock)
            self.limiter = MemoryLimiter(self.clock)
            bus, cluster = None, None

            def remote(interface: type[Interface], backend: Any) -> Any:
                return late_backend(interface, backend, self.clock) if late else backend

        self.facts = RecordingFacts()
        self.engine = engine(
            clock=self.clock,
            apps=remote(IApps, self.apps),
            authority=remote(IAuthority, self.authority),
            cache=remote(ICache, self.cache),
            facts=self.facts,
            settings=settings,
            departed=departed,
            pace=pace,
            bus=bus,
            cluster_settings=cluster or ClusterSettings(),
        )
        turn = Turn(lambda flush: self.clock.callLater(0, flush))
        self.site = rest_site(self.engine, rest or RestSettings(), turn, checks, self.limiter)
        self.site.health.ready = True
        self.factory = PortFactory(
            self.engine,
            self.site,
            websocket or WebSocketSettings(),
            self.clock,
        )
        self.factory.doStart()
        self._fresh = self._sizes()

    # WebSocket.

    def connect(
        self,
        target: str = "/app/key?protocol=7&client=js&version=8.4.0&flash=false",
        *,
        origin: str | None = None,
        protocols: Iterable[str] = (),
        headers: Mapping[str, str | None] | None = None,
    ) -> MemoryClient:
        """A client that has tried to upgrade; `headers` replace the usual ones, None removes one."""
        key = urlsplit(target).path.rstrip("/").rpartition("/")[2]
        app = next((app for app in self._records.values() if app.key == key), None)
        return MemoryClient(self, app, target, origin, protocols, headers)

    def client(self, key: str = "key", **how: Any) -> MemoryClient:
        """A client that is connected, with `connection_established` already read."""
        client = self.connect(f"/app/{key}?protocol=7&client=js&version=8.4.0&flash=false", **how)
        if client.established:
            client.take()
        return client

    def open(self, reader: Callable[[bytes], None], ended: Callable[[], None]) -> MemoryWire:
        """A bare TCP connection to the server's port."""
        return MemoryWire(self.clock, self.factory, reader, ended, (self.peer, 50000))

    # REST.

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        signed: bool = True,
        app: App | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """One request on a connection of its own. A body that is not text or bytes is sent as JSON.

        `signed` signs with `app`, by default the one the path names.
        """
        if body is None:
            content = b""
        elif isinstance(body, bytes):
            content = body
        else:
            content = (body if isinstance(body, str) else dumps(body)).encode()
        if signed:
            target = signed_target(app or self._app_of(path), method, path, self.clock.seconds(), content, query)
        else:
            target = path + ("?" + "&".join(f"{name}={value}" for name, value in query.items()) if query else "")
        sent = {"Host": "localhost:6001", **(headers or {})}
        if content:
            sent.setdefault("Content-Length", str(len(content)))
        reader = HttpReader(method, target, sent.items(), content)
        wire = self.open(reader.receive, lambda: reader.receive(b""))
        wire.feed(reader.output)
        self.pump()
        if reader.response is None:
            raise AssertionError(f"no answer to {method} {path}")
        if wire.connected:
            wire.cut(clean=True)
            self.pump()
        return reader.response

    def _app_of(self, path: str) -> App:
        parts = path.split("/")
        return self._records[parts[parts.index("apps") + 1]] if "apps" in parts else next(iter(self._records.values()))

    def publish(self, channels: str | list[str], name: str, data: Any = "{}", **members: Any) -> Response:
        """Publish through the REST API to the first app; `members` go into the request, such as `socket_id`."""
        app_id = next(iter(self._records))
        targets = [channels] if isinstance(channels, str) else channels
        response = self.request(
            "POST", f"/apps/{app_id}/events", body={"name": name, "channels": targets, "data": data, **members}
        )
        if response.status != 200:
            raise AssertionError(f"publish was refused: {response.status} {response.text}")
        return response

    def get(self, path: str, **query: str) -> Any:
        """The JSON answer to a signed GET below the first app, `path` such as `/channels/news`."""
        response = self.request("GET", f"/apps/{next(iter(self._records))}{path}", query=query)
        if response.status != 200:
            raise AssertionError(f"GET {path}: {response.status} {response.text}")
        return json.loads(response.body)

    def subscriptions(self, channel: str) -> int:
        """How many sockets are subscribed, as the REST API tells."""
        return int(self.get(f"/channels/{channel}", info="subscription_count").get("subscription_count", 0))

    def members(self, channel: str) -> list[str]:
        """User ids in a presence channel, as the REST API tells."""
        return [user["id"] for user in self.get(f"/channels/{channel}/users")["users"]]

    def occupied(self) -> list[str]:
        """Names of the channels that have subscribers, as the REST API tells."""
        return sorted(self.get("/channels")["channels"])

    def terminate(self, user_id: str) -> Response:
        """Terminate the user's connections through the REST API."""
        return self.request("POST", f"/apps/{next(iter(self._records))}/users/{user_id}/terminate_connections")

    # Time and state.

    def change_app(self, app_id: str = "app", **changes: Any) -> None:
        """Edit an app's record as its owner would while the server runs."""
        record = self._records[app_id]
        fields = {name: getattr(record, name) for name in record.__struct_fields__}
        self._records[app_id] = App(**{**fields, **changes})
        self.apps.replace(self._records.values())

    def pump(self) -> None:
        """Let everything that is due now happen."""
        self.clock.advance(0)

    def advance(self, seconds: float) -> None:
        """Let time pass, stopping at every moment something is due."""
        end = self.clock.seconds() + seconds
        self.pump()
        while calls := self.clock.getDelayedCalls():
            due = min(call.getTime() for call in calls)
            if due > end:
                break
            self.clock.advance(max(due - self.clock.seconds(), 1e-6))
        self.clock.advance(max(end - self.clock.seconds(), 0))

    def tables(self) -> dict[str, int]:
        """Every table whose size is not what it was when the server was new: what has been left behind."""
        now = self._sizes()
        names = now.keys() | self._fresh.keys()
        return {name: now.get(name, 0) for name in sorted(names) if now.get(name, 0) != self._fresh.get(name, 0)}

    def _sizes(self) -> dict[str, int]:
        self.pump()
        found = sizes({"engine": self.engine, "authority": self.authority, "factory": self.factory})
        return {**found, "clock": len(self.clock.getDelayedCalls())}
