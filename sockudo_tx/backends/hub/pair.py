"""The socket that a hub and a worker have between them: a pair, of which each has one end and nobody else any."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import tcp

from .end import End

__all__ = ["adopt"]


class _Wire(tcp.Connection):
    """A stream socket without an address: Twisted's own way to adopt one asks for those of TCP."""

    logstr = "link"

    def __init__(self, opened: socket.socket, end: End, reactor: Any) -> None:
        opened.setblocking(False)
        opened.set_inheritable(False)
        super().__init__(opened, end, reactor)
        self.connected = True


def adopt(reactor: Any, opened: socket.socket, end: End) -> None:
    """From now on this is an end of a link; closing it is the link's business."""
    wire = _Wire(opened, end, reactor)
    end.makeConnection(wire)
    wire.startReading()
