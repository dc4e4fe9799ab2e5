"""What is a filter, what is none, and what a client is told of that."""

from __future__ import annotations

import gc
import sys
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.protocol.tags import Filter, FilterError, filter_in, parse_filter
from sockudo_tx.protocol.tags.nodes import LEAVES
from sockudo_tx.protocol.wirejson import loads

from .shapes import FILTERS, TAGS, branch, leaf, nested

EQ = leaf("a", "eq", "1")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(max_size=3) | st.sampled_from(["op", "nodes", "key", "cmp", "val", "vals"]), inner)
    ),
    max_leaves=20,
)
# Every member is there, with a value of its own kind or of any other.
NEARLY = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "key": st.just("a") | JSON,
            "cmp": st.sampled_from(LEAVES) | JSON,
            "val": JSON,
            "vals": st.lists(JSON, max_size=3) | JSON,
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {"op": st.sampled_from(["and", "or", "not", "xor"]) | JSON, "nodes": st.lists(inner, max_size=3) | JSON}
    ),
    max_leaves=10,
)


class FilterCase(SynchronousTestCase):
    """What several files of tests ask."""

    def refused(self, value: object, *parts: str) -> str:
        """The detail of a refusal, which has these parts in it."""
        detail = self.assertRaises(FilterError, parse_filter, value).detail
        for part in parts:
            self.assertIn(part, detail)
        return detail


class GrammarTests(FilterCase):
    """Nodes as clients write them"""

    def test_D85_filter_wins(self) -> None:
        """`filter` counts before `tags_filter`; null is absent."""
        first, second = leaf("a", "eq", "1"), leaf("b", "eq", "2")
        self.assertEqual(filter_in({"filter": first, "tags_filter": second}), parse_filter(first))
        self.assertEqual(filter_in({"filter": None, "tags_filter": second}), parse_filter(second))
        self.assertEqual(filter_in({"tags_filter": second}), parse_filter(second))
        self.assertIsNone(filter_in({"filter": None, "tags_filter": None}))
        self.assertIsNone(filter_in({"channel": "news"}))
        self.assertRaises(FilterError, filter_in, {"filter": False, "tags_filter": second})

    def test_D86_unknown_branch(self) -> None:
        """An operator of branches that is not one of the three is refused by its name."""
        self.refused(branch("xor", EQ), "xor")
        self.refused(branch("AND", EQ), "AND")

    def test_D87_unknown_comparison(self) -> None:
        """So is one of leaves, and a leaf without any."""
        self.refused(leaf("a", "regex", "x"), "regex")
        self.refused(leaf("a", "Eq", "x"), "Eq")
        for missing in ({}, {"cmp": None}, {"cmp": ""}):
            self.refused({"key": "a", "val": "x", **missing}, "needs a cmp")

    def test_D88_incomplete(self) -> None:
        """Children, keys and values that have to be there."""
        for op in ("and", "or"):
            for nodes in ({"nodes": []}, {"nodes": None}, {}):
                self.refused({"op": op, **nodes}, op, "at least one child")
        self.refused(branch("not"), "exactly one child", "0")
        self.refused(branch("not", EQ, EQ), "exactly one child", "2")
        for key in ({}, {"key": None}, {"key": ""}):
            self.refused({"cmp": "eq", "val": "1", **key}, "non-empty key")
        for cmp in ("in", "nin"):
            for vals in ({"vals": []}, {"vals": None}, {}):
                self.refused({"key": "a", "cmp": cmp, "val": "1", **vals}, f"{cmp} ", "vals")
        for cmp in set(LEAVES) - {"in", "nin", "ex", "nex"}:
            for val in ({"val": ""}, {"val": None}, {}):
                self.refused({"key": "a", "cmp": cmp, "vals": ["1"], **val}, f"{cmp} ", "val")

    def test_D89_place(self) -> None:
        """A fault below says which child it is in, one prefix a level; the first one depth first counts."""
        bad = leaf("a", "regex", "x")
        detail = self.refused(branch("and", EQ, branch("or", bad, EQ)))
        self.assertTrue(detail.startswith("Child node 1: Child node 0: unknown operator"), detail)
        self.assertTrue(
            self.refused(branch("and", branch("or", EQ, bad), "x")).startswith("Child node 0: Child node 1: ")
        )
        self.assertTrue(self.refused(branch("and", EQ, None)).startswith("Child node 1: a node must be an object"))

    def test_D90_other_types(self) -> None:
        """What is no object is no filter, and members have their types; a fault never means no filter."""
        for value in ("x", [], [EQ], 1, True, None, ""):
            self.refused(value, "must be an object")
        for nodes in ({}, "x", 0, False):
            self.refused({"op": "and", "nodes": nodes}, "nodes must be")
        for op in (5, [], {}, True, 0, False):
            self.refused({"op": op, "nodes": [EQ]}, "op must be")
        for wrong in (5, [], {}, True, ["a"]):
            self.refused({"key": wrong, "cmp": "eq", "val": "1"}, "key ")
            self.refused({"key": "a", "cmp": wrong, "val": "1"}, "cmp ")
        for wrong in ([], {}, [1]):
            self.refused({"key": "a", "cmp": "eq", "val": wrong}, "val ")
            self.refused({"key": "a", "cmp": "in", "vals": ["1", wrong]}, "vals[1]")
        for wrong in ({}, "x", 1, True):
            self.refused({"key": "a", "cmp": "in", "vals": wrong}, "vals ")
        self.refused({"key": "a", "cmp": "nin", "vals": [None]}, "vals[0]")

    def test_types_first(self) -> None:
        """Of several faults of one node that of a type is told, and limits come last."""
        self.refused({"key": "", "cmp": "eq", "val": {}}, "val must be")
        self.refused({"key": "k" * 300, "cmp": "regex"}, "regex")
        self.refused({"key": "k" * 300, "cmp": "eq", "val": ""}, "eq needs")

    def test_ignored(self) -> None:
        """An empty `op` makes no branch; members of the other kind and unknown ones do not matter."""
        for more in ({"op": ""}, {"op": None}, {"nodes": 5}, {"vals": 5}, {"anything": [[]]}):
            self.assertEqual(parse_filter({**EQ, **more}), parse_filter(EQ))
        self.assertEqual(parse_filter({"key": "a", "cmp": "ex", "val": {}, "vals": 1}), parse_filter(leaf("a", "ex")))
        self.assertEqual(
            parse_filter({**branch("or", EQ), "key": 1, "cmp": [], "val": {}}), parse_filter(branch("or", EQ))
        )
        self.assertEqual(parse_filter(leaf("a", "in", "")), parse_filter(leaf("a", "in", "", "")))

    def test_D91_scalars(self) -> None:
        """Numbers and booleans become the text a tag has."""
        pairs: list[tuple[object, str]] = [
            (501, "501"), (98.6, "98.6"), (True, "true"), (False, "false"), (1.0, "1.0"), (-3, "-3"), (0, "0"), (2**64 - 1, "18446744073709551615"),
        ]  # fmt: skip
        for value, text in pairs:
            for each in (leaf("a", "eq", value), leaf("a", "in", value)):
                self.assertTrue(parse_filter(each).matches({"a": text}), (value, text))
            self.assertEqual(parse_filter(leaf("a", "eq", value)), parse_filter(leaf("a", "eq", text)))
        self.refused(leaf("a", "eq", float("nan")), "val ")
        self.refused(leaf("a", "eq", float("inf")), "val ")


class LimitTests(FilterCase):
    """Exactly at the limit is fine"""

    def test_D92_limits(self) -> None:
        """Nodes, depth, and values of a leaf and in all."""
        parse_filter(branch("and", *[EQ] * 127))
        self.refused(branch("and", *[EQ] * 128), "Child node 127: ", "128 nodes")
        parse_filter(nested(16))
        detail = self.refused(nested(17), "16 levels")
        self.assertEqual(detail.count("Child node 0: "), 16)
        parse_filter(leaf("a", "in", *range(1000)))
        self.refused(leaf("a", "in", *range(1001)), "1001", "1000")
        parse_filter(branch("or", *[leaf("a", "in", *range(1000))] * 5))
        self.refused(branch("or", *[leaf("a", "in", *range(1000))] * 5, leaf("a", "nin", 1)), "Child node 5: ", "5000")

    def test_sizes(self) -> None:
        """Keys and values are counted in bytes of UTF-8."""
        for fits in ("k" * 256, "é" * 128):
            parse_filter(leaf(fits, "ex"))
            self.refused(leaf(fits + "k", "ex"), "key", "256")
        for fits in ("v" * 1024, "é" * 512):
            parse_filter(branch("or", leaf("a", "eq", fits), leaf("a", "in", fits)))
            self.refused(leaf("a", "eq", fits + "v"), "val", "1024")
            self.refused(leaf("a", "in", "", fits + "v"), "vals[1]", "1024")

    def test_hostile(self) -> None:
        """Depth, breadth and digits are refused before they cost anything; the answer is short."""
        deep: Any = []
        for _ in range(3 * sys.getrecursionlimit()):
            deep = [deep]
        self.refused(nested(3 * sys.getrecursionlimit()), "16 levels")
        self.refused(deep, "must be an object")
        for value in (deep, {"x": deep}):
            self.refused({"key": "a", "cmp": "eq", "val": value}, "val ")
            self.refused({"op": "and", "nodes": [value]}, "Child node 0: ")
            parse_filter({**EQ, "nodes": value})
        self.refused(leaf("a", "eq", 10**5000), "val")
        self.refused(leaf("a", "eq", 10**1200), "val", "1024")
        parse_filter(leaf("a", "eq", 10**1000))
        self.refused(leaf("a", "in", *[None] * 100_000), "100000", "1000")
        self.assertLess(len(self.refused(branch("x" * 1_000_000, EQ))), 300)
        self.assertLess(len(self.refused(leaf("a", "x" * 1_000_000, "1"))), 300)
        self.refused(leaf("\ud800", "ex"), "key")
        self.refused(leaf("a", "eq", "\ud800"), "val")

    @given(JSON | NEARLY)
    def test_any_json(self, value: object) -> None:
        """Whatever comes is a filter or the one error, in one line's words."""
        try:
            self.assertIn(parse_filter(value).matches({"a": "1"}), (True, False))
        except FilterError as error:
            self.assertTrue(error.detail)


class CanonicalTests(SynchronousTestCase):
    """One text for all spellings of a filter"""

    def test_text(self) -> None:
        """Keys are sorted, `vals` sorted and each once, scalars are strings, what is ignored is left out."""
        found = parse_filter(
            {"nodes": [{"vals": [2, "10", "2"], "cmp": "in", "key": "a", "val": 1}, leaf("b", "ex")], "op": "or"}
        )
        self.assertEqual(
            found.canonical, '{"nodes":[{"cmp":"in","key":"a","vals":["10","2"]},{"cmp":"ex","key":"b"}],"op":"or"}'
        )

    def test_shared(self) -> None:
        """Whoever sends the same filter gets the same object, and nobody's filter stays behind."""
        first, second = parse_filter(leaf("shared", "eq", "7")), parse_filter(leaf("shared", "eq", 7))
        self.assertIs(first, second)
        self.assertEqual({first: 1}, {Filter(first.root, first.canonical): 1})
        self.assertNotEqual(first, parse_filter(leaf("shared", "eq", "8")))
        self.assertNotEqual(first, first.canonical)
        del first, second
        gc.collect()
        left = [each for each in gc.get_objects() if isinstance(each, Filter) and '"shared"' in each.canonical]
        self.assertEqual(left, [])

    @given(FILTERS, TAGS)
    def test_read_again(self, value: dict[str, object], tags: dict[str, str]) -> None:
        """The text is itself a filter, equal to the first, and an equal text has equal matches."""
        found = parse_filter(value)
        again = parse_filter(loads(found.canonical))
        self.assertEqual(again.canonical, found.canonical)
        fresh = Filter(again.root, again.canonical)
        self.assertEqual((fresh, hash(fresh)), (found, hash(found)))
        self.assertEqual(fresh.matches(tags), found.matches(tags))
