"""The backend of the console. It signs whatever the page asks for: fine on your machine, never in public."""

from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import quote

from twisted.web.resource import Resource
from twisted.web.server import Request

from examples.application import Application, Reply
from examples.interactive.secretbox import NONCE_SIZE, seal
from examples.web import Answer, JsonRoute, form_field, json_body, site_root

ENCRYPTED = "private-encrypted-"


class Console:
    """The whole application."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def root(self) -> Resource:
        """The site."""
        root = site_root(Path(__file__).with_name("page"))
        api = Resource()
        root.putChild(b"api", api)
        api.putChild(b"start", JsonRoute(GET=self.start))
        api.putChild(b"auth", JsonRoute(POST=self.authorize))
        api.putChild(b"user-auth", JsonRoute(POST=self.authenticate))
        api.putChild(b"publish", JsonRoute(POST=self.publish))
        api.putChild(b"terminate", JsonRoute(POST=self.terminate))
        api.putChild(b"channels", JsonRoute(GET=self.channels))
        return root

    async def start(self, request: Request) -> Answer:
        """What the connection form is filled with."""
        credentials = self._application.credentials
        return 200, {"key": credentials.key, "port": credentials.port}

    async def authorize(self, request: Request) -> Answer:
        """The auth endpoint: whoever the page says it is, may enter everywhere."""
        socket_id, channel = form_field(request, "socket_id"), form_field(request, "channel_name")
        if channel.startswith(ENCRYPTED):
            return 200, self._application.authorize_encrypted(socket_id, channel)
        if channel.startswith("presence-"):
            user = form_field(request, "user") or "somebody"
            member = {"user_id": user, "user_info": {"name": user}}
            return 200, self._application.authorize_channel(socket_id, channel, member)
        return 200, self._application.authorize_channel(socket_id, channel)

    async def authenticate(self, request: Request) -> Answer:
        """The user auth endpoint."""
        user = form_field(request, "user") or "somebody"
        watchlist = form_field(request, "watchlist").replace(",", " ").split()
        data = {"id": user, "user_info": {"name": user}, **({"watchlist": watchlist} if watchlist else {})}
        return 200, self._application.authenticate_user(form_field(request, "socket_id"), data)

    async def publish(self, request: Request) -> Answer:
        """Publishes to one channel through the HTTP API; seals the data for an encrypted one."""
        body = json_body(request)
        channel, event, data = str(body.get("channel", "")), str(body.get("event", "")), body.get("data")
        if channel.startswith(ENCRYPTED):
            data = self._sealed(channel, data)
        options = {name: body[name] for name in ("socket_id", "info") if body.get(name)}
        return _shown(await self._application.publish([channel], event, data, **options))

    async def terminate(self, request: Request) -> Answer:
        """Ends every connection of a signed-in user."""
        user = str(json_body(request).get("user", ""))
        return _shown(await self._application.call("POST", f"/users/{quote(user, safe='')}/terminate_connections", {}))

    async def channels(self, request: Request) -> Answer:
        """Every occupied channel with its number of subscriptions."""
        return _shown(await self._application.call("GET", "/channels", info="subscription_count"))

    def _sealed(self, channel: str, data: Any) -> dict[str, str]:
        nonce = secrets.token_bytes(NONCE_SIZE)
        ciphertext = seal(json.dumps(data).encode(), nonce, self._application.shared_secret(channel))
        return {"nonce": base64.b64encode(nonce).decode(), "ciphertext": base64.b64encode(ciphertext).decode()}


def _shown(reply: Reply) -> Answer:
    """The page shows the server's own status and body, whatever they are."""
    return 200, {"status": reply.status, "body": reply.body}
