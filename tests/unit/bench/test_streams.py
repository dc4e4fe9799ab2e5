"""The three streams that deltas are measured with."""

from __future__ import annotations

import json
from itertools import islice, pairwise

import pytest

from sockudo_tx.bench.streams import STREAMS
from sockudo_tx.protocol.messages import event


@pytest.mark.parametrize("name", STREAMS)
def test_the_same_seed_gives_the_same_stream(name: str) -> None:
    """And another seed another one."""
    one, same, other = (list(islice(STREAMS[name](seed), 20)) for seed in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize(("name", "size"), [("ticker", 330), ("order_book", 2010), ("telemetry", 1025)])
def test_sizes(name: str, size: int) -> None:
    """Frames are on average as long as the description says, within 3 %."""
    frames = [event(name, data, [f"{name}-1"])[0] for data in islice(STREAMS[name](1), 200)]
    assert sum(map(len, frames)) / len(frames) == pytest.approx(size, rel=0.03)


def test_ticker() -> None:
    """Nearly every member changes from each message to the next."""
    messages = [json.loads(data) for data in islice(STREAMS["ticker"](1), 200)]
    changed = [sum(one[name] != other[name] for name in one) / len(one) for one, other in pairwise(messages)]
    assert sum(changed) / len(changed) > 0.7


def test_order_book() -> None:
    """Sides stay in order, apart from each other, and as deep; sometimes a level comes or goes."""
    messages = [json.loads(data) for data in islice(STREAMS["order_book"](1), 400)]
    shifts = 0
    for before, after in pairwise(messages):
        bids, asks = ([float(price) for price, _ in after[side]] for side in ("bids", "asks"))
        assert bids == sorted(set(bids), reverse=True)
        assert asks == sorted(set(asks))
        assert bids[0] < asks[0]
        assert (len(bids), len(asks)) == (36, 36)
        shifts += any(
            [price for price, _ in before[side]] != [price for price, _ in after[side]] for side in ("bids", "asks")
        )
    assert 0.1 < shifts / len(messages) < 0.3


def test_telemetry() -> None:
    """Of 28 readings at most ten move at a time."""
    messages = [json.loads(data)["readings"] for data in islice(STREAMS["telemetry"](1), 200)]
    moved = [sum(one[name] != other[name] for name in one) for one, other in pairwise(messages)]
    assert len(messages[0]) == 28
    assert max(moved) <= 10
    assert sum(moved) / len(moved) > 4
