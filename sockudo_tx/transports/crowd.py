"""How many connections each client address has, when there is a limit to that (`listener.max_connections_per_address`).

The address is that of the socket, or what a PROXY header says. Loopback and Unix peers are never limited: they are
proxies, health checks and backends of the same machine.
"""

from __future__ import annotations

from ipaddress import ip_address

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.logger import Logger

from ..engine.repeats import Repeats
from .addresses import UNIX, network_of, peer_address

__all__ = ["Crowd", "TooMany"]


class TooMany(Exception):
    """An address has all the connections it may have."""


class Crowd:
    """Counts connections by address."""

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self.limit = 0
        """Connections of one address, at most; with 0 nothing is counted, and nothing costs."""
        self._open: dict[str, int] = {}
        self._repeats = Repeats(clock)
        self.refused = 0
        """Connections above the limit."""

    def __len__(self) -> int:
        return len(self._open)

    def enter(self, peer: IAddress | None) -> str | None:
        """Count a new connection; what to `leave` with, None when it is not counted. Raises `TooMany`."""
        if not self.limit:
            return None
        address = peer_address(peer)
        if address == UNIX or ip_address(address).is_loopback:
            return None
        whose = network_of(address)
        count = self._open.get(whose, 0)
        if count >= self.limit:
            self.refused += 1
            if self._repeats.due(whose):
                self._log.warn(
                    "{address} has {count} connections, more are refused (`listener.max_connections_per_address`)",
                    address=whose,
                    count=count,
                )
            raise TooMany
        self._open[whose] = count + 1
        return whose

    def leave(self, whose: str) -> None:
        """One of its connections has ended."""
        count = self._open[whose] - 1
        if count:
            self._open[whose] = count
        else:
            del self._open[whose]
