"""Origin patterns: what is a pattern, and whom it lets in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.protocol.origins import ALLOW_NONE, origin_allowed, pattern_fault

# The table of configuration.md 5.7, row by row: pattern, allowed origins, refused origins.
TABLE: list[tuple[str, list[str], list[str]]] = [
    (
        "https://example.com",
        ["https://example.com", "HTTPS://Example.COM"],
        ["http://example.com", "https://example.com:8443"],
    ),
    (
        "example.com",
        ["http://example.com", "https://example.com"],
        ["https://www.example.com", "https://example.com:8443"],
    ),
    ("localhost:3000", ["http://localhost:3000"], ["http://localhost:3001", "http://localhost"]),
    (
        "*.example.com",
        ["https://a.example.com", "https://a.b.example.com", "https://example.com"],
        ["https://badexample.com", "https://a.example.com:8443", "https://a.example.org"],
    ),
    ("https://*.example.com", ["https://a.example.com"], ["http://a.example.com", "https://example.com"]),
]


class PatternTests(SynchronousTestCase):
    """`pattern_fault`"""

    def test_good(self) -> None:
        """Every documented form is a pattern."""
        for pattern in ["*", "http://localhost:*", "null", *(row[0] for row in TABLE)]:
            self.assertIsNone(pattern_fault(pattern), pattern)

    def test_P25_bad(self) -> None:
        """Every pattern that the specification lists as invalid is refused, and the text names it."""
        for pattern in ["*.*example.com", "*.*.com", "*.", "*..example.com", "*.example.com.", "*.a..b"]:
            self.assertIn(pattern, pattern_fault(pattern) or "")
        for pattern in ["://example.com", "https://"]:
            self.assertIn("'://'", pattern_fault(pattern) or "")
        self.assertIn("empty", pattern_fault("") or "")


class AllowedTests(SynchronousTestCase):
    """`origin_allowed`"""

    def test_C52_table(self) -> None:
        """Every row of the documented table lets in and keeps out what it says."""
        for pattern, allowed, refused in TABLE:
            for origin in allowed:
                self.assertTrue(origin_allowed((pattern,), origin), (pattern, origin))
            for origin in refused:
                self.assertFalse(origin_allowed((pattern,), origin), (pattern, origin))

    def test_C52_no_list(self) -> None:
        """Without patterns everybody may connect, with or without a header."""
        self.assertTrue(origin_allowed((), None))
        self.assertTrue(origin_allowed((), "https://a.com"))

    def test_P17_P18_P19_exact(self) -> None:
        """A full origin lets in itself in any letter case, and no other scheme."""
        self.assertTrue(origin_allowed(("https://a.com",), "https://a.com"))
        self.assertTrue(origin_allowed(("https://a.com",), "HTTPS://A.COM"))
        self.assertFalse(origin_allowed(("https://a.com",), "http://a.com"))

    def test_P20_P21_missing_header(self) -> None:
        """Without a header only `*` lets a client in."""
        self.assertFalse(origin_allowed(("https://a.com", "a.com", "*.a.com", "h*"), None))
        self.assertFalse(origin_allowed(("https://a.com",), ""))
        self.assertTrue(origin_allowed(("*",), None))
        self.assertTrue(origin_allowed(("https://a.com", "*"), None))

    def test_P22_subdomains(self) -> None:
        """`*.a.com` means the domain and what is below it, without a port, and nothing that merely contains it."""
        for origin in ["https://x.a.com", "https://x.y.a.com", "https://a.com"]:
            self.assertTrue(origin_allowed(("*.a.com",), origin), origin)
        for origin in ["https://a.com.evil.org", "https://x.a.com:8443", "https://xa.com"]:
            self.assertFalse(origin_allowed(("*.a.com",), origin), origin)

    def test_P23_host_only(self) -> None:
        """A bare host means both schemes and exactly no port."""
        self.assertTrue(origin_allowed(("a.com",), "http://a.com"))
        self.assertTrue(origin_allowed(("a.com",), "https://a.com"))
        self.assertFalse(origin_allowed(("a.com",), "https://a.com:444"))

    def test_P24_scheme_and_star(self) -> None:
        """A star behind a scheme keeps the scheme."""
        self.assertTrue(origin_allowed(("https://*.a.com",), "https://x.a.com"))
        self.assertFalse(origin_allowed(("https://*.a.com",), "http://x.a.com"))

    @given(st.none() | st.text(max_size=20))
    def test_allow_none(self, origin: str | None) -> None:
        """`ALLOW_NONE` keeps everyone out, also clients without a header."""
        self.assertFalse(origin_allowed(ALLOW_NONE, origin))

    def test_scheme_of_a_pattern_counts(self) -> None:
        """A pattern with a scheme is never compared with what follows another scheme."""
        self.assertFalse(origin_allowed(("https://a.com",), "evil://https://a.com"))

    def test_any_port(self) -> None:
        """A star may stand for the port."""
        self.assertTrue(origin_allowed(("http://localhost:*",), "http://localhost:5173"))
        self.assertFalse(origin_allowed(("http://localhost:*",), "http://localhost"))

    def test_halves_do_not_overlap(self) -> None:
        """The text before and the text after the star may not share characters of the origin."""
        self.assertFalse(origin_allowed(("https://ab*ba.com",), "https://aba.com"))

    @given(st.text(max_size=30))
    def test_star(self, origin: str) -> None:
        """`*` lets everything in."""
        self.assertTrue(origin_allowed(("*",), origin))

    @given(st.text(min_size=1, max_size=30))
    def test_itself(self, origin: str) -> None:
        """Any non-empty origin listed literally lets itself in."""
        self.assertTrue(origin_allowed((origin,), origin))

    @given(st.lists(st.text("a*.:/x", max_size=12), min_size=1, max_size=4), st.text("a.:/x", max_size=12))
    def test_order_is_irrelevant(self, patterns: list[str], origin: str) -> None:
        """A list lets in exactly what one of its patterns lets in, whatever the order and the letter case."""
        alone = any(origin_allowed((pattern,), origin) for pattern in patterns)
        self.assertEqual(origin_allowed(reversed(patterns), origin.upper()), alone)

    @given(st.text("ab.", min_size=1, max_size=8), st.text("ab.:/", max_size=12))
    def test_subdomain_boundary(self, domain: str, origin: str) -> None:
        """What `*.domain` lets in has the domain as its host or behind a dot."""
        if pattern_fault(f"*.{domain}") is None and origin_allowed((f"*.{domain}",), origin):
            self.assertTrue(f".{origin.split('://', 1)[-1]}".endswith(f".{domain}"))
