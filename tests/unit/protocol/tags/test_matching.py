"""Which tags a filter wants."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.protocol.tags import parse_filter
from sockudo_tx.protocol.tags.numbers import _remembered, number

from . import plain
from .shapes import FILTERS, TAGS, branch, leaf, negated

# Operator, its value, a tag that matches, one that does not, and what a missing tag does.
TRUTH: list[tuple[str, list[object], str, str, bool]] = [
    ("eq", ["ab"], "ab", "abc", False),
    ("neq", ["ab"], "abc", "ab", True),
    ("in", ["a", "b"], "b", "c", False),
    ("nin", ["a", "b"], "c", "b", True),
    ("sw", ["ab"], "abc", "cab", False),
    ("ew", ["ab"], "cab", "abc", False),
    ("ct", ["ab"], "cabc", "acb", False),
    ("gt", ["2"], "2.1", "2", False),
    ("gte", ["2"], "2", "1.9", False),
    ("lt", ["2"], "1.9", "2", False),
    ("lte", ["2"], "2", "2.1", False),
]


class OperatorTests(SynchronousTestCase):
    """The thirteen comparisons and three branches"""

    def wants(self, node: dict[str, object], **tags: str) -> bool:
        return parse_filter(node).matches(tags)

    def test_D95_truth_table(self) -> None:
        """Each operator with a tag that matches, one that does not, and none."""
        for cmp, values, match, other, missing in TRUTH:
            node = leaf("t", cmp, *values)
            self.assertIs(self.wants(node, t=match), True, cmp)
            self.assertIs(self.wants(node, t=other), False, cmp)
            self.assertIs(self.wants(node, T=match), missing, cmp)
            self.assertIs(self.wants(node), missing, cmp)
        self.assertEqual((self.wants(leaf("t", "ex"), t="x"), self.wants(leaf("t", "ex"))), (True, False))
        self.assertEqual((self.wants(leaf("t", "nex"), t="x"), self.wants(leaf("t", "nex"))), (False, True))

    def test_branches(self) -> None:
        """`and` wants all, `or` at least one, `not` the opposite; with one child, two and three."""
        yes, no = leaf("t", "ex"), leaf("t", "nex")
        for nodes in (
            [yes],
            [no],
            [yes, no],
            [no, yes],
            [yes, yes],
            [no, no],
            [yes, no, yes],
            [no, no, yes],
            [no] * 3,
            [yes] * 3,
        ):
            answers = [node is yes for node in nodes]
            self.assertIs(self.wants(branch("and", *nodes), t=""), all(answers))
            self.assertIs(self.wants(branch("or", *nodes), t=""), any(answers))
            self.assertIs(self.wants(negated(branch("or", *nodes)), t=""), not any(answers))

    def test_D96_not_of_missing(self) -> None:
        """A tag that is missing is not equal."""
        self.assertTrue(self.wants(negated(leaf("t", "eq", "x"))))
        self.assertFalse(self.wants(negated(leaf("t", "neq", "x"))))
        self.assertTrue(self.wants(negated(leaf("t", "gt", "1"))))

    def test_D97_numeric(self) -> None:
        """Order is that of numbers, not of texts, and equality is that of texts, not of numbers."""
        self.assertTrue(self.wants(leaf("t", "gt", "9"), t="10"))
        self.assertFalse(self.wants(leaf("t", "gt", "10"), t="9"))
        self.assertTrue(self.wants(leaf("t", "gte", "10"), t="10.0"))
        self.assertTrue(self.wants(leaf("t", "lte", 10), t="1e1"))
        self.assertFalse(self.wants(leaf("t", "eq", "1"), t="1.0"))

    def test_D98_what_is_a_number(self) -> None:
        """Signs, points and exponents are; spaces, underscores, hexadecimal and other scripts are not."""
        below = leaf("t", "gt", "-1e300")
        for text in (
            "1_000",
            " 5",
            "5 ",
            "5\n",
            "0x10",
            "",
            ".",
            "+",
            "-",
            "e5",
            "1e",
            "1e+",
            "1,5",
            "--1",
            "١",
            "５",
            "ınf",
            "infin",
            "1.2.3",
            "0b1",
            "1d5",
            "1f",
        ):
            self.assertFalse(self.wants(below, t=text), text)
        for text in ("1e3", "+5", ".5", "5.", "5", "-0", "1E-3", "5.e1", ".5e+1", "00012", "inf", "+Infinity", "INF"):
            self.assertTrue(self.wants(below, t=text), text)
        self.assertTrue(self.wants(leaf("t", "gt", "999"), t="1e3"))
        self.assertTrue(self.wants(leaf("t", "gt", "1e308"), t="1e999"))
        self.assertTrue(self.wants(leaf("t", "lt", "-1e308"), t="-inf"))
        self.assertTrue(self.wants(leaf("t", "gte", "9007199254740993"), t="9007199254740992"))

    def test_D99_never(self) -> None:
        """What is no number is neither more nor less; as a bound it is no fault."""
        for cmp in ("gt", "gte", "lt", "lte"):
            for val in ("abc", "nan", "-NaN", "0x10", True):
                for tag in ("1", "abc", "nan", "inf", "-inf"):
                    self.assertFalse(self.wants(leaf("t", cmp, val), t=tag), (cmp, val, tag))
            for tag in ("nan", "NaN", "abc", ""):
                self.assertFalse(self.wants(leaf("t", cmp, "5"), t=tag), (cmp, tag))

    def test_D100_text(self) -> None:
        """Case counts, code points are compared as they are, and keys mean themselves."""
        for cmp, val, wanted, other in (
            ("sw", "é🎉", "é🎉x", "É🎉x"),
            ("ew", "日本", "x日本", "x日木"),
            ("ct", "ß", "aßb", "assb"),
        ):
            self.assertTrue(self.wants(leaf("t", cmp, val), t=wanted))
            self.assertFalse(self.wants(leaf("t", cmp, val), t=other))
        for cmp in ("sw", "ew", "ct", "eq"):
            self.assertFalse(self.wants(leaf("t", cmp, "A"), t="a"))
            self.assertFalse(self.wants(leaf("t", cmp, "e\u0301"), t="é"))
        self.assertTrue(parse_filter(leaf("a.b", "eq", "1")).matches({"a.b": "1"}))

    def test_D101_empty_tag(self) -> None:
        """A tag may be empty; then it is there."""
        self.assertTrue(self.wants(leaf("t", "ex"), t=""))
        self.assertFalse(self.wants(leaf("t", "nex"), t=""))
        self.assertTrue(self.wants(leaf("t", "in", "", "x"), t=""))
        self.assertFalse(self.wants(leaf("t", "in", "", "x")))

    @given(FILTERS, TAGS)
    def test_like_the_table(self, value: dict[str, object], tags: dict[str, str]) -> None:
        """A compiled filter answers what the table says."""
        self.assertIs(parse_filter(value).matches(tags), plain.matches(value, tags))


class NumberTests(SynchronousTestCase):
    """`number`"""

    @given(st.text("0159.eE+-_ xnaif\u0661\u0131", max_size=9) | st.text(max_size=4) | st.floats().map(str))
    def test_like_the_words(self, text: str) -> None:
        """The pattern takes what the words of the rule describe, nothing else, and no text raises."""
        expected, found = plain.number(text), number(text)
        self.assertEqual(repr(found), repr(float("nan")) if expected is None else repr(expected).replace("-nan", "nan"))

    def test_long(self) -> None:
        """A number may be longer than any double needs; nothing is remembered of it."""
        before = _remembered.cache_info().currsize
        self.assertEqual(number("0" * 5000 + "7." + "0" * 5000), 7.0)
        self.assertEqual(number("1" * 400), float("inf"))
        self.assertNotEqual(number("1" * 5000 + "x"), number("1" * 5000 + "x"))
        self.assertEqual(_remembered.cache_info().currsize, before)
