"""The promises of `ILimiter`, kept by every driver: one function from a way to make one to a TestCase."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from sockudo_tx.backends import factory
from sockudo_tx.backends.memory.limiter import MemoryLimiter
from sockudo_tx.config.schema import Config
from sockudo_tx.interfaces import Answer, ILimiter
from sockudo_tx.protocol.limits import Quota

T = TypeVar("T")
QUOTA = Quota(3, 60)


class LimiterCase(TestCase):
    """What a driver's factory gets to see."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)


async def now(answer: Answer[T]) -> T:
    """The answer, waited for when it is still to come."""
    return await answer if isinstance(answer, Deferred) else answer


async def by_clock(case: LimiterCase, seconds: float) -> None:
    """Time passes for drivers that take ours."""
    case.clock.advance(seconds)


def weights_contract(
    make: Callable[[LimiterCase], ILimiter], pass_time: Callable[[LimiterCase, float], Coroutine[Any, Any, None]]
) -> type[LimiterCase]:
    """The part of the contract about requests that count as several, and S-99."""

    class Contract(LimiterCase):
        """`ILimiter`"""

        def setUp(self) -> None:
            super().setUp()
            self.limiter = make(self)

        async def test_weights(self) -> None:
            """A request may count as several: it is allowed when there is room for all of them, or counts nothing."""
            found = [await now(self.limiter.take("k", QUOTA, weight)) for weight in (2, 2, 1, 1)]
            self.assertEqual([each.allowed for each in found], [True, False, True, False])
            self.assertEqual([each.left for each in found], [1, 1, 0, 0])
            await pass_time(self, found[3].reset + 0.01)
            self.assertTrue((await now(self.limiter.take("k", QUOTA))).allowed)

        async def test_the_time_it_names_for_many(self) -> None:
            """Who waits as long as the refusal of a heavy request says has room for all of it."""
            for _ in range(3):
                await now(self.limiter.take("k", QUOTA))
                await pass_time(self, 7)
            refused = await now(self.limiter.take("k", QUOTA, 3))
            self.assertFalse(refused.allowed)
            await pass_time(self, refused.reset - 0.01)
            self.assertFalse((await now(self.limiter.take("k", QUOTA, 3))).allowed)
            await pass_time(self, 0.02)
            self.assertTrue((await now(self.limiter.take("k", QUOTA, 3))).allowed)

        async def test_S99_at_once(self) -> None:
            """Of 20 immediate requests 5 pass with a limit of 5 in 2 s; the next passes at most 2.1 s after the first."""
            quota = Quota(5, 2)
            found = [await now(self.limiter.take("k", quota)) for _ in range(20)]
            self.assertEqual([each.allowed for each in found], [True] * 5 + [False] * 15)
            self.assertTrue(all(0 < each.reset <= 2.1 for each in found[5:]))
            await pass_time(self, 2.1)
            self.assertTrue((await now(self.limiter.take("k", quota))).allowed)

    return Contract


def limiter_contract(
    make: Callable[[LimiterCase], ILimiter], pass_time: Callable[[LimiterCase, float], Coroutine[Any, Any, None]]
) -> type[LimiterCase]:
    """Tests for the limiters that `make` makes; `pass_time` waits."""

    class Contract(weights_contract(make, pass_time)):  # type: ignore[misc]  # a class made by a function
        """`ILimiter`"""

        def test_interface(self) -> None:
            """The driver provides the interface."""
            verifyObject(ILimiter, self.limiter)

        async def test_up_to_the_limit(self) -> None:
            """As many as the quota says are allowed and counted down; the next one is refused."""
            found = [await now(self.limiter.take("k", QUOTA)) for _ in range(4)]
            self.assertEqual([each.allowed for each in found], [True, True, True, False])
            self.assertEqual([each.left for each in found], [2, 1, 0, 0])
            self.assertEqual({each.most for each in found}, {3})

        async def test_the_time_it_names(self) -> None:
            """Who waits as long as a refusal says is allowed, and nobody waits for longer than a window."""
            for _ in range(3):
                await now(self.limiter.take("k", QUOTA))
                await pass_time(self, 7)
            refused = await now(self.limiter.take("k", QUOTA))
            self.assertFalse(refused.allowed)
            self.assertTrue(0 < refused.reset <= 60, refused)
            await pass_time(self, refused.reset - 0.01)
            self.assertFalse((await now(self.limiter.take("k", QUOTA))).allowed)
            await pass_time(self, 0.02)
            self.assertTrue((await now(self.limiter.take("k", QUOTA))).allowed)

        async def test_the_boundary(self) -> None:
            """The window slides: a burst before any boundary counts against the one after it."""
            await pass_time(self, 58)
            for _ in range(3):
                await now(self.limiter.take("k", QUOTA))
            await pass_time(self, 4)
            self.assertFalse((await now(self.limiter.take("k", QUOTA))).allowed)

        async def test_refused_ones_do_not_count(self) -> None:
            """Who keeps knocking is let in as soon as who does not: a slot of the window later at most."""
            for _ in range(63):
                await now(self.limiter.take("k", QUOTA))
                await pass_time(self, 1)
            self.assertTrue((await now(self.limiter.take("k", QUOTA))).allowed)

        async def test_keys(self) -> None:
            """Each key has its own count."""
            for _ in range(4):
                await now(self.limiter.take("k", QUOTA))
            self.assertTrue((await now(self.limiter.take("other", QUOTA))).allowed)

        async def test_short_windows(self) -> None:
            """A window of one second is as good as one of a minute."""
            quota = Quota(2, 1)
            found = [(await now(self.limiter.take("k", quota))).allowed for _ in range(3)]
            await pass_time(self, 1)
            found.append((await now(self.limiter.take("k", quota))).allowed)
            self.assertEqual(found, [True, True, False, True])

    return Contract


class MemoryLimiterTests(limiter_contract(lambda case: MemoryLimiter(case.clock), by_clock)):  # type: ignore[misc]  # a class made by a function
    """The memory driver"""

    @given(st.lists(st.tuples(st.floats(0, 0.4), st.integers(1, 5)), max_size=400))
    def test_S99_any_window(self, requests: list[tuple[float, int]]) -> None:
        """Under any load there are never more than 5 in any 2 s, whatever each request weighs."""
        clock = Clock()
        limiter = MemoryLimiter(clock)
        allowed: list[tuple[float, int]] = []
        for wait, weight in requests:
            clock.advance(wait)
            if limiter.take("k", Quota(5, 2), weight).allowed:
                allowed.append((clock.seconds(), weight))
        for begin, _ in allowed:
            self.assertLessEqual(sum(weight for at, weight in allowed if begin <= at < begin + 2), 5)

    @given(st.lists(st.floats(0, 20), max_size=80), st.integers(1, 5))
    def test_never_more(self, waits: list[float], most: int) -> None:
        """There is no window with more than the quota, nor a refusal that a window with less gives."""
        clock = Clock()
        limiter = MemoryLimiter(clock)
        quota = Quota(most, 30)
        allowed: list[float] = []
        for wait in waits:
            clock.advance(wait)
            moment = clock.seconds()
            recent = [at for at in allowed if at > moment - 30]
            if limiter.take("k", quota).allowed:
                self.assertLess(len(recent), most)
                allowed.append(moment)
            else:
                self.assertGreaterEqual(len([at for at in allowed if at > moment - 30 * 1.05]), most)

    def test_bounded(self) -> None:
        """However many addresses ask, no more than the limit are remembered, and those that ask often are."""
        limiter = MemoryLimiter(self.clock, keys_at_most=100)
        for number in range(1000):
            limiter.take("often", QUOTA)
            limiter.take(str(number), QUOTA)
        self.assertEqual(len(limiter), 100)
        self.assertFalse(limiter.take("often", QUOTA).allowed)

    def test_forgets(self) -> None:
        """What has expired goes as others come."""
        limiter = MemoryLimiter(self.clock)
        for number in range(100):
            limiter.take(str(number), QUOTA)
        self.clock.advance(60)
        for number in range(60):
            limiter.take(f"new {number}", QUOTA)
        self.assertEqual(len(limiter), 60)

    def test_clock_set_back(self) -> None:
        """A clock that is set back lets nobody through who is not due."""
        limiter = MemoryLimiter(self.clock)
        for _ in range(3):
            limiter.take("k", QUOTA)
        self.clock.rightNow -= 1000
        self.assertFalse(limiter.take("k", QUOTA).allowed)

    def test_window_that_grew(self) -> None:
        """After a reload that made the window longer, who stays within the quota is still never refused."""
        limiter = MemoryLimiter(self.clock)
        self.assertTrue(limiter.take("k", Quota(10, 1)).allowed)
        for _ in range(30):
            self.clock.advance(10)
            self.assertTrue(limiter.take("k", Quota(10, 60)).allowed)

    def test_by_name(self) -> None:
        """`memory` is this driver, and so is `none`."""
        for word in ("memory", "none"):
            self.assertIsInstance(factory(ILimiter, word)(Config(), self.clock), MemoryLimiter)
