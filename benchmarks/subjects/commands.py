"""What every Python subject does: say where it listens, then obey a command a line, answering with JSON."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import IO, Any

from twisted.internet.stdio import StandardIO
from twisted.protocols.basic import LineOnlyReceiver

from sockudo_tx.reactor import soon

from .said import tell
from .waited import waiting

__all__ = ["DATA", "TEXT", "nowhere", "serve", "silence"]

# A frame of 251 bytes: 4 of header and this text.
DATA = "x" * 200
TEXT = '{"event":"bench","channel":"bench-0","data":"' + DATA + '"}'


def nowhere() -> IO[str]:
    """A file that keeps nothing; open as long as the process lives."""
    return open(os.devnull, "w")


def silence() -> None:
    """The log goes where a daemon's would, to a file: here one that keeps nothing."""
    from twisted.python import log

    log.startLogging(nowhere(), setStdout=False)


class Commands(LineOnlyReceiver):
    """`broadcast COUNT PAUSE EVENTS`: so many turns of the reactor, PAUSE seconds apart, with EVENTS each.

    The answer is the CPU time they took, in nanoseconds: {"cpu": 123456}. `watch` begins to time the turns of the
    reactor, `turns` ends it and tells the longest. `answers` are further commands and what makes their answers.
    """

    delimiter = b"\n"

    def __init__(
        self, broadcast: Callable[[int], object], reactor: Any, answers: Mapping[str, Callable[[], object]]
    ) -> None:
        self._broadcast = broadcast
        self._reactor = reactor
        turns = Turns(soon(reactor))
        self._answers = {"watch": turns.watch, "turns": turns.longest, **answers}

    def lineReceived(self, line: bytes) -> None:
        word, *rest = line.decode().split()
        if word == "broadcast":
            self._run(int(rest[0]), float(rest[1]), int(rest[2]))
        elif word in self._answers:
            tell(**{word: self._answers[word]()})
        else:
            tell(error=f"what is {word!r}?")

    def _run(self, left: int, pause: float, events: int) -> None:
        began = time.process_time_ns()

        def turn() -> None:
            nonlocal left
            if left == 0:
                tell(cpu=time.process_time_ns() - began)
                return
            left -= 1
            self._broadcast(events)
            self._reactor.callLater(pause, turn)

        turn()

    def connectionLost(self, reason: object = None) -> None:
        if self._reactor.running:
            self._reactor.stop()


class Turns:
    """Times the turns of the reactor, which does not sleep meanwhile: by the clock, and held, which is the same without
    the time in which other programs had the processor."""

    def __init__(self, soon: Callable[[Callable[[], None]], object]) -> None:
        self._soon = soon
        self._watching = False
        self._waited = waiting()
        self._last = self._last_waited = self._longest = self._held = 0

    def watch(self) -> None:
        """Begin."""
        self._watching = True
        self._last, self._last_waited = time.perf_counter_ns(), self._waited()
        self._longest = self._held = 0
        self._soon(self._turn)

    def longest(self) -> dict[str, float]:
        """Stop; milliseconds of the longest."""
        self._watching = False
        return {"wall": self._longest / 1e6, "held": self._held / 1e6}

    def _turn(self) -> None:
        now, waited = time.perf_counter_ns(), self._waited()
        spent = now - self._last
        self._longest = max(self._longest, spent)
        self._held = max(self._held, spent - (waited - self._last_waited))
        self._last, self._last_waited = now, waited
        if self._watching:
            self._soon(self._turn)


def serve(
    reactor: Any,
    port: int,
    broadcast: Callable[[int], object] = lambda events: None,
    **answers: Callable[[], object],
) -> None:
    """Runs the reactor and obeys."""
    StandardIO(Commands(broadcast, reactor, answers), reactor=reactor)
    reactor.callWhenRunning(lambda: tell(port=port))
    reactor.run()
