"""A connected socket on the pump: what every client and caller has."""

from __future__ import annotations

import contextlib
import select
import socket
import struct

from .pump import Pump

__all__ = ["Link"]

_CHUNK = 262_144


class Link:
    """Non-blocking bytes in and out. A subclass gets `received`, and `ended` once."""

    def __init__(self, pump: Pump, connected: socket.socket) -> None:
        self.pump = pump
        self.socket = connected
        self.open = True
        self._waiting = b""
        self._deaf = False
        connected.setblocking(False)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pump.watch(connected.fileno(), self._ready)

    def received(self, data: bytes) -> None:
        """Some bytes."""
        raise NotImplementedError

    def ended(self) -> None:
        """The other side hung up or reset it."""

    def write(self, data: bytes) -> None:
        """Sends, or keeps what the kernel does not take."""
        if not self.open:
            return
        if not self._waiting:
            try:
                data = data[self.socket.send(data) :]
            except BlockingIOError:
                pass
            except OSError:
                return  # to be read as the end
        self._waiting += data
        if self._waiting:
            self._rearm()

    def stall(self) -> None:
        """Reads nothing from now on."""
        self._deaf = True
        self._rearm()

    def resume(self) -> None:
        """Reads again."""
        self._deaf = False
        self._rearm()

    def hang_up(self) -> None:
        """Closes the connection without a word."""
        if self.open:
            self.open = False
            self.pump.forget(self.socket.fileno())
            self.socket.close()

    def reset(self) -> None:
        """Closes it with a TCP reset."""
        if self.open:
            with contextlib.suppress(OSError):
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.hang_up()

    def _rearm(self) -> None:
        self.pump.watch(self.socket.fileno(), self._ready, reading=not self._deaf, writing=bool(self._waiting))

    def _ready(self, mask: int) -> None:
        if mask & select.EPOLLOUT and self._waiting:
            data, self._waiting = self._waiting, b""
            self.write(data)
            if self.open and not self._waiting:
                self._rearm()
        if mask & ~select.EPOLLOUT:
            self._read()

    def _read(self) -> None:
        while self.open:
            try:
                data = self.socket.recv(_CHUNK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.hang_up()
                self.ended()
                return
            self.received(data)
            if len(data) < _CHUNK:
                return
