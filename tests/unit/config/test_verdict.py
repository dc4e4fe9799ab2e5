"""Findings and settings as people read them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockudo_tx.config.complete import quoted
from sockudo_tx.config.effective import effective
from sockudo_tx.config.findings import Finding, capitalised
from sockudo_tx.config.masks import hidden, without_password
from sockudo_tx.config.verdict import Style, counts, findings_text, settings_text, verdict

from .cases import ConfigCase

FINDINGS = [
    Finding(severity="info", path="", message="there is no file", value="no file", cure="write one", source=""),
    Finding(severity="error", path="port", message="must be a number", value='"x"', cure="correct it", source="f.json"),
    Finding(severity="warning", path="ssl.enabled", message="is odd", cause="ssl.x is y", cure="z", source="f.json"),
]


class VerdictTests(ConfigCase):
    """`findings_text`, `verdict`, `settings_text`"""

    def test_order(self) -> None:
        """The worst comes first, each kind with its number."""
        text = findings_text(FINDINGS, Style())
        order = [text.index(word) for word in ("Errors (1)", "Warnings (1)", "Good to know (1)")]
        self.assertEqual(order, sorted(order))

    def test_everything_is_told(self) -> None:
        """Key, source, value, cause and cure of every finding; names of keys keep their letters."""
        text = findings_text(FINDINGS, Style())
        for part in ("port  (f.json)", "must be a number", 'found: "x"', "cure:  Correct it", "cause: ssl.x is y"):
            self.assertIn(part, text)

    def test_verdicts(self) -> None:
        """The last line says whether the server would start."""
        self.assertIn("refused: 1 error, 1 warning, 1 note", verdict(FINDINGS, True, "f.json"))
        self.assertIn("with something missing (f.json)", verdict(FINDINGS, False, "f.json"))
        self.assertEqual(
            verdict([], False, None), "the configuration is valid (no file, built-in values): nothing to tell"
        )
        self.assertEqual(counts(FINDINGS), {"error": 1, "warning": 1, "info": 1})

    def test_colours(self) -> None:
        """Colours only where they were asked for, and they change no word."""
        plain, coloured = findings_text(FINDINGS, Style()), findings_text(FINDINGS, Style(colour=True))
        self.assertNotIn("\x1b", plain)
        self.assertIn("\x1b[1;31mErrors", coloured)

    @given(st.integers(1, 200), st.text(st.characters(codec="ascii", categories=["L", "P"]), max_size=200))
    def test_narrow(self, width: int, words: str) -> None:
        """Long sentences are wrapped, and no word of them is lost."""
        sentence = " ".join([words[:30], *["word"] * 60])
        text = findings_text([Finding(severity="error", path="a.b", message=sentence)], Style(width))
        self.assertEqual(text.split().count("word"), 60 + (words[:30] == "word"))
        self.assertLessEqual(max(map(len, text.splitlines())), max(40, min(width, 110)))

    def test_settings(self) -> None:
        """Each setting has its value and its source; on a narrow terminal the source has a line of its own."""
        loaded = self.default({"port": 7, "apps": [{"id": "one", "key": "k", "secret": "hunter2"}]}, HOST="::1")
        chosen = {path: source for path, source in loaded.sources.items() if source != "built-in"}
        for width in (40, 100):
            text = settings_text(effective(loaded.config), chosen, Style(width))
            for part in ('host = "::1"', "environment HOST", "port = 7", "app_manager.array.apps = one"):
                self.assertIn(part, text)
            self.assertNotIn("hunter2", text)
        everything = settings_text(effective(loaded.config), loaded.sources, Style(100))
        self.assertIn("activity_timeout = 120", everything)


class QuotingTests(ConfigCase):
    """How values are shown"""

    def test_quoted(self) -> None:
        """On one line, in few characters, without passwords."""
        for value, text in (
            (None, "null"),
            (True, "true"),
            (6001.5, "6001.5"),
            ("x\n", '"x\\n"'),
            (["a", 1], '["a", 1]'),
            ([1, 2, 3, 4, 5], "[1, 2, 3, 4, …]"),
            ({}, "{}"),
            ({"a": 1}, "an object"),
            (10**100, "a huge number"),
            ("redis://u:hunter2@h/0", '"redis://********@h/0"'),
            ("\udcff", "bytes that are not UTF-8"),
        ):
            self.assertEqual(quoted(value), text)
        self.assertLess(len(quoted("x" * 1000)), 100)

    def test_hidden(self) -> None:
        """Names under which secrets are written, and harmless ones."""
        for name in ("secret", "database.redis.password", "ssl.passphrase", "NATS_TOKEN", "a.sentinel_password"):
            self.assertTrue(hidden(name), name)
        for name in ("key", "cors.credentials", "port", "user_authentication_timeout"):
            self.assertFalse(hidden(name), name)
        self.assertEqual(without_password("http://h/a"), "http://h/a")

    def test_capitalised(self) -> None:
        """A sentence begins with a capital letter, unless it begins with a key."""
        for text, meant in (("both are 1", "Both are 1"), ("ssl.x is y", "ssl.x is y"), ("`a` is", "`a` is"), ("", "")):
            self.assertEqual(capitalised(text), meant)

    def test_addresses_with_passwords(self) -> None:
        """No way to write an address puts its password into the effective configuration or a finding."""
        content = {
            "cache": {"redis": {"url_override": "redis://:hunter2@h"}},
            "adapter": {
                "nats": {"servers": ["nats://u:hunter2@h"]},
                "redis": {"redis_pub_options": {"password": "hunter2"}},
            },
            "database": {"redis": {"cluster": {"nodes": [{"host": "redis://:hunter2@h"}]}, "passwrod": "hunter2"}},
            "apps": [{"id": "a", "key": "k", "secret": "hunter2-is-long-enough"}],
        }
        loaded = self.default(content, NATS_SERVERS="nats://u:hunter2@h:x")
        self.assertNotIn("hunter2", repr(effective(loaded.config)) + repr(loaded.findings))
