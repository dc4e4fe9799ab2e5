"""The main listener: from `host` and `port` to an accepting port, with errors an operator can act on.

The socket is opened before anything forks, so that a refusal reaches the terminal and the exit status; it is
handed to the reactor when the service starts. Source: http-api.md 1.1, configuration.md 8.1.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IReactorSocket
from twisted.logger import Logger

if TYPE_CHECKING:
    from twisted.internet.protocol import ServerFactory

__all__ = ["Address", "ListenError", "Listener", "resolve"]

# What the kernel may hold for us while a turn is busy; it cuts this to net.core.somaxconn. After a restart all
# clients come back within a second or two.
_BACKLOG = 4096

_CURES = {
    errno.EADDRINUSE: "another program listens there. Stop it, or choose another port, for example PORT={other}",
    errno.EACCES: "ports below 1024 need root or the capability CAP_NET_BIND_SERVICE. Choose another `port` (PORT)",
    errno.EADDRNOTAVAIL: "no network interface here has this address. Set `host` (HOST) to one that has, or to 0.0.0.0",
    errno.EAFNOSUPPORT: "this machine has no IPv6. Set `host` (HOST) to an IPv4 address, for example 0.0.0.0",
}


class ListenError(Exception):
    """We cannot listen; the text names the setting and the cure."""


class Address(NamedTuple):
    """A literal address to bind to; `note` is a warning worth telling."""

    family: socket.AddressFamily
    host: str
    port: int
    note: str | None = None

    @property
    def netloc(self) -> str:
        """`host:port`, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if self.family == socket.AF_INET6 else f"{self.host}:{self.port}"


def resolve(host: str, port: int) -> Address:
    """Where `host` is: a literal with or without brackets, or a name (IPv4 first). Never a silent fallback."""
    literal = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        version = ipaddress.ip_address(literal).version
    except ValueError:
        return _look_up(host, port)
    return Address(socket.AF_INET if version == 4 else socket.AF_INET6, literal, port)


def _look_up(host: str, port: int) -> Address:
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a legal host name"
        raise ListenError(
            f"cannot listen on {host}:{port} (`host`): the name does not resolve ({reason}). "
            "Set `host` (HOST) to an address of this machine, for example 0.0.0.0"
        ) from error
    found = {row[0]: str(row[4][0]) for row in reversed(rows)}  # the first of each family wins
    if socket.AF_INET in found:
        return Address(socket.AF_INET, found[socket.AF_INET], port)
    note = f"{host} has no IPv4 address: listening on IPv6 only"
    return Address(socket.AF_INET6, found[socket.AF_INET6], port, note)


def _open(address: Address) -> socket.socket:
    family, host, port, _ = address
    dual_stack = family == socket.AF_INET6 and host == "::" and socket.has_dualstack_ipv6()
    try:
        opened = socket.create_server((host, port), family=family, backlog=_BACKLOG, dualstack_ipv6=dual_stack)
    except OSError as error:
        cure = _CURES.get(error.errno or 0, "check `host` (HOST) and `port` (PORT)")
        cure = cure.format(other=port + 1 if port < 65535 else 6001)
        reason = errno.errorcode.get(error.errno or 0, "error")
        raise ListenError(f"cannot listen on {address.netloc} (`host`, `port`): {cure} [{reason}]") from error
    opened.setblocking(False)
    return opened


class Listener(Service):
    """Accepts TCP connections for a factory. `open` may come long before `startService`, and before a fork."""

    _log = Logger()

    def __init__(self, reactor: IReactorSocket, factory: IProtocolFactory, host: str, port: int) -> None:
        self._reactor = reactor
        self._factory = factory
        self._host = host
        self._port = port
        self._socket: socket.socket | None = None
        self._listening: IListeningPort | None = None

    @property
    def address(self) -> Address:
        """Where we listen; with port 0 configured, the port the kernel chose."""
        if self._socket is None:
            return resolve(self._host, self._port)
        host, port = self._socket.getsockname()[:2]
        return Address(self._socket.family, host, port)

    def open(self) -> None:
        """Binds and listens; connections wait in the kernel. Raises `ListenError`."""
        if self._socket is None:
            address = resolve(self._host, self._port)
            if address.note is not None:
                self._log.warn(address.note)
            self._socket = _open(address)

    def privilegedStartService(self) -> None:
        self.open()

    def startService(self) -> None:
        super().startService()
        self.open()
        assert self._socket is not None
        fileno, family = self._socket.fileno(), self._socket.family
        factory = cast("ServerFactory[Any]", self._factory)  # narrower in Twisted's annotation than in its interface
        self._listening = self._reactor.adoptStreamPort(fileno, family, factory)

    def stopService(self) -> Deferred[None]:
        """Stop accepting; open connections live on."""
        super().stopService()
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        listening, self._listening = self._listening, None
        stopped = listening.stopListening() if listening is not None else None
        return stopped or succeed(None)
