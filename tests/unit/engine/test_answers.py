"""Answers: continuing in the same turn, or later."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.engine.answers import ask, when
from sockudo_tx.interfaces import Answer, BackendError

DOWN = BackendError("down")


class AnswerCase(SynchronousTestCase):
    """Notes what an answer led to."""

    def setUp(self) -> None:
        self.noted: list[object] = []

    def when(self, answer: Answer[int]) -> Deferred[None] | None:
        return when(answer, self.noted.append, self.noted.append)

    def break_down(self, answer: object) -> None:
        raise ValueError(answer)


class WhenTests(AnswerCase):
    """`when`"""

    def test_there(self) -> None:
        """An answer that is there is used at once, and nothing is left to wait for."""
        for answer in (1, succeed(1)):
            self.assertIsNone(self.when(answer))
        self.assertEqual(self.noted, [1, 1])

    def test_later(self) -> None:
        """Another one is used when it comes, and then the Deferred fires."""
        later: Deferred[int] = Deferred()
        done = self.when(later)
        assert done is not None
        self.assertNoResult(done)
        self.assertEqual(self.noted, [])
        later.callback(2)
        self.assertEqual(self.noted, [2])
        self.assertIsNone(self.successResultOf(done))

    def test_waiting_for_another(self) -> None:
        """A Deferred that has fired but waits for another is still to come."""
        later: Deferred[int] = Deferred()
        done = self.when(succeed(None).addCallback(lambda _: later))
        assert done is not None
        later.callback(3)
        self.assertEqual(self.noted, [3])

    def test_backend_error(self) -> None:
        """The world's failure goes to `otherwise`, now or later."""
        self.assertIsNone(self.when(fail(DOWN)))
        later: Deferred[int] = Deferred()
        done = self.when(later)
        assert done is not None
        later.errback(DOWN)
        self.assertIsNone(self.successResultOf(done))
        self.assertEqual(self.noted, [DOWN, DOWN])

    def test_bug_now(self) -> None:
        """A bug is raised when the answer is there, whichever way it was there; nothing is logged behind our back."""
        for answer in (1, succeed(1)):
            self.assertRaises(ValueError, when, answer, self.break_down, self.noted.append)
        self.assertRaises(ValueError, self.when, fail(ValueError("x")))
        self.assertRaises(ValueError, when, fail(DOWN), self.noted.append, self.break_down)
        self.assertEqual(self.noted, [])

    def test_bug_later(self) -> None:
        """A bug travels on in the Deferred when the answer comes later."""
        later: Deferred[int] = Deferred()
        done = when(later, self.break_down, self.noted.append)
        assert done is not None
        later.callback(1)
        self.failureResultOf(done, ValueError)
        later = Deferred()
        done = self.when(later)
        assert done is not None
        later.errback(ValueError("x"))
        self.failureResultOf(done, ValueError)
        self.assertEqual(self.noted, [])


class AskTests(AnswerCase):
    """`ask`"""

    def test_raised(self) -> None:
        """A question may fail at once by raising; only `BackendError` is the world's fault."""

        def down() -> int:
            raise DOWN

        self.assertIsNone(ask(down, self.noted.append, self.noted.append))
        self.assertEqual(self.noted, [DOWN])
        self.assertRaises(ValueError, ask, lambda: self.break_down(1), self.noted.append, self.noted.append)

    def test_not_caught(self) -> None:
        """What `then` raises is not mistaken for the question's failure."""

        def then(_: int) -> None:
            raise DOWN

        self.assertRaises(BackendError, ask, lambda: 1, then, self.noted.append)
        self.assertEqual(self.noted, [])
