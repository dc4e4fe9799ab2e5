"""One REST request, from its first header to its answer (http-api.md 3).

What the pipeline checks, in this order, and where: preflight, route and rate limit when the head is complete
(`begin`); the size while the body is read (`handleContentChunk`); signature, JSON and meaning in the route's handler.
"""

from __future__ import annotations

import re
from itertools import count
from secrets import token_hex
from typing import Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import INonQueuedRequestFactory
from zope.interface import provider

from ...engine.answers import ask
from ...engine.tally import AppTally
from ...interfaces import BackendError
from ...protocol.app import App
from ...protocol.errors import RestError, shortened
from ..fields import Fields
from .api import RestApi
from .rate_limits import Checked
from .reply import Reply, error_reply
from .routes import Route
from .waiting import begun

__all__ = ["Request"]

_access = Logger("sockudo.http")
_ID = re.compile(rb"[\w.:/+=@-]{1,128}", re.ASCII)
_numbers = count(1)
_PROCESS = token_hex(4).encode()
_SIGNATURE = re.compile(r"auth(_|%5f)signature.*", re.IGNORECASE | re.DOTALL)
_NO_ROUTE = "none"
"""Stands for every path that leads nowhere, and for preflights."""
_INTERNAL = RestError(500, "internal_error", "The server failed to process the request; its log has the details")


class Connection(Protocol):
    """The channel a request came on and is answered on."""

    api: RestApi
    address: IAddress | None

    def refuse(self, answer: bytes) -> None: ...

    def send(self, request: Request, reply: Reply) -> None: ...


@provider(INonQueuedRequestFactory)
class Request:
    """What `HTTPChannel` fills and we answer. Attributes follow `twisted.web` where the channel needs them."""

    _log = Logger()

    method = ""
    uri = b""
    """The request target as received."""
    path = b""
    """Its path: no host, no query, escapes untouched."""
    query = b""
    body = b""
    segments: tuple[bytes, ...] = ()
    """What the route leaves open in the path, still escaped."""
    fault: RestError | None = None
    """Why the request is refused once it has been read."""
    refused = False
    """Whether it was answered before it was read."""
    id = b""
    """What it is called in the log and in its answer: the `X-Request-Id` it came with, or one of ours."""
    limit_lines = b""
    """Header lines about the rate limit, which every answer carries."""
    _checking: Deferred[Checked] | None = None
    """The rate limit's answer, when it has to be waited for."""
    began = 0.0
    """When its head had come."""
    tally: AppTally | None = None
    """The counts of the app it names, once that is known."""

    def __init__(self, channel: Connection, fields: Fields | None = None) -> None:
        self.channel: Connection | None = channel
        self._api = channel.api
        self.requestHeaders = Fields() if fields is None else fields
        self._received = bytearray()
        self.received = 0
        """Bytes of the body that have come."""
        self._route: Route | None = None
        self._work: Deferred[None] | None = None

    # What HTTPChannel calls

    def handleContentChunk(self, data: bytes) -> None:
        self.received += len(data)
        if self._exceeds(self.received):
            self._received.clear()
            self.refuse(self.fault or self._too_large())
        elif self.fault is None:
            self._received += data

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if self.refused:
            return
        self.body = bytes(self._received)
        self._received.clear()
        self._work = begun(self._answer())

    def connectionLost(self, reason: Failure) -> None:
        """Nobody waits any more. Questions are dropped; what changes something is seen through."""
        self.channel = None
        self._received.clear()  # at once: channel and request refer to each other until the next garbage collection
        if self._work is not None and self.method != "POST":
            self._work.cancel()

    # Before the body

    def begin(self, method: bytes, uri: bytes, length: int | None) -> None:
        """The head is complete; `length` is None for a chunked body."""
        self.method, self.uri = method.decode("ascii"), uri
        self.began = self._api.engine.clock.seconds()
        given = self.header_bytes(b"x-request-id")
        if given is not None and _ID.fullmatch(given):
            self.id = given
        else:
            self.id = b"%b-%x" % (_PROCESS, next(_numbers))
        if not uri.startswith(b"/"):
            uri = _without_host(uri)
        self.path, _, self.query = uri.partition(b"?")
        if self.method != "OPTIONS":
            self.fault = self._directed()
            if self.fault is None and self._api.limits.on:
                self._limit()
        if length is not None and self._exceeds(length):
            self.refuse(self.fault or self._too_large())

    def refuse(self, fault: RestError) -> None:
        """Answer now, before the body was read, and close the connection."""
        if self.channel is not None and not self.refused:
            self.refused = True
            reply = self._finished(error_reply(fault))
            answer = self._api.answers.finished(reply, self.header_bytes(b"origin"), close=True, request_id=self.id)
            self.channel.refuse(answer)
            if self._api.log_requests:
                self._note(fault.status)
            self._count(reply)

    def _directed(self) -> RestError | None:
        """Find the route; why there is none."""
        match = self._api.routes.match(self.path)
        if match is None:
            return RestError(404, "not_found", f"There is nothing at {_shown(self.path)}")
        route, self.segments = match
        self._route = route
        if not route.takes(self.method):
            return RestError(
                405, "method_not_allowed", f"{_shown(self.path)} takes {route.allow}", {"Allow": route.allow}
            )
        return None

    def _limit(self) -> None:
        """Ask the rate limit of the route. Who is refused is not read any more than who has the wrong path."""
        limits, route = self._api.limits, self._route
        assert route is not None
        gate = limits.upgrades if route.upgrade else limits.api if route.signed is not None else None
        if gate is None:
            return
        checked = gate.check(self)
        if isinstance(checked, Deferred):
            self._checking = checked
        else:
            self.limit_lines, self.fault = checked

    def _finished(self, reply: Reply) -> Reply:
        return reply._replace(headers=reply.headers + self.limit_lines)

    def _exceeds(self, size: int) -> bool:
        return size > self._api.request_limit > 0

    def _too_large(self) -> RestError:
        limit = self._api.request_limit
        return RestError(413, "payload_too_large", f"The request body is larger than {limit} bytes")

    # The answer

    async def _answer(self) -> None:
        try:
            reply = await self._reply()
        except RestError as error:
            if error.__cause__ is not None:
                self._complain(f"{error.text}: {error.__cause__}")
            reply = error_reply(error)
        except BackendError as error:
            self._complain(str(error))
            reply = error_reply(_INTERNAL)
        except Exception as error:  # noqa: BLE001 (the boundary: our bug becomes a 500 and a log entry)
            if self.channel is None and isinstance(error, CancelledError):
                return
            self._log.failure(
                "a REST call failed", method=self.method, path=_shown(self.path), request_id=self.id.decode()
            )
            reply = error_reply(_INTERNAL)
        if reply is None:
            return
        if self.channel is not None:
            self.channel.send(self, self._finished(reply) if self.limit_lines else reply)
            if self._api.log_requests:
                self._note(reply.status)
        self._count(reply)

    async def _reply(self) -> Reply | None:
        """None when the connection is no longer ours to answer on."""
        if self._checking is not None:
            self.limit_lines, self.fault = await self._checking
        if self.fault is not None:
            return error_reply(self.fault)
        route = self._route
        if route is None:
            return self._api.answers.preflight
        if route.signed is None:
            assert route.open is not None
            return await route.open(self)
        return await route.signed(await self._api.guard.admit(self, app_in_path=route.app_in_path))

    def _count(self, reply: Reply) -> None:
        """Once for each request that is answered (http-api.md 10.3, 11.6)."""
        route = self._route
        self._api.engine.tally.answers[_NO_ROUTE if route is None else route.path, reply.status] += 1
        sent = 0 if self.method == "HEAD" else len(reply.body)
        tally = self.tally
        if tally is not None:
            self._account(tally, sent)
        elif route is not None:
            self._count_unasked(route, sent)

    def _count_unasked(self, route: Route, sent: int) -> None:
        """A health call, or one that was refused before its app was asked for."""
        counts = self._api.engine.tally

        def named(app: App | None) -> None:
            if app is not None:
                self._account(counts.of(app.id), sent)

        if route.calls == "system":
            self._account(counts.system, sent)
        elif route.calls == "app" or (route.signed is not None and route.app_in_path):
            ask(lambda: self._api.guard.named(self.segments[0]), named, lambda _: None)

    def _account(self, tally: AppTally, sent: int) -> None:
        tally.calls += 1
        tally.call_bytes_received += self.received
        tally.call_bytes_sent += sent

    def _note(self, status: int) -> None:
        """The request's line in the log: nothing of the query, which holds the signature."""
        ms = round((self._api.engine.clock.seconds() - self.began) * 1000, 1)
        path = _shown(self.path)
        _access.debug(
            "{method} {path} {status} in {ms} ms",
            method=self.method,
            path=path,
            status=status,
            ms=ms,
            request_id=self.id.decode(),
        )

    def _complain(self, what: str) -> None:
        if self._api.repeats.due(what):
            self._log.error("a backend failed a REST call: {what}", what=what, request_id=self.id.decode())

    # Its parts

    @property
    def waiting(self) -> int:
        """Bytes of the body that are kept for the rest to come."""
        return len(self._received)

    def header_bytes(self, name: bytes) -> bytes | None:
        """The value, as received, of the header with this lower-case name; the last one when repeated."""
        values = self.requestHeaders.get(name)
        return values[-1] if values else None

    def header(self, name: bytes) -> str | None:
        """A header's value as text: UTF-8, or else Latin-1. No two values become one."""
        values = self.requestHeaders.get(name)
        if not values:
            return None
        try:
            return values[-1].decode()
        except UnicodeDecodeError:
            return values[-1].decode("latin-1")


def _without_host(target: bytes) -> bytes:
    """The path and query of `http://host/path?query`, as proxies send it."""
    scheme, found, rest = target.partition(b"://")
    if not found or scheme.lower() not in (b"http", b"https"):
        return target
    slash = rest.find(b"/")
    return rest[slash:] if slash >= 0 else b"/"


def _shown(path: bytes) -> str:
    """A path for people; without the signature that a proxy which escapes the question mark makes part of it."""
    return shortened(_SIGNATURE.sub("…", path.decode("utf-8", "replace")))
