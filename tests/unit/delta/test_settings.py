"""Which rules hold for a channel."""

from __future__ import annotations

from sockudo_tx.delta.settings import DeltaSettings, RuleBook, Rules, algorithm_named, rules_for

SETTINGS = DeltaSettings()


def of(channel: str, entries: object = None, **changes: object) -> Rules:
    return rules_for(channel, entries, SETTINGS._replace(**changes))  # type: ignore[arg-type]


def test_without_entries_the_server_decides() -> None:
    """All of the section is taken over."""
    rules = of("a", conflation_key_path="data.symbol", full_message_interval=3)
    assert rules == Rules(True, "fossil", ("data", "symbol"), 10, 100, 3, 100, 300.0, False)


def test_channels_that_never_have_deltas() -> None:
    """Encrypted channels and those of users, whatever an entry says."""
    for channel in ("private-encrypted-a", "#server-to-user-1"):
        assert not of(channel, {"*": "fossil"}).possible
    assert of("private-a").possible
    assert not of("a", {"a": "fossil"}, enabled=False).possible


def test_D68_disabled_in_either_spelling() -> None:
    """The word and the member both switch deltas off."""
    assert not of("a", {"a": "disabled"}).possible
    assert not of("a", {"a": {"enabled": False}}).possible
    assert of("a", {"a": {"enabled": True}}).possible


def test_D69_algorithm_of_an_entry() -> None:
    """A word or a member; `vcdiff` is `xdelta3`."""
    assert of("a", {"a": "xdelta3"}).algorithm == "xdelta3"
    assert of("a", {"a": {"algorithm": "vcdiff"}}).algorithm == "xdelta3"
    assert of("a", {"a": {"algorithm": "fossil"}}, algorithm="xdelta3").algorithm == "fossil"
    assert of("a", {"a": "inherit"}, algorithm="xdelta3").algorithm == "xdelta3"
    assert [algorithm_named(word) for word in ("VCDIFF", "Fossil", "zstd", None)] == ["xdelta3", "fossil", None, None]


def test_D71_the_most_exact_pattern_counts() -> None:
    """The exact name, then the pattern with more letters, then the star."""
    entries = {"*": "disabled", "market-*": "xdelta3", "market-*-x": "fossil", "market-1-x": "disabled"}
    assert not of("market-1-x", entries).possible
    assert of("market-2-x", entries).algorithm == "fossil"
    assert of("market-2", entries).algorithm == "xdelta3"
    assert not of("other", entries).possible


def test_D72_inherit_shields_from_a_pattern() -> None:
    """Nothing special, and no further search."""
    assert of("a", {"*": "disabled", "a": "inherit"}).possible


def test_numbers_of_an_entry_replace_those_of_the_server() -> None:
    """Each of them; the ring stays within what clients remember."""
    entry = {
        "max_messages_per_key": 99,
        "max_conflation_keys": 7,
        "full_message_interval": 0,
        "min_message_size": 5,
        "max_state_age_secs": 0,
    }
    rules = of("a", {"a": entry})
    assert (rules.ring, rules.max_streams, rules.interval, rules.min_size, rules.max_age) == (30, 7, 0, 5, 1)
    assert of("a", {"a": {"max_messages_per_key": 0}}).ring == 1


def test_what_an_entry_says_wrongly_is_not_said() -> None:
    """A database may hold anything."""
    wrong = {"algorithm": 5, "max_messages_per_key": "x", "full_message_interval": -1, "enable_tags": 1}
    assert of("a", {"a": wrong}) == of("a") == of("a", {"a": 5})


def test_D67_path_of_an_entry_beats_that_of_the_server() -> None:
    """An empty one means that there is none; null leaves it to the server."""
    entries = {"a": {"conflation_key": "x.y"}, "b": {"conflation_key": ""}, "c": {"conflation_key": None}}
    paths = [of(channel, entries, conflation_key_path="z").path for channel in "abcd"]
    assert paths == [("x", "y"), None, ("z",), ("z",)]


def test_D115_whether_tags_are_sent() -> None:
    """The entry, then the switch of the server, then whether filters are in force."""
    assert [of("a", filtering=on, enable_tags=None).tags for on in (True, False)] == [True, False]
    assert not of("a", filtering=True, enable_tags=False).tags
    assert of("a", {"a": {"enable_tags": True}}, filtering=True, enable_tags=False).tags
    assert not of("a", {"a": {"enable_tags": False}}, filtering=True, enable_tags=True).tags
    assert of("a", {"a": {"enable_tags": None}}, enable_tags=True).tags


def test_rules_are_worked_out_once() -> None:
    """As long as the entries are the same, also in another record; other entries or settings replace them."""
    book = RuleBook()
    first = book.of("a", {"a": "xdelta3"}, SETTINGS)
    assert book.of("a", {"a": "xdelta3"}, SETTINGS) is first
    assert book.of("a", {"a": "disabled"}, SETTINGS) is not first
    assert not book.of("a", {"a": "disabled"}, SETTINGS).possible
    assert book.of("a", {"a": "disabled"}, SETTINGS._replace(min_message_size=1)).min_size == 1


def test_rules_of_few_channels_are_remembered() -> None:
    """The book does not grow with channels that come and go."""
    book = RuleBook()
    for number in range(5000):
        book.of(f"c{number}", None, SETTINGS)
    assert len(book._known) <= 1024
