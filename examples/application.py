"""The part of Pusher's server SDK that an application needs, in plain Python: sign, and publish over HTTP.

With an SDK at hand use that; this shows that there is no magic in it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from typing import Any, NamedTuple
from urllib.parse import urlencode

from twisted.internet.interfaces import IReactorTCP
from twisted.web.client import Agent, HTTPConnectionPool, readBody
from twisted.web.http_headers import Headers

from examples.body import BytesBody


class Credentials(NamedTuple):
    """Where the server is and which of its apps we are. The secret never leaves this process."""

    host: str = "127.0.0.1"
    port: int = 6001
    app_id: str = "app-id"
    key: str = "app-key"
    secret: str = "app-secret"

    @classmethod
    def from_environment(cls) -> Credentials:
        """The variables that the server itself understands."""
        return cls(
            host="127.0.0.1",
            port=int(os.environ.get("PORT", "6001")),
            app_id=os.environ.get("SOCKUDO_DEFAULT_APP_ID", cls._field_defaults["app_id"]),
            key=os.environ.get("SOCKUDO_DEFAULT_APP_KEY", cls._field_defaults["key"]),
            secret=os.environ.get("SOCKUDO_DEFAULT_APP_SECRET", cls._field_defaults["secret"]),
        )


class Reply(NamedTuple):
    """What the server answered."""

    status: int
    body: Any


class Application:
    """One app of the server, seen from its backend."""

    def __init__(self, reactor: IReactorTCP, credentials: Credentials) -> None:
        self.credentials = credentials
        self._agent = Agent(reactor, connectTimeout=5, pool=HTTPConnectionPool(reactor))

    def sign(self, text: str) -> str:
        """Lower-case hex HMAC-SHA256, the only primitive there is."""
        return hmac.new(self.credentials.secret.encode(), text.encode(), hashlib.sha256).hexdigest()

    def authorize_channel(self, socket_id: str, channel: str, member: dict[str, Any] | None = None) -> dict[str, str]:
        """What the auth endpoint answers; `member` (`user_id`, `user_info`) for presence channels."""
        if member is None:
            return {"auth": f"{self.credentials.key}:{self.sign(f'{socket_id}:{channel}')}"}
        channel_data = json.dumps(member)
        signature = self.sign(f"{socket_id}:{channel}:{channel_data}")
        return {"auth": f"{self.credentials.key}:{signature}", "channel_data": channel_data}

    def authenticate_user(self, socket_id: str, user: dict[str, Any]) -> dict[str, str]:
        """What the user auth endpoint answers; `user` has an `id`, and may have `user_info` and `watchlist`."""
        user_data = json.dumps(user)
        signature = self.sign(f"{socket_id}::user::{user_data}")
        return {"auth": f"{self.credentials.key}:{signature}", "user_data": user_data}

    def shared_secret(self, channel: str) -> bytes:
        """The key of a `private-encrypted-` channel. The server never sees it; SDKs hash a master key the same way."""
        master = hashlib.sha256(b"master key of " + self.credentials.secret.encode()).digest()
        return hashlib.sha256(channel.encode() + master).digest()

    def authorize_encrypted(self, socket_id: str, channel: str) -> dict[str, str]:
        """What the auth endpoint answers for a `private-encrypted-` channel."""
        shared = base64.b64encode(self.shared_secret(channel)).decode()
        return {**self.authorize_channel(socket_id, channel), "shared_secret": shared}

    async def publish(self, channels: list[str], event: str, data: Any, **options: Any) -> Reply:
        """Publishes one event; `options` are the other members of the body, such as `socket_id` and `info`."""
        text = data if isinstance(data, str) else json.dumps(data)
        return await self.call("POST", "/events", {"name": event, "channels": channels, "data": text, **options})

    async def call(self, method: str, path: str, body: Any = None, **query: str) -> Reply:
        """One signed call of the HTTP API, below `/apps/{id}`."""
        path = f"/apps/{self.credentials.app_id}{path}"
        content = b"" if body is None else json.dumps(body).encode()
        query |= {"auth_key": self.credentials.key, "auth_timestamp": str(int(time.time())), "auth_version": "1.0"}
        if content:
            query["body_md5"] = hashlib.md5(content, usedforsecurity=False).hexdigest()
        canonical = "&".join(f"{name}={value}" for name, value in sorted(query.items()))
        query["auth_signature"] = self.sign(f"{method}\n{path}\n{canonical}")
        url = f"http://{self.credentials.host}:{self.credentials.port}{path}?{urlencode(query)}"
        headers = Headers({b"Content-Type": [b"application/json"]})
        producer = BytesBody(content) if content else None
        response = await self._agent.request(method.encode(), url.encode(), headers, producer)
        text = await readBody(response)
        return Reply(response.code, json.loads(text) if text else None)
