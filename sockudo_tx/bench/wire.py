"""A non-blocking TCP or TLS connection to the server."""

from __future__ import annotations

import errno
import os
import select
import socket
import ssl
from typing import Final

from .loop import Loop
from .target import Target

__all__ = ["CHUNK", "Dialer", "Wire"]

CHUNK: Final = 65536
# Linux: the port is chosen when connecting, so that source addresses share all of them.
_NO_PORT = getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24)


class Dialer:
    """What all connections of a worker have in common."""

    __slots__ = ("context", "loop", "sources", "target")

    def __init__(self, loop: Loop, target: Target, sources: tuple[str, ...] = ()) -> None:
        self.loop = loop
        self.target = target
        self.sources = sources
        """Addresses of this machine to connect from in turn; the kernel's choice when there is none."""
        self.context = target.context()


class Wire:
    """One connection. A subclass gets `connected`, then `received` with each piece, then `lost` once."""

    __slots__ = ("_dialer", "_recv", "_rest_to_send", "fd", "opened", "sock")

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer
        self._rest_to_send = b""
        self.fd = -1
        self.opened = False

    def connected(self) -> None:
        """The connection stands, with TLS if there is any."""
        raise NotImplementedError

    def received(self, data: bytes) -> None:
        """Some bytes from the server."""
        raise NotImplementedError

    def lost(self, reason: str) -> None:
        """It ended, and not by `close`."""
        raise NotImplementedError

    def dial(self, number: int = 0, receive_buffer: int = 0) -> None:
        """Begins to connect. `number` chooses the source address."""
        target, sources = self._dialer.target, self._dialer.sources
        try:
            sock = socket.socket(target.family, socket.SOCK_STREAM)
        except OSError as error:
            self.lost(f"no socket: {error}")
            return
        self.sock: socket.socket = sock
        self.fd = sock.fileno()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if sources:
            sock.setsockopt(socket.IPPROTO_IP, _NO_PORT, 1)
            sock.bind((sources[number % len(sources)], 0))
        trouble = sock.connect_ex(target.address)
        if trouble not in (0, errno.EINPROGRESS):
            self._end(OSError(trouble, os.strerror(trouble)))
            return
        self._dialer.loop.watch(self.fd, self._connecting, writing=True)

    def send(self, data: bytes) -> None:
        """Sends, or keeps what the kernel does not take."""
        if self._rest_to_send:
            self._rest_to_send += data
            return
        try:
            taken = self.sock.send(data)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            taken = 0
        except OSError as error:
            self._end(error)
            return
        if taken < len(data):
            self._rest_to_send = data[taken:]
            self._dialer.loop.watch(self.fd, self._both, writing=True)

    def close(self) -> None:
        """Hangs up; nothing is called any more."""
        if self.fd >= 0:
            self._dialer.loop.forget(self.fd)
            self.sock.close()
            self.fd = -1
            self.opened = False

    def stall(self) -> None:
        """Stops reading."""
        if self.fd >= 0:
            self._dialer.loop.deafen(self.fd)

    def resume(self) -> None:
        """Reads again."""
        if self.fd >= 0:
            self._dialer.loop.watch(self.fd, self._reader())

    def _reader(self):  # type: ignore[no-untyped-def]
        return self._readable if self._dialer.context is None else self._readable_tls

    def _connecting(self, mask: int) -> None:
        if trouble := self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._end(OSError(trouble, os.strerror(trouble)))
            return
        context = self._dialer.context
        if context is None:
            self._established()
            return
        loop = self._dialer.loop
        loop.forget(self.fd)
        self.sock = context.wrap_socket(
            self.sock, do_handshake_on_connect=False, server_hostname=self._dialer.target.host
        )
        self.fd = self.sock.fileno()
        self._shaking(mask)

    def _shaking(self, mask: int) -> None:
        assert isinstance(self.sock, ssl.SSLSocket)
        try:
            self.sock.do_handshake()
        except ssl.SSLWantReadError:
            self._dialer.loop.watch(self.fd, self._shaking)
        except ssl.SSLWantWriteError:
            self._dialer.loop.watch(self.fd, self._shaking, writing=True)
        except OSError as error:
            self._end(error)
        else:
            self._established()

    def _established(self) -> None:
        self.opened = True
        self._recv = self.sock.recv
        self._dialer.loop.watch(self.fd, self._reader())
        self.connected()

    def _readable(self, mask: int) -> None:
        try:
            data = self._recv(CHUNK)
        except OSError as error:
            self._trouble(error)
            return
        if data:
            self.received(data)
        else:
            self._end(None)

    def _readable_tls(self, mask: int) -> None:
        """OpenSSL may hold more than epoll knows of, so it is read until it has nothing."""
        while self.opened:
            try:
                data = self._recv(CHUNK)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError as error:
                self._end(error)
                return
            if not data:
                self._end(None)
                return
            self.received(data)

    def _both(self, mask: int) -> None:
        if mask & select.EPOLLOUT:
            data, self._rest_to_send = self._rest_to_send, b""
            self._dialer.loop.watch(self.fd, self._reader())
            self.send(data)
        if mask & ~select.EPOLLOUT and self.fd >= 0:
            self._reader()(mask)

    def _trouble(self, error: OSError) -> None:
        if not isinstance(error, BlockingIOError):
            self._end(error)

    def _end(self, error: OSError | None) -> None:
        self.close()
        self.lost("the server hung up" if error is None else error.strerror or str(error))
