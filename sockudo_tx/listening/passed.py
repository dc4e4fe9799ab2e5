"""Sockets that were opened for us, by systemd (sd_listen_fds(3)) or by our own parent: no port of ours, nothing to
remove at the end.

The unit's `FileDescriptorName=` says what each is for: `sockudo`, any number of them, or `metrics`. A single socket
without either name is the main one. Twisted's reader of these variables is not used: it hands out nothing when there
are no names, and of several sockets with one name the last.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from twisted.internet.interfaces import IProtocolFactory, IReactorSocket
from twisted.logger import Logger

from .address import address_of
from .errors import ListenError
from .listener import SocketListener

__all__ = ["PassedListener", "PassedSockets"]

_log = Logger()

_FIRST = 3  # descriptor; sd_listen_fds(3)
_MOST = 64
_FAMILIES = {socket.AF_INET, socket.AF_INET6, socket.AF_UNIX}
_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


@dataclass(frozen=True, slots=True)
class PassedSockets:
    """What was passed, by purpose. Empty when nothing was."""

    main: tuple[socket.socket, ...] = ()
    metrics: tuple[socket.socket, ...] = ()
    redirect: tuple[socket.socket, ...] = ()
    """For plain HTTP, which is told the way to HTTPS. Only from our parent."""
    complete: bool = False
    """These are all: what is not among them is not ours to open."""

    @property
    def main_over_tcp(self) -> bool:
        """Whether any of the main ones is a TCP port."""
        return any(passed.family != socket.AF_UNIX for passed in self.main)

    def without_metrics(self) -> None:
        """Metrics are switched off. systemd still holds a socket for them, so whoever connects waits for nothing."""
        for unused in self.metrics:
            _log.warn(
                "systemd passed a socket for metrics, {address}, and `metrics.enabled` is off: nobody answers there. "
                "Switch it on (METRICS_ENABLED), or take the socket out of the unit",
                address=address_of(unused).netloc,
            )
            unused.close()

    @classmethod
    def handed_down(cls, roles: Sequence[str], first: int = _FIRST) -> PassedSockets:
        """What our parent has opened, from this descriptor on; `roles` are names of the fields here."""
        named = [(role, _inherited(first + place)) for place, role in enumerate(roles)]
        main, redirect = (tuple(given for role, given in named if role == wanted) for wanted in ("main", "redirect"))
        return cls(main=main, redirect=redirect, complete=True)

    @classmethod
    def inherited(cls) -> PassedSockets:
        """What this process was started with; children are not told of it. Raises `ListenError`."""
        for name in _VARIABLES:
            os.environ.pop(name, None)
        return cls.take(_at_the_start())

    @classmethod
    def take(cls, environ: Mapping[str, str], first: int = _FIRST) -> PassedSockets:
        """The sockets that these variables tell of. Raises `ListenError`."""
        pid, count, names = (environ.get(name, "") for name in _VARIABLES)
        if pid != str(os.getpid()):  # meant for another process: a parent that did not clear its variables
            return cls()
        if not count.isascii() or not count.isdigit() or int(count) > _MOST:
            raise ListenError(f"LISTEN_FDS is {count!r}: it must be a number of sockets, at most {_MOST}")
        named: list[tuple[str, socket.socket]] = []
        try:
            named.extend(_named(range(first, first + int(count)), names))
            return cls._sorted(named)
        except ListenError:
            for _, passed in named:
                passed.close()
            raise

    @classmethod
    def _sorted(cls, named: list[tuple[str, socket.socket]]) -> PassedSockets:
        metrics = tuple(passed for name, passed in named if name == "metrics")
        others = [(name, passed) for name, passed in named if name != "metrics"]
        strangers = [name for name, _ in others if name != "sockudo"]
        if strangers and len(others) > 1:
            raise ListenError(
                f"a socket passed by systemd is named {strangers[0]!r}: of several, each must be named sockudo or "
                "metrics. Set FileDescriptorName= in the socket unit"
            )
        return cls(tuple(passed for _, passed in others), metrics)


def _at_the_start() -> dict[str, str]:
    """The environment as it was: Twisted deletes these variables when something imports its endpoints."""
    try:
        rows = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:  # no Linux, so no systemd
        return {}
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in (row.partition(b"=") for row in rows)}


def _named(descriptors: range, names: str) -> Iterator[tuple[str, socket.socket]]:
    given = names.split(":") if names else []
    for place, descriptor in enumerate(descriptors):
        name = given[place] if place < len(given) else ""
        yield name.removesuffix(".socket"), _adopted(descriptor, name)


def _adopted(descriptor: int, name: str) -> socket.socket:
    told = f"descriptor {descriptor} passed by systemd" + (f" ({name})" if name else "")
    try:
        passed = socket.socket(fileno=descriptor)
    except OSError as error:
        raise ListenError(f"{told} is no socket ({error.strerror}). LISTEN_FDS counts sockets from 3 on") from error
    if passed.family not in _FAMILIES or passed.type != socket.SOCK_STREAM:
        passed.detach()
        raise ListenError(f"{told} is no TCP or Unix stream socket. Use ListenStream= in the socket unit")
    if not passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        passed.detach()
        raise ListenError(f"{told} does not listen: it is a connection. Set Accept=no in the socket unit")
    return _ours(passed)


def _inherited(descriptor: int) -> socket.socket:
    return _ours(socket.socket(fileno=descriptor))


def _ours(passed: socket.socket) -> socket.socket:
    passed.set_inheritable(False)
    passed.setblocking(False)
    return passed


class PassedListener(SocketListener):
    """Accepts connections on sockets that were passed to us; on Unix sockets for `unix_factory`, which needs no TLS."""

    def __init__(
        self,
        reactor: IReactorSocket,
        factory: IProtocolFactory,
        passed: Sequence[socket.socket],
        unix_factory: IProtocolFactory | None = None,
    ) -> None:
        super().__init__(reactor, factory, unix_factory)
        self._sockets = list(passed)

    def _opened(self) -> list[socket.socket]:
        raise ListenError("the sockets that were passed are closed: a server starts once")
