"""When a slot gets another worker."""

from __future__ import annotations

from sockudo_tx.hub.restarts import Restarts


def test_waits_grow_until_it_is_given_up() -> None:
    """Each end within a minute doubles the wait, and the sixth is the last."""
    restarts = Restarts()
    assert [restarts.ended(float(number)) for number in range(6)] == [0.1, 0.2, 0.4, 0.8, 1.6, None]
    assert restarts.count == 6


def test_old_ends_do_not_count() -> None:
    """One end every twelve seconds is never too many."""
    restarts = Restarts()
    waits = [restarts.ended(12.0 * number) for number in range(50)]
    assert waits[5:] == [1.6] * 45


def test_a_minute_later() -> None:
    """After a quiet minute the first wait is short again."""
    restarts = Restarts()
    for number in range(4):
        restarts.ended(float(number))
    assert restarts.ended(70.0) == 0.1


def test_forgotten() -> None:
    """Somebody has changed something: what was before says nothing."""
    restarts = Restarts()
    for number in range(6):
        restarts.ended(float(number))
    restarts.forget()
    assert restarts.ended(7.0) == 0.1
