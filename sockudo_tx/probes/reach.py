"""Whether the addresses of other services answer: a name look-up and a TCP connection each, all at once."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from queue import Empty, SimpleQueue
from time import monotonic
from typing import NamedTuple

__all__ = ["AT_MOST", "PATIENCE", "Target", "unreachable"]

PATIENCE = 2.0
"""Seconds one address may take."""
OVERALL = 3.0
"""Seconds all together may take, look-ups of names included, which cannot be interrupted."""
AT_MOST = 64
"""Addresses looked at; each has a thread for its time."""


class Target(NamedTuple):
    """An address that some key names."""

    path: str
    """The key that names it."""
    what: str
    """The service, for people."""
    host: str
    port: int
    connect: bool = True
    """Off: only the name must resolve."""
    required: bool = False
    """The server does not start without it."""

    @property
    def address(self) -> str:
        """`host:port`, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def unreachable(
    targets: Iterable[Target], *, patience: float = PATIENCE, overall: float = OVERALL
) -> Mapping[Target, str]:
    """The targets that do not answer, in their order, each with the reason. Takes about `overall` seconds at most."""
    wanted = list(dict.fromkeys(targets))[:AT_MOST]
    answers: SimpleQueue[tuple[Target, str | None]] = SimpleQueue()

    def ask(target: Target) -> None:
        answers.put((target, _fault(target, patience)))

    for target in wanted:  # daemons: a look-up that hangs must not hold the end of the process
        threading.Thread(target=ask, args=(target,), daemon=True).start()
    found = dict(_gathered(answers.get, len(wanted), monotonic() + overall))
    reasons = {target: found.get(target, f"no answer within {overall:g} seconds") for target in wanted}
    return {target: reason for target, reason in reasons.items() if reason is not None}


def _gathered(
    get: Callable[[bool, float], tuple[Target, str | None]], count: int, deadline: float
) -> Iterable[tuple[Target, str | None]]:
    for _ in range(count):
        try:
            yield get(True, max(0.0, deadline - monotonic()))
        except Empty:
            return


def _fault(target: Target, patience: float) -> str | None:
    """Why the target does not answer; None when it does."""
    try:
        rows = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a legal host name"
        return f"the name {target.host} does not resolve: {reason}"
    if not target.connect:
        return None
    reasons = [_refusal(row, patience / len(rows)) for row in rows]
    return None if None in reasons else reasons[-1]


def _refusal(row: tuple[int, int, int, str, tuple[object, ...]], patience: float) -> str | None:
    """Why this address takes no connection; None when it does."""
    family, kind, protocol, _, address = row
    try:
        with socket.socket(family, kind, protocol) as probe:
            probe.settimeout(patience)
            probe.connect(address)
    except TimeoutError:
        return f"no answer within {patience:g} seconds"
    except OSError as error:
        return error.strerror or type(error).__name__
    return None
