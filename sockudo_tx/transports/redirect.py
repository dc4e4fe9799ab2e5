"""Plain HTTP answered with the way to HTTPS, and with nothing else: 308, whatever the method and the path.

One request a connection. Its body is not read, and what a client still sends behind its head is dropped; a connection
has limited time in all, so that it does not matter how slowly its bytes come. Source: configuration.md 8.3,
http-api.md 1, decisions.md 52.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import Any, NamedTuple
from urllib.parse import quote

from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.http import datetimeToString

from .fields import read_fields

__all__ = ["RedirectFactory", "RedirectSettings", "Redirection", "location"]

LINGER = 2.0
"""Seconds a client may still send after its answer: closing before it stops would take the answer from it."""

_END = b"\r\n\r\n"
_LINE = re.compile(rb"[-!#$%&'*+.^_`|~0-9A-Za-z]{1,64} ([!-~\x80-\xff]+) HTTP/1\.[01]")
# RFC 3986 3.2.2 and RFC 9110 7.2: no user, no zone.
_AUTHORITY = re.compile(
    rb"(\[[0-9A-Fa-f:.]{2,45}\]|(?:[-._~!$&'()*+,;=0-9A-Za-z]|%[0-9A-Fa-f]{2}){1,255})(?::([0-9]{0,5}))?"
)
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)([^#]*)", re.IGNORECASE)
_LEGAL = "/?:@!$&'()*+,;=-._~%[]"
"""Besides letters and digits, what stands for itself in a path or a query."""


class RedirectSettings(NamedTuple):
    """Where to, and what a client may take."""

    port: int
    """Of HTTPS."""
    max_header_bytes: int = 16384
    timeout: float = 10.0
    """Seconds for a request's head to arrive."""
    max_connections: int = 10_000
    """At once; with one more the oldest goes. 0: no limit."""


def location(head: bytes, port: int) -> bytes:
    """Where the request with this head belongs; `port` is that of HTTPS. Raises `ValueError` when it is none."""
    line, _, rest = head.partition(b"\r\n")
    request = _LINE.fullmatch(line)
    found = read_fields(rest)
    if request is None or found is None or found[1] != len(rest):
        raise ValueError("not an HTTP/1 request")
    hosts = found[0].get(b"host", [b""])
    if len(hosts) > 1:
        raise ValueError("more than one Host")
    authority, target = hosts[0], request[1]
    host = _host(authority)
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is not None:  # it wins over Host (RFC 9112 3.2.2)
        host, target = _host(absolute[1]), absolute[2]
    elif target == b"*":
        target = b""
    elif not target.startswith(b"/"):
        raise ValueError("not a path")
    path = quote(target, safe=_LEGAL).encode()
    return b"https://%s%s%s%s" % (host, b"" if port == 443 else b":%d" % port, b"" if path[:1] == b"/" else b"/", path)


def _host(authority: bytes) -> bytes:
    """Without its port."""
    if not authority:
        return b"localhost"
    found = _AUTHORITY.fullmatch(authority)
    if found is None or int(found[2] or 0) > 65535:
        raise ValueError("not a legal Host")
    host = found[1]
    if host.startswith(b"["):
        IPv6Address(host[1:-1].decode())
    return host


class Redirection(Protocol):
    """One connection: reads a head, answers, and is done."""

    transport: Any

    def __init__(self, factory: RedirectFactory) -> None:
        self._factory = factory
        self._heard = b""
        self._answered = False
        self._late: IDelayedCall | None = None

    def connectionMade(self) -> None:
        settings = self._factory.settings
        self._late = self._factory.clock.callLater(settings.timeout, self.abort)
        self._factory.enter(self)

    def dataReceived(self, data: bytes) -> None:
        if self._answered:
            return
        limit = self._factory.settings.max_header_bytes
        seen = max(0, len(self._heard) - len(_END) + 1)
        heard = self._heard = self._heard + data[: limit + 1]
        end = heard.find(_END, seen, limit)
        if end >= 0:
            try:
                where = location(heard[: end + len(_END)], self._factory.settings.port)
            except ValueError:
                self._answer(b"400 Bad Request")
            else:
                self._answer(b"308 Permanent Redirect", b"Location: %s\r\n" % where)
        elif len(heard) >= limit:
            self._answer(b"431 Request Header Fields Too Large")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._factory.leave(self)
        if self._late is not None and self._late.active():
            self._late.cancel()

    def abort(self) -> None:
        """End it now."""
        self.transport.abortConnection()

    def _answer(self, status: bytes, fields: bytes = b"") -> None:
        self._answered = True
        self._heard = b""
        date = datetimeToString(self._factory.clock.seconds())
        form = b"HTTP/1.1 %s\r\nDate: %s\r\n%sContent-Length: 0\r\nConnection: close\r\n\r\n"
        self.transport.write(form % (status, date, fields))
        self.transport.loseWriteConnection()
        if self._late is not None:
            self._late.reset(LINGER)


class RedirectFactory(Factory):
    """Answers every connection of the port for plain HTTP."""

    noisy = False

    def __init__(self, settings: RedirectSettings, clock: IReactorTime) -> None:
        self.settings = settings
        self.clock = clock
        self._open: dict[Redirection, None] = {}

    def buildProtocol(self, addr: IAddress | None) -> Redirection:
        return Redirection(self)

    def enter(self, connection: Redirection) -> None:
        """It is open. When there are too many the oldest goes, not the newest: a flood must not lock out others."""
        self._open[connection] = None
        if 0 < self.settings.max_connections < len(self._open):
            oldest = next(iter(self._open))
            del self._open[oldest]
            oldest.abort()

    def leave(self, connection: Redirection) -> None:
        """It has ended."""
        self._open.pop(connection, None)

    def stopFactory(self) -> None:
        for connection in list(self._open):
            connection.abort()
