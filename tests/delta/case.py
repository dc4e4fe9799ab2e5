"""What every case of delta compression starts from: a server, clients that follow, and what they make of it."""

from __future__ import annotations

import json
from typing import Any

from sockudo_tx.delta.settings import DeltaSettings
from sockudo_tx.engine.settings import EngineSettings
from sockudo_tx.protocol.publication import Publication
from sockudo_tx.testing import MemoryClient, MemoryServer, fixture_app
from tests.http.case import DEMO, HttpCase

from .model import Model

__all__ = ["ENABLED", "DeltaCase", "Follower", "padded", "plain"]

ENABLED = '{"event":"pusher:delta_compression_enabled","data":{"enabled":true,"algorithm":"fossil"}}'
_PADDING = "abcdefghijklmnopqrstuvwxyz0123456789" * 8


def padded(number: Any, **members: Any) -> str:
    """Data of 300 bytes, of which little changes with the number."""
    return json.dumps({**members, "n": number, "pad": _PADDING}, separators=(",", ":"), ensure_ascii=False)


def plain(data: str, channel: str = "c", name: str = "n", tags: dict[str, str] | None = None) -> str:
    """The exact text of a published event."""
    frame: dict[str, Any] = {"event": name, "channel": channel, "data": data}
    if tags is not None:
        frame["tags"] = dict(sorted(tags.items()))
    return json.dumps(frame, separators=(",", ":"), ensure_ascii=False)


class Follower:
    """A client, and what it would have delivered."""

    def __init__(self, client: MemoryClient) -> None:
        self.client = client
        self.model = Model()

    @property
    def id(self) -> str:
        return self.client.established

    def subscribe(self, channel: str = "c", **more: Any) -> list[str]:
        """Subscribe; the texts that came, which the model has read."""
        return self._read(self.client.subscribe(channel, **more))

    def enable(self, *algorithms: str) -> list[str]:
        """Ask for deltas everywhere; the texts that came."""
        data = {"algorithms": list(algorithms)} if algorithms else {}
        return self._read(self.client.send({"event": "pusher:enable_delta_compression", "data": data}).take())

    def send(self, message: Any) -> list[str]:
        return self._read(self.client.send(message).take())

    def take(self) -> list[str]:
        """The exact texts since the last look, which the model has read."""
        return self._read(self.client.take())

    def events(self) -> list[str]:
        """The events since the last look, each as its plain text."""
        found = [self.model.hear(text) for text in self.client.take()]
        return [text for text in found if text is not None]

    def kinds(self) -> list[str]:
        """`plain`, `full` or `delta`, of the events since the last look."""
        self.take()
        kinds, self.model.kinds = self.model.kinds, []
        return kinds

    def block(self) -> None:
        """Stop reading: the server has to queue, and to drop."""
        self.client.wire.producer.pauseProducing()

    def read(self) -> None:
        """Read again."""
        self.client.wire.producer.resumeProducing()

    def _read(self, texts: list[str]) -> list[str]:
        for text in texts:
            self.model.hear(text)
        return texts


class DeltaCase(HttpCase):
    """A server whose settings of deltas a test may change."""

    def delta(
        self,
        entries: dict[str, Any] | None = None,
        *,
        websocket: Any = None,
        pace: Any = None,
        app: dict[str, Any] | None = None,
        **changes: Any,
    ) -> MemoryServer:
        """A new server with these settings; `entries` are the app's `channel_delta_compression`."""
        record = fixture_app(
            id=DEMO.id, key=DEMO.key, secret=DEMO.secret, channel_delta_compression=entries, **(app or {})
        )
        settings = EngineSettings(
            auto_ping=False, idle_timeout=0, activity_timeout=86400, delta=DeltaSettings(**changes)
        )
        return self.serve([record], settings=settings, websocket=websocket, pace=pace)

    def follower(self, *channels: str, enabled: bool = True, **subscription: Any) -> Follower:
        """A client that follows these channels, `c` if there are none, its own messages read."""
        follower = Follower(self.server.client(DEMO.key))
        if enabled:
            follower.enable()
        for channel in channels or ("c",):
            follower.subscribe(channel, **subscription)
        return follower

    def tell(self, data: str, channel: str = "c", name: str = "n", **members: Any) -> str:
        """Publish through the REST API; the plain text."""
        self.publish(data=data, channels=[channel], name=name, **members)
        return plain(data, channel, name)

    def at_once(self, *events: Publication) -> None:
        """Publish these in one turn of the reactor."""
        app = self.server.apps.by_id(DEMO.id)
        assert app is not None
        for event in events:
            self.server.engine.publish(app, event)
        self.server.pump()

    def assertKinds(self, follower: Follower, *kinds: str) -> None:
        """The events since the last look came so."""
        self.assertEqual(follower.kinds(), list(kinds))
