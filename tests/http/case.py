"""What every HTTP case starts from: a server in memory, a backend that signs as it likes, raw connections."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.protocol.app import App
from sockudo_tx.testing import MemoryClient, MemoryServer, Response, fixture_app

__all__ = ["DEMO", "EMPTY_MD5", "HttpCase", "RawConnection", "event_frame", "md5", "sign", "signed"]

DEMO = fixture_app(id="app-id", key="app-key", secret="app-secret")
EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"
NOW = 1_700_000_000

Pairs = Sequence[tuple[str, str]]


def md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def sign(method: str, path: str, pairs: Pairs, secret: str = DEMO.secret) -> str:
    """The signature of a call, by Pusher's description; a later pair of the same name replaces an earlier one."""
    text = "&".join(f"{name}={value}" for name, value in sorted({name.lower(): value for name, value in pairs}.items()))
    return hmac.new(secret.encode(), f"{method}\n{path}\n{text}".encode(), "sha256").hexdigest()


def signed(
    method: str,
    path: str,
    more: Pairs = (),
    *,
    body: bytes = b"",
    at: int = NOW,
    app: App = DEMO,
    signed_path: str | None = None,
    without: Sequence[str] = (),
    **changes: str,
) -> str:
    """The target of a signed call, spelled plainly. `changes` replace standard parameters before signing."""
    standard = {"auth_key": app.key, "auth_timestamp": str(at), "auth_version": "1.0"}
    if body:
        standard["body_md5"] = md5(body)
    pairs = [(name, value) for name, value in {**standard, **changes}.items() if name not in without]
    pairs += more
    signature = sign(method, signed_path or path, pairs, app.secret)
    return f"{path}?{'&'.join(f'{name}={value}' for name, value in pairs)}&auth_signature={signature}"


def event_frame(name: str, channel: str, data: str) -> str:
    """The text of a published event on the wire."""
    frame = {"event": name, "channel": channel, "data": data}
    return json.dumps(frame, separators=(",", ":"), ensure_ascii=False)


class RawConnection:
    """One HTTP connection, bytes out and responses in."""

    def __init__(self, server: MemoryServer) -> None:
        self._server = server
        self.received = b""
        self.ended = False
        self.wire = server.open(self._read, self._end)

    def _read(self, data: bytes) -> None:
        self.received += data

    def _end(self) -> None:
        self.ended = True

    def send(self, data: bytes) -> RawConnection:
        self.wire.feed(data)
        self._server.pump()
        return self

    def take(self, head_only: bool = False) -> list[Response]:
        """The whole responses received since the last `take`; interim ones are left out."""
        self._server.pump()
        responses = []
        while b"\r\n\r\n" in self.received:
            head, _, rest = self.received.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            status = int(lines[0].split(" ")[1])
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
            length = 0 if head_only or status == 100 else int(headers["content-length"])
            assert len(rest) >= length, self.received
            self.received = rest[length:]
            if status != 100:
                responses.append(Response(status, headers, rest[:length]))
        return responses

    def ask(self, data: bytes) -> Response:
        """Send one request and take its one response."""
        (response,) = self.send(data).take(head_only=data.startswith(b"HEAD "))
        return response


class HttpCase(SynchronousTestCase):
    """One server with the demo app a test; `serve` makes another with other settings."""

    server: MemoryServer

    def setUp(self) -> None:
        self.serve()

    def serve(self, apps: Sequence[App] = (DEMO,), **settings: Any) -> MemoryServer:
        """A new server; `settings` as MemoryServer takes them."""
        self.server = MemoryServer(apps, **settings)
        return self.server

    # The backend

    def call(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None, raw: bool = False
    ) -> Response:
        """One request, exactly so, on a connection of its own."""
        lines = {"Host": "localhost:6001", **({"Content-Length": str(len(body))} if body else {}), **(headers or {})}
        head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return RawConnection(self.server).ask(head.encode() + b"\r\n" + body)

    def post(self, path: str, body: Any = b"", *, headers: Mapping[str, str] | None = None, **how: Any) -> Response:
        """A signed POST below the demo app."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        target = signed("POST", f"/apps/app-id{path}", body=content, at=self.now, **how)
        return self.call("POST", target, content, headers)

    def get(self, path: str, more: Pairs = (), **how: Any) -> Response:
        """A signed GET below the demo app."""
        return self.call("GET", signed("GET", f"/apps/app-id{path}", more, at=self.now, **how))

    def publish(self, **members: Any) -> Response:
        """Publish an event `n` to the channel `c`, with these members changed; None leaves one out."""
        event = {"name": "n", "channels": ["c"], "data": "d", **members}
        return self.post("/events", {name: value for name, value in event.items() if value is not None})

    def batch(self, *events: Any) -> Response:
        """Publish these events in one batch."""
        return self.post("/batch_events", {"batch": list(events)})

    @property
    def now(self) -> int:
        return int(self.server.clock.seconds())

    # The clients

    def subscriber(self, *channels: str, user_id: str | None = None, key: str = DEMO.key) -> MemoryClient:
        """A client that is subscribed, its own messages read; with `user_id` as a member."""
        client = self.server.client(key)
        for channel in channels:
            frames = client.subscribe(channel, user_id if channel.startswith("presence-") else None)
            self.assertIn("subscription_succeeded", frames[0])
        return client

    def signed_in(self, user_id: str) -> MemoryClient:
        """A client that is signed in."""
        client = self.server.client(DEMO.key)
        self.assertIn("signin_success", client.signin(user_id)[0])
        return client

    # What is expected

    def assertJson(self, response: Response, value: Any) -> None:
        """200 with exactly this JSON value."""
        self.assertEqual((response.status, response.json), (200, value), response.text)
        self.assertEqual(response.headers["content-type"], "application/json")

    def assertRefused(self, response: Response, status: int, code: str, *words: str) -> None:
        """The error body of section 6.1, with this status and code."""
        self.assertEqual(response.status, status, response.text)
        self.assertEqual(response.headers["content-type"], "application/json")
        body = response.json
        self.assertEqual((set(body), body["code"], body["status"]), ({"error", "code", "status"}, code, status))
        for word in words:
            self.assertIn(word, body["error"])
        self.assertNotRegex(body["error"], re.compile("app-secret|Traceback|[0-9a-f]{64}"))

    def assertHeard(self, client: MemoryClient, *frames: str) -> None:
        """Exactly these frames since the last look."""
        self.assertEqual(client.take(), list(frames))
