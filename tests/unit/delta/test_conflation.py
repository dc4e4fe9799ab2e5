"""Keys of messages."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sockudo_tx.delta.conflation import conflation_key


def key(path: str, data: str, tags: Mapping[str, str] | None = None) -> str:
    return conflation_key(tuple(path.split(".")), "tick", "market", data, tags)


def test_D55_keys_in_the_data() -> None:
    """By the path in the envelope, and within the data."""
    assert key("data.symbol", '{"symbol":"BTC"}') == key("symbol", ' {"symbol":"BTC"}') == "BTC"
    assert key("a.b", '{"a":{"b":"x"}}') == "x"


def test_keys_in_the_envelope() -> None:
    """Its members go before those of the data."""
    assert key("event", '{"event":"other"}') == "tick"
    assert key("channel", "text") == "market"


def test_D56_keys_in_the_tags() -> None:
    """Of those published; a payload may have tags of its own."""
    assert key("tags.symbol", "{}", {"symbol": "BTC"}) == "BTC"
    assert key("tags.symbol", '{"tags":{"symbol":"ETH"}}') == "ETH"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("7", "7"),
        ("1.0", "1.0"),
        ("1.50", "1.5"),
        ("-0.1", "-0.1"),
        ("true", "true"),
        ("false", "false"),
        ('{ "a" : [1, 2] }', "{'a':[1,2]}"),
        ("[]", "[]"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("[123456789012345678901234567890]", "[123456789012345678901234567890]"),
    ],
)
def test_D57_keys_that_are_no_text(value: str, text: str) -> None:
    """Their compact JSON."""
    assert key("k", f'{{"k":{value}}}') == text


@pytest.mark.parametrize(
    "data",
    ["", "text", "[]", '"k"', "{", '{"k":null}', '{"other":1}', '{"a":[{"k":1}]}', '{"a":{"b":"k"}}', "{" * 5000],
)
def test_D58_no_key(data: str) -> None:
    """The empty one."""
    assert key("a.k", data) == ""


def test_D59_a_quotation_mark_becomes_an_apostrophe() -> None:
    """It would end the pattern by which clients cut the key out."""
    assert key("k", '{"k":"a\\"b"}') == "a'b"


def test_D61_long_keys() -> None:
    """Beyond 200 bytes their hash."""
    assert key("k", f'{{"k":"{"é" * 100}"}}') == "é" * 100
    long = key("k", f'{{"k":"{"é" * 101}"}}')
    assert (long[0], len(long), set(long[1:]) <= set("0123456789abcdef")) == ("~", 41, True)
