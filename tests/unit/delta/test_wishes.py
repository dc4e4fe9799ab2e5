"""What clients say of deltas, and what follows."""

from __future__ import annotations

import pytest

from sockudo_tx.delta.settings import DeltaSettings, rules_for
from sockudo_tx.delta.wishes import FOLLOW, Wish, Wishes, offered_in, wish_of

SETTINGS = DeltaSettings()
RULES = rules_for("a", None, SETTINGS)


@pytest.mark.parametrize("value", [None, 5, 1.5, [], ["fossil"]])
def test_D15_what_is_no_wish(value: object) -> None:
    """It counts as absent."""
    assert wish_of(value) == FOLLOW


@pytest.mark.parametrize(
    ("value", "wish"),
    [
        (True, Wish(True)),
        (False, Wish(False)),
        ("fossil", Wish(True, "fossil")),
        ("XDelta3", Wish(True, "xdelta3")),
        ("vcdiff", Wish(True, "xdelta3")),
        ("banana", Wish(True)),
        ({}, Wish(True)),
        ({"enabled": True}, Wish(True)),
        ({"enabled": "no"}, Wish(True)),
        ({"algorithm": "vcdiff"}, Wish(True, "xdelta3")),
        ({"algorithm": "zstd", "algorithms": ["fossil"]}, Wish(True)),
        ({"algorithms": ["zstd", "VCDIFF", "fossil"]}, Wish(True, "xdelta3")),
        ({"algorithms": ["zstd"]}, Wish(True)),
    ],
)
def test_the_table_of_wishes(value: object, wish: Wish) -> None:
    """Every way to ask for deltas on one channel."""
    assert wish_of(value) == wish


def test_D13_off_with_an_algorithm() -> None:
    """Off is off."""
    assert wish_of({"enabled": False, "algorithm": "fossil"}) == Wish(False)


@pytest.mark.parametrize("word", ["DISABLED", "false", "None"])
def test_D14_words_for_off(word: str) -> None:
    """In any case."""
    assert wish_of(word) == Wish(False)


def test_offers() -> None:
    """Names we know, each once, in the client's order; no list is no offer."""
    assert offered_in({"algorithms": ["zstd", "vcdiff", 5, "xdelta3", "FOSSIL"]}) == ("xdelta3", "fossil")
    nothing: list[object] = [None, {}, [], {"algorithms": "fossil"}]
    assert [offered_in(value) for value in nothing] == [None] * 4
    assert offered_in({"algorithms": []}) == ()


def test_D3_first_offer_we_have_when_ours_is_not_among_them() -> None:
    """Ours is preferred."""
    wishes = Wishes()
    assert wishes.switch_on(("xdelta3",), SETTINGS) == wishes.announced == "xdelta3"
    assert wishes.algorithm("a", RULES) == "xdelta3"
    assert wishes.switch_on(("xdelta3", "fossil"), SETTINGS) == "fossil"
    assert wishes.switch_on(None, SETTINGS._replace(algorithm="xdelta3")) == "xdelta3"


def test_D4_nothing_in_common_changes_nothing() -> None:
    """Nor when deltas are off."""
    wishes = Wishes()
    assert wishes.switch_on((), SETTINGS) is None
    assert wishes.switch_on(None, SETTINGS._replace(enabled=False)) is None
    assert not wishes.wants("a", RULES)


def test_D11_off_for_one_channel() -> None:
    """The socket's wish holds elsewhere."""
    wishes = Wishes()
    wishes.switch_on(None, SETTINGS)
    wishes.subscriptions["a"] = Wish(False)
    assert (wishes.wants("a", RULES), wishes.wants("b", RULES)) == (False, True)
    assert wishes.confirms("a", RULES) is None


def test_algorithm_of_the_subscription_comes_first() -> None:
    """Then the channel's, then the server's; the last two within the offer."""
    wishes = Wishes()
    other = RULES._replace(algorithm="xdelta3")
    assert [wishes.algorithm("a", rules) for rules in (RULES, other)] == ["fossil", "xdelta3"]
    wishes.switch_on(("fossil",), SETTINGS)
    assert wishes.algorithm("a", other) == "fossil"
    wishes.subscriptions["a"] = Wish(True, "xdelta3")
    assert wishes.algorithm("a", RULES) == "xdelta3"


def test_what_is_confirmed() -> None:
    """A wish that changes something; the client knows of one algorithm for all its channels."""
    wishes = Wishes()
    assert wishes.confirms("a", RULES) is None
    wishes.subscriptions["a"] = Wish(True)
    assert wishes.confirms("a", RULES) == "fossil"
    assert wishes.confirms("a", RULES._replace(possible=False)) is None
    wishes.switch_on(None, SETTINGS)
    assert wishes.confirms("a", RULES) is None
    wishes.subscriptions["a"] = Wish(True, "xdelta3")
    assert wishes.confirms("a", RULES) == "xdelta3"
    assert wishes.announced == "xdelta3"
