"""The audit finds every kind of fault, and no fault where there is none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from sockudo_tx.bench.audit import Audit, Sent, Verdicts

ONE, TWO, FOREIGN = b"00000.00000", b"00000.00001", b"00007.00000"
SENT = {ONE: Sent(5), TWO: Sent(3), FOREIGN: Sent(9)}


def audit(*serials: int, stream: bytes = ONE, whole: bool = True) -> Audit:
    """One connection on channel 0 that saw these."""
    made = Audit(frozenset({0}), whole=whole)
    for serial in serials:
        made.take(stream, serial)
    return made


class AuditTests(unittest.TestCase):
    """One connection's serials."""

    def test_all_in_order(self) -> None:
        """Every event of every stream of its channels, once and in order, is no fault; other channels are not its."""
        made = audit(0, 1, 2, 3, 4)
        for serial in range(3):
            made.take(TWO, serial)
        self.assertEqual(made.finish(SENT), Verdicts())

    def test_loss(self) -> None:
        """A hole, the end, and a stream of which nothing came are lost."""
        self.assertEqual(audit(0, 1, 3, 4).finish({ONE: Sent(5)}).lost, 1)
        self.assertEqual(audit(0, 1, 2).finish({ONE: Sent(5)}).lost, 2)
        self.assertEqual(audit().finish(SENT).lost, 8)
        self.assertEqual(audit(2, 3, 4).finish({ONE: Sent(5)}).lost, 2)

    def test_large_hole(self) -> None:
        """A hole too large to remember is counted."""
        self.assertEqual(audit(0, 1_000_000).finish({ONE: Sent(1_000_001)}).lost, 999_999)

    def test_duplicates(self) -> None:
        """An event that came twice is a duplicate, at once or later."""
        self.assertEqual(audit(0, 1, 1, 2, 3, 4, 0).finish({ONE: Sent(5)}), Verdicts(duplicates=2))

    def test_disorder(self) -> None:
        """An event that came after a later one is disorder and not lost."""
        self.assertEqual(audit(0, 2, 1, 3, 4).finish({ONE: Sent(5)}), Verdicts(disorder=1))

    def test_strays(self) -> None:
        """An event of a channel it has not subscribed to is a stray."""
        self.assertEqual(audit(0, 1, stream=FOREIGN).finish({}), Verdicts(strays=2))

    def test_refused(self) -> None:
        """What the server refused to accept is owed to nobody."""
        self.assertEqual(audit(0, 2).finish({ONE: Sent(5, {1, 3, 4})}), Verdicts())

    def test_latecomer(self) -> None:
        """One that came later is owed what follows its first event, and nothing of a stream it saw nothing of."""
        self.assertEqual(audit(2, 3, 4, whole=False).finish(SENT), Verdicts())
        self.assertEqual(audit(2, 4, whole=False).finish(SENT), Verdicts(lost=1))
        self.assertEqual(audit(3, 2, 4, whole=False).finish(SENT), Verdicts(disorder=1))

    def test_gone_early(self) -> None:
        """One that went by itself is not owed the rest, but what it had must be without holes."""
        self.assertEqual(audit(0, 1).finish({ONE: Sent(5)}, stayed=False), Verdicts())
        self.assertEqual(audit(0, 2).finish({ONE: Sent(5)}, stayed=False), Verdicts(lost=1))

    @given(st.lists(st.integers(0, 30), max_size=60))
    def test_any_sequence(self, serials: list[int]) -> None:
        """Lost and duplicates are exactly what is missing and what is too much, in whatever order things come."""
        found = audit(*serials).finish({ONE: Sent(31)})
        self.assertEqual(found.lost, 31 - len(set(serials)))
        self.assertEqual(found.duplicates, len(serials) - len(set(serials)))
