"""The backend of the chat: sessions, the auth endpoint of the presence channel, and messages.

Browsers never publish messages themselves. They post to this backend, which knows who they are, keeps the history, and
publishes to everybody through the HTTP API. Only "is typing" goes from browser to browser, as a client event.
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

from twisted.web.resource import Resource
from twisted.web.server import Request

from examples.application import Application
from examples.web import Answer, JsonRoute, form_field, json_body, site_root

ROOM = "presence-lobby"
SESSION_COOKIE = "chat_session"
MAX_NAME = 24
MAX_TEXT = 2000
HISTORY = 100


class Person(NamedTuple):
    """Somebody who has given a name."""

    id: str
    name: str

    @property
    def member(self) -> dict[str, Any]:
        """What the others in the room learn."""
        return {"user_id": self.id, "user_info": {"name": self.name}}


class Chat:
    """The whole application; its state is gone when it ends."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._sessions: dict[str, Person] = {}
        self._history: deque[dict[str, Any]] = deque(maxlen=HISTORY)
        self._numbers = itertools.count(1)

    def root(self) -> Resource:
        """The site."""
        root = site_root(Path(__file__).with_name("page"))
        api = Resource()
        root.putChild(b"api", api)
        api.putChild(b"start", JsonRoute(GET=self.start))
        api.putChild(b"join", JsonRoute(POST=self.join))
        api.putChild(b"auth", JsonRoute(POST=self.authorize))
        api.putChild(b"messages", JsonRoute(GET=self.history, POST=self.say))
        return root

    async def start(self, request: Request) -> Answer:
        """What the page needs to connect, and who it already is, if the browser has been here before."""
        credentials = self._application.credentials
        person = self._person(request)
        me = {"id": person.id, "name": person.name} if person else None
        return 200, {"key": credentials.key, "port": credentials.port, "room": ROOM, "me": me}

    async def join(self, request: Request) -> Answer:
        """Gives the browser an identity. A real application has its own sign-in here."""
        name = " ".join(str(json_body(request).get("name", "")).split())[:MAX_NAME]
        if not name:
            return 400, {"error": "What should we call you?"}
        person = Person(secrets.token_hex(6), name)
        session = secrets.token_urlsafe(24)
        self._sessions[session] = person
        request.addCookie(SESSION_COOKIE, session, path="/", httpOnly=True, sameSite="lax")
        return 200, {"id": person.id, "name": person.name}

    async def authorize(self, request: Request) -> Answer:
        """The auth endpoint: pusher-js posts here before it subscribes. The one place that says who may come in."""
        person = self._person(request)
        if person is None or form_field(request, "channel_name") != ROOM:
            return 403, {"error": "not for you"}
        return 200, self._application.authorize_channel(form_field(request, "socket_id"), ROOM, person.member)

    async def history(self, request: Request) -> Answer:
        """The latest messages, oldest first."""
        if self._person(request) is None:
            return 403, {"error": "join first"}
        return 200, list(self._history)

    async def say(self, request: Request) -> Answer:
        """Keeps a message and publishes it to the room, the author included."""
        person = self._person(request)
        if person is None:
            return 403, {"error": "join first"}
        text = str(json_body(request).get("text", "")).strip()[:MAX_TEXT]
        if not text:
            return 400, {"error": "nothing to say"}
        message = {
            "number": next(self._numbers),
            "user": person.id,
            "name": person.name,
            "text": text,
            "at": int(time.time() * 1000),
        }
        self._history.append(message)
        reply = await self._application.publish([ROOM], "message", message)
        return (200, message) if reply.status == 200 else (502, reply.body)

    def _person(self, request: Request) -> Person | None:
        cookie = request.getCookie(SESSION_COOKIE.encode())
        return self._sessions.get(cookie.decode("latin-1")) if cookie else None
