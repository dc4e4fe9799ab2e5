"""A shared limiter that fails: the local one decides, and nobody hears of it."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from sockudo_tx.backends.memory.limiter import MemoryLimiter
from sockudo_tx.backends.spare_limiter import FAILURES, PATIENCE, PAUSE, SpareLimiter
from sockudo_tx.interfaces import Answer, BackendError, ILimiter
from sockudo_tx.protocol.limits import Quota, Verdict

QUOTA = Quota(2, 60)
GENEROUS = Verdict(True, 1000, 999, 0.0)


@implementer(ILimiter)
class Shared:
    """Answers as it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer: Any = lambda: GENEROUS

    def take(self, key: str, quota: Quota, weight: int = 1) -> Answer[Verdict]:
        self.asked += 1
        found: Answer[Verdict] = self.answer()
        return found


def failing() -> Verdict:
    raise BackendError("connection refused")


class SpareLimiterTests(SynchronousTestCase):
    """`SpareLimiter`"""

    def setUp(self) -> None:
        self.clock = Clock()
        self.shared = Shared()
        self.limiter = SpareLimiter(self.shared, MemoryLimiter(self.clock), self.clock)

    def take(self) -> Verdict:
        answer = self.limiter.take("k", QUOTA)
        if isinstance(answer, Deferred):
            self.clock.advance(PATIENCE)
            return self.successResultOf(answer)
        return answer

    def test_interface(self) -> None:
        """It is a limiter as well."""
        verifyObject(ILimiter, self.limiter)

    def test_shared(self) -> None:
        """While the shared one answers, at once or later, it decides."""
        self.assertIs(self.take(), GENEROUS)
        self.shared.answer = lambda: succeed(GENEROUS)
        self.assertIs(self.take(), GENEROUS)

    def test_H87_own(self) -> None:
        """When it fails, now, later or never, the own one counts with the same quota."""
        for answer in (failing, Deferred, lambda: succeed(None).addCallback(lambda _: failing())):
            self.setUp()
            self.shared.answer = answer
            self.assertEqual([self.take().allowed for _ in range(3)], [True, True, False])

    def test_pause(self) -> None:
        """After some failures in a row it is left alone for a while; then it is asked again."""
        self.shared.answer = failing
        for _ in range(FAILURES + 10):
            self.take()
        self.assertEqual(self.shared.asked, FAILURES)
        self.shared.answer = lambda: GENEROUS
        self.clock.advance(PAUSE)
        self.assertIs(self.take(), GENEROUS)

    def test_not_in_a_row(self) -> None:
        """Now and then a failure is no reason to leave it alone."""
        for _ in range(FAILURES * 2):
            self.shared.answer = failing
            self.take()
            self.shared.answer = lambda: GENEROUS
            self.assertIs(self.take(), GENEROUS)
