"""What every Python subject does: say where it listens, then broadcast when told and report what it cost.

stdout  {"port": 40001}
stdin   connected                   all subscribers are there
stdout  {"rss": bytes}
stdin   broadcast 200               so many broadcasts, one a turn of the reactor
stdout  {"cpu": seconds}
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.stdio import StandardIO
from twisted.protocols.basic import LineOnlyReceiver

PAUSE = 0.015
"""Seconds between two broadcasts; also in floor.c."""

# A frame of 251 bytes: 4 of header and this text.
DATA = "x" * 200
TEXT = '{"event":"bench","channel":"bench-0","data":"' + DATA + '"}'


def resident() -> int:
    """Bytes of resident memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def tell(**report: Any) -> None:
    """One line to the one who runs us."""
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.flush()


class Commands(LineOnlyReceiver):
    """Commands on standard input."""

    delimiter = b"\n"

    def __init__(self, broadcast: Callable[[], object], reactor: Any) -> None:
        self._broadcast = broadcast
        self._reactor = reactor

    def lineReceived(self, line: bytes) -> None:
        word, _, argument = line.decode().partition(" ")
        if word == "connected":
            tell(rss=resident())
        elif word == "broadcast":
            self._run(int(argument))

    def _run(self, count: int) -> None:
        left = count
        began = time.process_time()

        def turn() -> None:
            nonlocal left
            if left == 0:
                tell(cpu=time.process_time() - began)
                return
            left -= 1
            self._broadcast()
            self._reactor.callLater(PAUSE, turn)

        turn()


def serve(reactor: Any, broadcast: Callable[[], object], port: int) -> None:
    """Runs the reactor and obeys."""
    StandardIO(Commands(broadcast, reactor), reactor=reactor)
    reactor.callWhenRunning(lambda: tell(port=port, rss=resident()))
    reactor.run()
