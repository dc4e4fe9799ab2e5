"""A TCP port: from `host` and `port` to an open socket, with errors an operator can act on."""

from __future__ import annotations

import errno
import socket

from twisted.internet.interfaces import IProtocolFactory, IReactorSocket
from twisted.logger import Logger

from .address import Address, resolve
from .errors import ListenError
from .listener import BACKLOG, SocketListener

__all__ = ["TcpListener"]

_CURES = {
    errno.EADDRINUSE: "another program listens there. Stop it, or choose another port, for example PORT={other}",
    errno.EACCES: "ports below 1024 need root or the capability CAP_NET_BIND_SERVICE. Choose another `port` (PORT)",
    errno.EADDRNOTAVAIL: "no network interface here has this address. Set `host` (HOST) to one that has, or to 0.0.0.0",
    errno.EAFNOSUPPORT: "this machine has no IPv6. Set `host` (HOST) to an IPv4 address, for example 0.0.0.0",
}


class TcpListener(SocketListener):
    """Accepts TCP connections on a host and a port."""

    _log = Logger()

    def __init__(self, reactor: IReactorSocket, factory: IProtocolFactory, host: str, port: int) -> None:
        super().__init__(reactor, factory)
        self._host = host
        self._port = port

    @property
    def address(self) -> Address:
        """Where we listen; with port 0 configured, the port the kernel chose."""
        return super().address if self._sockets else resolve(self._host, self._port)

    def _opened(self) -> list[socket.socket]:
        address = resolve(self._host, self._port)
        if address.note is not None:
            self._log.warn(address.note)
        return [_open(address)]


def _open(address: Address) -> socket.socket:
    family, host, port, _ = address
    dual_stack = family == socket.AF_INET6 and host == "::" and socket.has_dualstack_ipv6()
    try:
        opened = socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=dual_stack)
    except OSError as error:
        cure = _CURES.get(error.errno or 0, "check `host` (HOST) and `port` (PORT)")
        cure = cure.format(other=port + 1 if port < 65535 else 6001)
        reason = errno.errorcode.get(error.errno or 0, "error")
        raise ListenError(f"cannot listen on {address.netloc} (`host`, `port`): {cure} [{reason}]") from error
    opened.setblocking(False)
    return opened
