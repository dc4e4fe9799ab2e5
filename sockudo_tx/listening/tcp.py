"""A TCP port: from `host` and `port` to an open socket, with errors an operator can act on.

Several processes may have a socket each, among which the kernel deals out connections. They never are a group that
strangers can join unnoticed: the first socket has the port for itself when it begins to listen, as with one process,
and is made a member of the group afterwards. So of two servers that start at once exactly one does.
"""

from __future__ import annotations

import errno
import socket
import sys

from twisted.internet.interfaces import IProtocolFactory, IReactorSocket
from twisted.logger import Logger

from .address import Address, resolve
from .errors import ListenError
from .listener import BACKLOG, SocketListener

__all__ = ["DEALS_OUT", "TcpListener"]

DEALS_OUT = sys.platform == "linux"
"""Whether the kernel balances connections between sockets with SO_REUSEPORT; elsewhere the last one gets all."""

_CURES = {
    errno.EADDRINUSE: "another program listens there. Stop it, or choose another port, for example PORT={other}",
    errno.EACCES: "ports below 1024 need root or the capability CAP_NET_BIND_SERVICE. Choose another `port` (PORT)",
    errno.EADDRNOTAVAIL: "no network interface here has this address. Set `host` (HOST) to one that has, or to 0.0.0.0",
    errno.EAFNOSUPPORT: "this machine has no IPv6. Set `host` (HOST) to an IPv4 address, for example 0.0.0.0",
}


class TcpListener(SocketListener):
    """Accepts TCP connections on a host and a port."""

    _log = Logger()

    def __init__(
        self, reactor: IReactorSocket, factory: IProtocolFactory, host: str, port: int, sharers: int = 1
    ) -> None:
        super().__init__(reactor, factory)
        self._host = host
        self._port = port
        self._sharers = sharers
        """How many sockets to open."""

    @property
    def address(self) -> Address:
        """Where we listen; with port 0 configured, the port the kernel chose."""
        return super().address if self._sockets else resolve(self._host, self._port)

    def _opened(self) -> list[socket.socket]:
        address = resolve(self._host, self._port)
        if address.note is not None:
            self._log.warn(address.note)
        return _open(address, self._sharers)


def _open(address: Address, sharers: int) -> list[socket.socket]:
    """As many sockets, all listening there; with port 0 on one port that the kernel chose."""
    opened: list[socket.socket] = []
    try:
        opened.append(_listening(address))
        if sharers > 1:
            _share(opened[0])
            chosen = address._replace(port=opened[0].getsockname()[1])
            opened.extend(_listening(chosen, shared=True) for _ in range(sharers - 1))
    except OSError as error:
        for each in opened:
            each.close()
        cure = _CURES.get(error.errno or 0, "check `host` (HOST) and `port` (PORT)")
        cure = cure.format(other=address.port + 1 if address.port < 65535 else 6001)
        reason = errno.errorcode.get(error.errno or 0, "error")
        raise ListenError(f"cannot listen on {address.netloc} (`host`, `port`): {cure} [{reason}]") from error
    return opened


def _listening(address: Address, shared: bool = False) -> socket.socket:
    family, host, port, _ = address
    dual_stack = family == socket.AF_INET6 and host == "::" and socket.has_dualstack_ipv6()
    opened = socket.create_server(
        (host, port), family=family, backlog=BACKLOG, reuse_port=shared, dualstack_ipv6=dual_stack
    )
    opened.setblocking(False)
    return opened


def _share(opened: socket.socket) -> None:
    """Let more sockets of this user listen there too."""
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
