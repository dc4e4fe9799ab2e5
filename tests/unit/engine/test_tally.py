"""Counts: bounded, and by the right words."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.engine import tally as module
from sockudo_tx.engine.tally import CROWDS, AppTally, Tally
from sockudo_tx.protocol import errors

WORDS = {
    "app_not_found",
    "app_disabled",
    "app_validation_failed",
    "origin_not_allowed",
    "invalid_message_format",
    "message_parse_error",
    "missing_event_name",
    "authentication_failed",
    "authentication_error",
    "socket_handling_failed",
}
"""http-api.md 11.5"""


class TallyTests(SynchronousTestCase):
    """`Tally`"""

    def test_bound(self) -> None:
        """Beyond so many apps the next ones are counted as unknown; those that are there stay themselves."""
        self.patch(module, "APPS_AT_MOST", 2)
        tally = Tally()
        first = tally.of("a")
        tally.of("b")
        self.assertIs(tally.of("c"), tally.unknown)
        self.assertIs(tally.of("a"), first)
        self.assertEqual(len(tally.apps), 2)

    def test_error_words(self) -> None:
        """Every refusal has a word of the list, or none; and each word belongs to a refusal."""
        made = []
        for name, make in vars(errors).items():
            if callable(make) and not isinstance(make, type) and name != "shortened":
                made.append(make(*["x"] * make.__code__.co_argcount).kind)
        self.assertEqual(set(made) - {"", "over_quota", "rate_limited", "messages_limited"}, WORDS)

    def test_crowds(self) -> None:
        """Sizes of crowds: up to 10, 100, 1000, 10000, or more."""
        for size, word in ((1, "xs"), (10, "xs"), (11, "sm"), (100, "sm"), (101, "md"), (1000, "md"), (1001, "lg"),
                           (10000, "lg"), (10001, "xl")):  # fmt: skip
            app = AppTally()
            app.fanned_out("public", size, 7.0)
            seen = {
                name for name, histogram in zip(CROWDS, app.fanouts["public"], strict=True) if any(histogram.counts)
            }
            self.assertEqual(seen, {word}, size)
