"""What is told about a chain's names and dates."""

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.transports.certificate_facts import certificate_facts
from tests.certificates import sign

DAY = 86400


class FactsTests(SynchronousTestCase):
    """Names and dates"""

    def setUp(self) -> None:
        self.now = time.time()

    def test_names(self) -> None:
        """Host names and addresses are those of the server's own certificate."""
        server = sign("ws", names=("ws.example.com", "*.example.org"))
        facts = certificate_facts([server.certificate, sign("CA", ca=True).certificate])
        self.assertEqual(facts.names, ("ws.example.com", "*.example.org", "127.0.0.1"))
        self.assertRegex(str(facts), r"^ws\.example\.com, .*, valid until \d{4}-\d\d-\d\d \d\d:\d\d UTC$")

    def test_the_first_to_end(self) -> None:
        """A chain is valid while all of it is, and it is told whose end comes first."""
        authority = sign("Old CA", ca=True, valid=(-10, 3))
        facts = certificate_facts([sign("ws", authority, valid=(-1, 90)).certificate, authority.certificate])
        self.assertLess(abs(facts.not_after - self.now - 3 * DAY), 60)
        self.assertLess(abs(facts.not_before - self.now + DAY), 60)
        self.assertIn("Old CA expires in 3 days", str(facts.trouble(self.now, 30)))

    def test_trouble(self) -> None:
        """Expired, about to expire and not yet valid are told apart; a good date is no news."""
        facts = certificate_facts([sign("ws", valid=(0, 40)).certificate])
        for moment, words in (
            (-1.0, "not valid before"),
            (1, None),
            (9, None),
            (10.1, "expires in 30 days"),
            (38.9, "expires in 1 day,"),
            (39.5, "expires within a day"),
            (41, "has expired on"),
        ):
            found = facts.trouble(self.now + moment * DAY, 30)
            self.assertEqual(facts.valid(self.now + moment * DAY), 0 <= moment < 40)
            if words is None:
                self.assertIsNone(found)
            else:
                self.assertIn(words, found or "")
        self.assertIsNone(facts.trouble(self.now + 39 * DAY, 0))
