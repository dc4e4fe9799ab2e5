"""The index finds whom evaluating every filter would find."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.protocol.tags import Filter, FilterIndex, parse_filter

from . import plain
from .shapes import FILED, FILTERS, TAGS, branch, leaf, negated


class Asked:
    """A filter that counts how often it is asked."""

    def __init__(self, value: dict[str, Any]) -> None:
        self.times = 0
        self.filter = Filter(parse_filter(value).root, parse_filter(value).canonical)
        test = self.filter.test

        def counting(tags: Any) -> bool:
            self.times += 1
            return test(tags)

        self.filter._test = counting


class FilterIndexTests(SynchronousTestCase):
    """`FilterIndex`"""

    def setUp(self) -> None:
        self.index: FilterIndex[str] = FilterIndex()

    def file(self, name: str, value: dict[str, Any]) -> Filter:
        found = parse_filter(value)
        self.index.add(found, name)
        return found

    def found(self, **tags: str) -> list[str]:
        return self.index.matching(tags)

    def test_by_value(self) -> None:
        """Of many `eq` filters one event asks none, and finds the one it is for."""
        asked = [Asked(leaf("symbol", "eq", str(number))) for number in range(1000)]
        for number, each in enumerate(asked):
            self.index.add(each.filter, str(number))
        self.assertEqual(self.found(symbol="7", type="trade"), ["7"])
        self.assertEqual(self.found(symbol="1000"), [])
        self.assertEqual(self.index.matching({}), [])
        self.assertEqual(sum(each.times for each in asked), 0)
        self.assertEqual(len(self.index), 1000)

    def test_guarded(self) -> None:
        """An `and` is asked only by events that have the value it cannot do without, however deep that stands."""
        condition = leaf("price", "gte", 5)
        deep = branch(
            "and",
            negated(leaf("x", "ex")),
            branch("and", condition, branch("or", leaf("s", "eq", "b"), leaf("s", "in", "c"))),
        )
        asked = [Asked(branch("and", leaf("s", "eq", "a"), condition)), Asked(deep)]
        for number, each in enumerate(asked):
            self.index.add(each.filter, str(number))
        self.assertEqual(self.found(price="6"), [])
        self.assertEqual(self.found(s="x", price="6"), [])
        self.assertEqual([each.times for each in asked], [0, 0])
        self.assertEqual(self.found(s="a", price="6"), ["0"])
        self.assertEqual(self.found(s="a", price="4"), [])
        self.assertEqual([each.times for each in asked], [2, 0])
        self.assertEqual(self.found(s="b", price="6"), ["1"])
        self.assertEqual(self.found(s="c", price="6"), ["1"])

    def test_in_common(self) -> None:
        """Filters that all ask for the same type spread over what they do not have in common."""
        asked = [
            Asked(branch("and", leaf("type", "eq", "trade"), leaf("symbol", "eq", str(number))))
            for number in range(100)
        ]
        for number, each in enumerate(asked):
            self.index.add(each.filter, str(number))
        self.assertEqual(self.found(type="trade", symbol="7"), ["7"])
        self.assertLessEqual(sum(each.times for each in asked), 2)

    def test_either_guarded(self) -> None:
        """An `or` in which one value is all there is to ask, and another is not, is asked."""
        self.file("a", branch("or", leaf("a", "eq", "1"), branch("and", leaf("b", "eq", "1"), leaf("c", "gt", "5"))))
        self.assertEqual(self.found(b="1", c="5"), [])
        self.assertEqual(self.found(b="1", c="6"), ["a"])
        self.assertEqual(self.found(a="1", b="1"), ["a"])

    def test_rest(self) -> None:
        """Filters that a missing tag may satisfy are asked for each event, with tags or without."""
        self.file("neq", leaf("a", "neq", "1"))
        self.file("nex", leaf("a", "nex"))
        self.file("sw", leaf("a", "sw", "1"))
        self.file("either", branch("or", leaf("a", "eq", "1"), leaf("b", "nex")))
        self.assertEqual(self.index.matching({}), ["neq", "nex", "either"])
        self.assertEqual(self.found(a="1", b=""), ["sw", "either"])
        self.assertEqual(self.found(a="2", b=""), ["neq"])

    def test_D102_large_sets(self) -> None:
        """500 values and 501 give the same."""
        for count in (500, 501):
            self.file(str(count), leaf("a", "in", *range(count)))
            self.file(f"and {count}", branch("and", leaf("a", "in", *range(count)), leaf("b", "ex")))
            self.file(f"or {count}", branch("or", leaf("a", "in", *range(count)), leaf("b", "eq", "x")))
        self.assertEqual(sorted(self.found(a="499")), ["500", "501", "or 500", "or 501"])
        self.assertEqual(sorted(self.found(a="500")), ["501", "or 501"])
        self.assertEqual(sorted(self.found(a="499", b="")), ["500", "501", "and 500", "and 501", "or 500", "or 501"])
        self.assertEqual(sorted(self.found(b="x")), ["or 500", "or 501"])
        self.assertEqual(self.found(a="501"), [])

    def test_large_sets_are_asked(self) -> None:
        """Above 500 values a filter is not filed under each of them, whether they are of one set or of several."""
        halves = [leaf("a", "in", *range(count)) for count in (250, 251)]
        filed = [Asked(leaf("a", "in", *range(500))), Asked(branch("or", halves[0], leaf("b", "in", *range(250))))]
        asked = [Asked(leaf("a", "in", *range(501))), Asked(branch("or", halves[1], leaf("b", "in", *range(250))))]
        for each in filed + asked:
            self.index.add(each.filter, "")
        self.assertEqual(self.found(a="x", b="y"), [])
        self.assertEqual([each.times for each in filed + asked], [0, 0, 1, 1])

    def test_D103_both(self) -> None:
        """Who is found under two of an event's tags is found once."""
        self.file("first", branch("or", leaf("a", "eq", "1"), leaf("b", "eq", "2")))
        self.file("second", leaf("b", "eq", "2"))
        self.file("third", branch("and", branch("or", leaf("a", "eq", "1"), leaf("b", "eq", "2")), leaf("c", "nex")))
        self.assertEqual(self.found(a="1", b="2"), ["first", "third", "second"])
        self.assertEqual(self.found(b="2", a="1"), ["first", "second", "third"])

    def test_D104_example(self) -> None:
        """`and(eq, gte)`: the index and the filter agree."""
        both = self.file("both", branch("and", leaf("s", "eq", "a"), leaf("p", "gte", "5")))
        for tags in ({}, {"s": "a"}, {"s": "a", "p": "5"}, {"s": "a", "p": "4"}, {"s": "b", "p": "9"}, {"p": "9"}):
            self.assertEqual(bool(self.index.matching(tags)), both.matches(tags))

    def test_twice(self) -> None:
        """A filter has one group, and none that is not there can be removed; neither changes anything."""
        once = self.file("a", leaf("a", "eq", "1"))
        self.assertRaises(ValueError, self.index.add, once, "b")
        self.assertRaises(KeyError, self.index.remove, parse_filter(leaf("a", "eq", "2")))
        self.assertEqual(self.found(a="1"), ["a"])
        self.index.remove(once)
        self.assertRaises(KeyError, self.index.remove, once)
        self.assertEqual((len(self.index), self.found(a="1")), (0, []))

    @given(st.lists(FILTERS | FILED, max_size=12), st.data())
    def test_D104_random(self, values: list[dict[str, Any]], data: st.DataObject) -> None:
        """Through comings and goings it finds each filter that matches, once; nothing of those that left stays."""
        index: FilterIndex[str] = FilterIndex()
        there: dict[Filter, dict[str, Any]] = {}
        for value in values:
            found = parse_filter(value)
            if found not in there:
                index.add(found, found.canonical)
                there[found] = value
            elif data.draw(st.booleans()):
                index.remove(found)
                del there[found]
        for leaving in data.draw(st.sets(st.sampled_from(list(there)))) if there else ():
            index.remove(leaving)
            del there[leaving]
        for tags in data.draw(st.lists(TAGS, max_size=5)):
            expected = [found.canonical for found, value in there.items() if plain.matches(value, tags)]
            self.assertEqual(sorted(index.matching(tags)), sorted(expected))
            self.assertEqual(index.matching(tags), index.matching(tags))
        self.assertEqual(len(index), len(there))
        for found in there:
            index.remove(found)
        self.assertEqual((index._entries, index._shelves, index._rest), ({}, {}, {}))
