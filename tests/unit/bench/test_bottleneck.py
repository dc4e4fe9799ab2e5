"""Who was the bottleneck of a run."""

from __future__ import annotations

import os

from sockudo_tx.bench.bottleneck import Moment, bottlenecks
from sockudo_tx.bench.histogram import Histogram
from sockudo_tx.bench.processes import Reading
from tests.unit.bench.runs import histogram

CORES = os.cpu_count() or 1
QUIET = histogram(0.0001)


def notes(
    *,
    server: float = 0.1,
    client: float = 0.2,
    busy: float = 0.3,
    lag: Histogram = QUIET,
    own: Histogram = QUIET,
    in_flight: int | None = 8,
    local: bool = True,
) -> list[str]:
    """Of ten seconds in which server and client process used so many cores, and the whole machine so many."""
    before = Moment(100.0, Reading(0, 1, 1), [0], [0], 0, (0, 0))
    after = Moment(
        110.0, Reading(round(server * 1e10), 1, 1), [round(client * 1e10)], [0], 0,
        (1000 * CORES, round(1000 * (CORES - busy))),
    )  # fmt: skip
    return bottlenecks(
        before, after, lag=lag, own_lag=own, typical=histogram(0.001), in_flight=in_flight, local=local
    )  # fmt: skip


def test_none() -> None:
    """A run on a quiet machine has no note."""
    assert notes() == []


def test_others() -> None:
    """Other programs are told of when they used the cores; the server's time counts only where it shares them."""
    assert "other programs used 0.7" in notes(busy=1.0)[0]
    assert "other programs used 0.4" in notes(server=0.2, client=0.3, busy=0.7, local=False)[0]
    assert notes(server=0.2, client=0.3, busy=0.7) == []


def test_crowd() -> None:
    """So is a machine that server and generator fill together."""
    assert "in each other's way" in notes(server=CORES - 0.5, client=0.5, busy=CORES)[0]


def test_late() -> None:
    """Events that left late are the generator's fault, or the server's when all requests waited for it."""
    late = histogram(0.05)
    assert "the generator was the bottleneck" in notes(lag=late, own=late)[0]
    assert "all 8 requests in flight" in notes(lag=late)[0]
    assert notes(lag=late, in_flight=None) == []


def test_busy() -> None:
    """So is a process of the generator that had no time left."""
    assert "a client process was busy 95%" in notes(client=0.95, busy=1.05)[0]
