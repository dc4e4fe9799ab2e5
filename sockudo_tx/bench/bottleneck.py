"""Whether the figures say more about the generator or the machine than about the server, and in which words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from .histogram import Histogram
from .machine import busy_share
from .processes import Reading

__all__ = ["Moment", "bottlenecks"]

# A publisher later than this by its own fault, and by this share of the latencies, is told of; so is a process busier
# than this, a machine, and other programs that use more than so many cores.
_LATE = 0.002
_SHARE = 0.2
_BUSY = 0.9
_CROWDED = 0.97
_OTHERS = 0.35
# The kernel counts a machine's time in hundredths of a second.
_SHORTEST = 1.0


class Moment(NamedTuple):
    """The processes' time at one end of the measured window."""

    at: float
    server: Reading | None
    clients: list[int]
    """Of each client process on a CPU, in nanoseconds."""
    publishers: list[int]
    parent: int
    """Of this process, which asks the others how they are."""
    machine: tuple[int, int] | None

    @property
    def generator(self) -> int:
        """All processes of the generator together."""
        return sum(self.clients) + sum(self.publishers) + self.parent


def bottlenecks(
    before: Moment,
    after: Moment,
    *,
    lag: Histogram,
    own_lag: Histogram,
    typical: Histogram | None,
    in_flight: int | None,
    local: bool,
) -> list[str]:
    """Notes for people, none when all is well. `lag` is how late events were sent, `own_lag` how much of that was the
    generator's fault, `typical` the latency they are held against; `in_flight` is None where no request waits for
    another; `local` tells whether the server shares the machine."""
    return [*_crowd(before, after, local=local), *_late(lag, own_lag, typical, in_flight), *_busy(before, after)]


def _crowd(before: Moment, after: Moment, *, local: bool) -> Iterator[str]:
    crowded = busy_share(before.machine, after.machine)
    if crowded is None:
        return
    others = _others(before, after, crowded, local=local)
    if others > _OTHERS:
        yield (
            f"other programs used {others:.1f} of the {os.cpu_count()} cores of this machine meanwhile, and the "
            "latencies contain that: measure again when it is quiet"
        )
    elif local and crowded > _CROWDED:
        yield (
            f"all cores of this machine were busy {crowded:.0%} of the time: server and generator were in each other's "
            "way, and the latencies contain that"
        )


def _others(before: Moment, after: Moment, busy: float, *, local: bool) -> float:
    """Cores that neither server nor generator used; 0 when that cannot be known."""
    took, ours = after.at - before.at, after.generator - before.generator
    if local:
        if before.server is None or after.server is None:
            return 0.0
        ours += after.server.cpu_ns - before.server.cpu_ns
    return busy * (os.cpu_count() or 1) - ours / 1e9 / took if took >= _SHORTEST else 0.0


def _late(lag: Histogram, own_lag: Histogram, typical: Histogram | None, in_flight: int | None) -> Iterator[str]:
    own, all_of_it = own_lag.percentile(0.99) or 0.0, lag.percentile(0.99) or 0.0
    usual = typical.percentile(0.5) if typical else None
    if own > max(_LATE, (usual or 0.0) * _SHARE):
        yield (
            f"the generator was the bottleneck: it was up to {(own_lag.highest or 0) * 1e3:.1f} ms late with events it "
            f"was free to send (p99 {own * 1e3:.1f} ms), and the latencies contain that. A lower --rate or more "
            "--publishers help"
        )
    elif all_of_it > _LATE and in_flight is not None:
        yield (
            f"the server was the bottleneck: events left up to {(lag.highest or 0) * 1e3:.1f} ms late "
            f"(p99 {all_of_it * 1e3:.1f} ms) because all {in_flight} requests in flight were waiting for it"
        )


def _busy(before: Moment, after: Moment) -> Iterator[str]:
    for what, cure, spent in (
        ("client", "More --processes on more cores, or fewer deliveries, help", (before.clients, after.clients)),
        ("publishing", "More --publishers on more cores help", (before.publishers, after.publishers)),
    ):
        busiest = max((b - a for a, b in zip(*spent, strict=True)), default=0) / 1e9 / (after.at - before.at)
        if busiest > _BUSY:
            yield f"the generator was the bottleneck: a {what} process was busy {busiest:.0%} of the time. {cure}"
