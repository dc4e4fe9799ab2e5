"""Channel patterns: whom they mean, and which one counts."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.protocol.patterns import best_pattern, matches

TABLE = [
    ("a", ["a"], ["ab", "xa", "A", ""]),
    ("a*", ["a", "ab", "a1z"], ["xa", "Ab"]),
    ("*z", ["z", "xz", "a1z"], ["za"]),
    ("a*z", ["az", "a1z"], ["a", "z", "a1", "xa1z"]),
    ("a*b*c", ["abc", "a1b1c", "abbc"], ["ac", "acb", "a1b1", "ab"]),
    ("a*b*b*c", ["abbc", "abxbc"], ["abc"]),
    ("*", ["", "anything"], []),
    ("a*a", ["aa", "aba"], ["a"]),
]


class PatternTests(SynchronousTestCase):
    """`matches` and `best_pattern`"""

    def test_C54_table(self) -> None:
        """Exact names, beginnings, ends, both, and any number of stars."""
        for pattern, meant, others in TABLE:
            for channel in meant:
                self.assertTrue(matches(channel, pattern), (channel, pattern))
            for channel in others:
                self.assertFalse(matches(channel, pattern), (channel, pattern))

    def test_best(self) -> None:
        """An exact name beats every pattern, then the longer text beats the shorter, then the earlier the later."""
        self.assertEqual(best_pattern("ab", ["*", "a*", "ab"]), "ab")
        self.assertEqual(best_pattern("abc", ["*", "a*", "ab*", "*c"]), "ab*")
        self.assertEqual(best_pattern("abc", ["*c", "a*"]), "*c")
        self.assertEqual(best_pattern("x", ["a*", "*"]), "*")
        self.assertIsNone(best_pattern("x", ["a*", "xx"]))
        self.assertEqual(best_pattern("a*", ["*", "a*"]), "a*")

    @given(st.text("ab*", max_size=8), st.text("ab", max_size=10))
    def test_like_a_regular_expression(self, pattern: str, channel: str) -> None:
        """A star is what `.*` is in a regular expression."""
        expression = ".*".join(re.escape(part) for part in pattern.split("*"))
        self.assertEqual(matches(channel, pattern), re.fullmatch(expression, channel, re.DOTALL) is not None)

    def test_many_stars(self) -> None:
        """A pattern of many stars costs no more than a short one."""
        self.assertFalse(matches("a" * 200, "*a" * 100 + "b"))
