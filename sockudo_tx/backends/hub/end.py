"""One end of a link between the hub and a worker."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IPullProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from .wire import Kind, Reader, WireError, message

__all__ = ["End"]

_CHUNK = 1024 * 1024
"""Bytes handed to the kernel at once; what it does not take can be dropped no more."""
_CATCH_UP = 64
"""Reads of the transport, 64 KiB each, that `catch_up` does at most."""


@implementer(IPullProducer)
class End(Protocol):
    """Sends what a turn has in one system call, behind it what the kernel does not take; reads whole messages.

    `soon` runs a function before the reactor sleeps again. What is no message ends the link, with a line in the log.
    """

    _log = Logger()
    transport: Any

    def __init__(self, soon: Callable[[Callable[[], None]], object]) -> None:
        self._soon = soon
        self._reader = Reader()
        self._out: list[bytes] = []
        self._scheduled = False
        self._waiting = False  # for the transport to have sent what it was given
        self._handed_over = False
        self._reading = False
        self._reads = 0
        self.alive = False
        self.unsent = 0
        """Bytes that wait to be sent, but for what the transport has of them."""
        self.unsent_at_most = sys.maxsize

    # What the two ends do with it

    def heard(self, kind: int, data: bytes) -> None:
        """A message came; `data` is all of it. Raises `WireError` for one that is none."""
        raise NotImplementedError

    def begun(self) -> None:
        """The link is there."""

    def ended(self, reason: str) -> None:
        """The link is gone; called once, and nothing is heard or sent after it."""

    def complete(self) -> None:
        """The turn ends: `send` what was collected in it."""

    def crowded(self) -> None:
        """More than `unsent_at_most` bytes wait to be sent."""

    # Sending

    def send(self, data: bytes) -> None:
        """At the end of the turn, in order; nowhere once the link is gone."""
        if self.alive:
            self._out.append(data)
            self.unsent += len(data)
            if not self._scheduled:
                self.wake()
            if self.unsent > self.unsent_at_most:
                self.crowded()

    def say(self, kind: Kind, body: bytes = b"") -> None:
        self.send(message(kind, body))

    def wake(self) -> None:
        """The turn has something to send."""
        if not self._scheduled:
            self._scheduled = True
            self._soon(self._end_of_turn)

    def close(self) -> None:
        """End the link when everything has been sent."""
        if self.alive:
            self._end_of_turn()
            self.transport.loseConnection()

    def cut(self) -> None:
        """End the link now."""
        if self.alive:
            self.transport.abortConnection()

    def _end_of_turn(self) -> None:
        self._scheduled = False
        if self.alive:
            self.complete()
            if not self._waiting:
                self._send_out()

    def _send_out(self) -> None:
        out = self._out
        while out:
            data = self._take_chunk()
            try:
                sent = self.transport.getHandle().send(data)
            except OSError:  # full, or broken: the transport gets the bytes, meets the same error and reports it
                sent = 0
            if sent != len(data):
                self._wait_for(data[sent:])
                return

    def _take_chunk(self) -> bytes:
        out = self._out
        if self.unsent <= _CHUNK:
            data = out[0] if len(out) == 1 else b"".join(out)
            out.clear()
            self.unsent = 0
            return data
        size = count = 0
        for each in out:
            size += len(each)
            count += 1
            if size >= _CHUNK:
                break
        data = b"".join(out[:count])
        del out[:count]
        self.unsent -= size
        return data

    def _wait_for(self, data: bytes) -> None:
        self._waiting, self._handed_over = True, False
        self.transport.registerProducer(self, False)  # which asks for more at once
        self.transport.write(data)
        self._handed_over = True

    def resumeProducing(self) -> None:
        """The transport has sent everything."""
        if self._handed_over:
            self._waiting = self._handed_over = False
            self.transport.unregisterProducer()
            self._send_out()

    def stopProducing(self) -> None:
        """The transport is gone; `connectionLost` tells why."""

    # Receiving

    def connectionMade(self) -> None:
        self.alive = True
        self.begun()

    def catch_up(self) -> None:
        """Take what has come already, as if the reactor had looked here first. Not while something is being taken."""
        if self._reading:
            return
        for _ in range(_CATCH_UP):
            reads = self._reads
            if not self.alive or self.transport.doRead() is not None or self._reads == reads:
                return  # an end is found again, and told, by the reactor

    def dataReceived(self, data: bytes) -> None:
        self._reads += 1
        self._reading = True
        try:
            for each in self._reader.feed(data):
                self.heard(each[4], each)
        except WireError as error:
            self._log.error("the link to {peer} is cut: {error}", peer=str(self), error=str(error))
            self.cut()
        finally:
            self._reading = False

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.alive:
            self.alive = False
            self._out.clear()
            self.unsent = 0
            self.ended(reason.getErrorMessage())
