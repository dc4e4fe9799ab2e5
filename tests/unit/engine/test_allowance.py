"""So many a second, and not once more."""

from __future__ import annotations

from twisted.internet.task import Clock

from sockudo_tx.engine.allowance import Allowance


def test_a_second() -> None:
    """The allowance of a second is spent, and the next second has its own."""
    clock = Clock()
    allowance = Allowance(clock, 2)
    assert [allowance.take() for _ in range(4)] == [True, True, False, False]
    clock.advance(1)
    assert [allowance.take() for _ in range(3)] == [True, True, False]
