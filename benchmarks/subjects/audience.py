"""The other end of a broadcast: many clients that swallow what comes and count its bytes.

python -m benchmarks.subjects.audience PORT SIZE pusher|websocket [tls] [delta | equal=1000 | tree=1000]

With `delta` they ask for deltas; with `equal` and `tree` each has a filter of this form for one of so many topics.

stdout  {"connected": 1000}
stdin   expect 251000      so many bytes since the last time, or 20 s without any
stdout  {"seen": 251000}
stdin   more 500           so many further clients
stdout  {"connected": 1500}
"""

from __future__ import annotations

import os
import resource
import select
import socket
import ssl
import sys
import time
from collections.abc import Callable
from typing import cast

from ..harness.client import Speaks, Wish, connect_wave, nothing
from .said import tell
from .topics import equal, tree

_WAVE = 50
_PATIENCE = 20.0
_SCRATCH = bytearray(262144)


def tls_context() -> ssl.SSLContext:
    """TLS 1.3, whoever the server is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def decrypting(peer: ssl.SSLSocket) -> Callable[[bytearray], int | None]:
    """Like `recv_into`, of everything that can be decrypted by now; None when that is nothing yet."""
    receive = peer.recv_into

    def receive_all(scratch: bytearray) -> int | None:
        total = 0
        try:
            while size := receive(scratch):
                total += size
        except ssl.SSLWantReadError:
            return total or None
        return total

    return receive_all


class Audience:
    """Clients of one server."""

    def __init__(self, port: int, speaks: Speaks, context: ssl.SSLContext | None, wish: Wish) -> None:
        self._port = port
        self._wish = wish
        self._speaks: Speaks = speaks
        self._context = context
        self._poll = select.epoll()
        self._poll.register(0, select.EPOLLIN)
        self._peers: list[socket.socket] = []
        self._receive: dict[int, Callable[[bytearray], int | None]] = {}
        self._seen = 0
        self._last = 0.0
        self._expected: int | None = None

    def connect(self, size: int) -> None:
        """So many more clients."""
        while size > 0:
            more = connect_wave(
                self._port, min(_WAVE, size), self._speaks, "bench-0", self._context,
                wish=self._wish, first=len(self._peers),
            )  # fmt: skip
            for peer in more:
                peer.setblocking(False)
                self._poll.register(peer.fileno(), select.EPOLLIN)
                self._receive[peer.fileno()] = decrypting(peer) if isinstance(peer, ssl.SSLSocket) else peer.recv_into
                self._peers.append(peer)
            size -= _WAVE
        tell(connected=len(self._peers))

    def run(self) -> None:
        """Counts and obeys until standard input ends."""
        receive, scratch = self._receive, _SCRATCH
        while True:
            for number, _ in self._poll.poll(0.5, 1024):
                if number == 0:
                    if not self._command():
                        return
                    continue
                size = receive[number](scratch)
                if size:
                    self._seen += size
                elif size == 0:
                    self._poll.unregister(number)
            self._report()

    def _report(self) -> None:
        if self._expected is None:
            return
        now = time.monotonic()
        if self._seen >= self._expected or (self._seen == self._last_seen and now > self._last + _PATIENCE):
            tell(seen=self._seen)
            self._seen, self._expected = 0, None
        elif self._seen != self._last_seen:
            self._last_seen, self._last = self._seen, now

    _last_seen = 0

    def _command(self) -> bool:
        text = os.read(0, 4096).decode()
        for line in text.splitlines():
            word, _, number = line.partition(" ")
            if word == "expect":
                self._expected, self._last, self._last_seen = int(number), time.monotonic(), self._seen
            elif word == "more":
                self.connect(int(number))
        return bool(text)


def wished(words: list[str]) -> Wish:
    """What the clients ask for."""
    if "delta" in words:
        return lambda _: {"delta": True}
    for name, form in (("equal=", equal), ("tree=", tree)):
        for word in words:
            if word.startswith(name):
                topics = int(word.removeprefix(name))
                return lambda number: {"tags_filter": form(number % topics)}
    return nothing


def main() -> None:
    """Connects, then serves until standard input ends."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    port, size, speaks = sys.argv[1:4]
    context = tls_context() if "tls" in sys.argv else None
    audience = Audience(int(port), cast("Speaks", speaks), context, wished(sys.argv[4:]))
    audience.connect(int(size))
    audience.run()


main()
