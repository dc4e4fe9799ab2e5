"""The promises of `ICache`, kept by every driver: one function from a way to make one to a TestCase."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from sockudo_tx.backends import factory
from sockudo_tx.backends.memory.cache import MemoryCache
from sockudo_tx.config.schema import Config
from sockudo_tx.interfaces import Answer, ICache

T = TypeVar("T")
DEFAULT_TTL = 50
"""The default time to live that the cache under test must be made with."""


class CacheCase(TestCase):
    """What a driver's factory gets to see."""

    def setUp(self) -> None:
        self.clock = Clock()


async def now(answer: Answer[T]) -> T:
    """The answer, waited for when it is still to come."""
    return await answer if isinstance(answer, Deferred) else answer


async def by_clock(case: CacheCase, seconds: float) -> None:
    """Time passes for drivers that take ours."""
    case.clock.advance(seconds)


def cache_contract(  # noqa: C901 - one test after the other
    make: Callable[[CacheCase], ICache], pass_time: Callable[[CacheCase, float], Coroutine[Any, Any, None]] = by_clock
) -> type[CacheCase]:
    """Tests for the caches that `make` makes, empty and with `DEFAULT_TTL`; `pass_time` waits."""

    class Contract(CacheCase):
        """`ICache`"""

        def setUp(self) -> None:
            super().setUp()
            self.cache = make(self)

        def test_interface(self) -> None:
            """The driver provides the interface."""
            verifyObject(ICache, self.cache)

        async def test_get_back(self) -> None:
            """What was stored comes back unchanged, with the seconds it has left."""
            await now(self.cache.set("k", 'ü "quoted"\n\x00', 10))
            found = await now(self.cache.get("k"))
            assert found is not None
            self.assertEqual(found[0], 'ü "quoted"\n\x00')
            self.assertTrue(9 < found[1] <= 10, found)

        async def test_absent(self) -> None:
            """A key never stored is None."""
            self.assertIsNone(await now(self.cache.get("nothing")))

        async def test_empty_value(self) -> None:
            """The empty text is a value."""
            await now(self.cache.set("k", "", 10))
            self.assertEqual((await now(self.cache.get("k")) or ("none",))[0], "")

        async def test_replaced(self) -> None:
            """Storing again replaces value and life."""
            await now(self.cache.set("k", "old", 1))
            await now(self.cache.set("k", "new", 20))
            await pass_time(self, 1.1)
            self.assertEqual((await now(self.cache.get("k")) or ("none",))[0], "new")

        async def test_own_life(self) -> None:
            """Each entry lives as long as it was given, side by side with others."""
            await now(self.cache.set("short", "a", 1))
            await now(self.cache.set("long", "b", 3600))
            await pass_time(self, 1.1)
            self.assertIsNone(await now(self.cache.get("short")))
            self.assertIsNotNone(await now(self.cache.get("long")))

        async def test_default_life(self) -> None:
            """Without a life, or with one of 0, the driver's own default counts."""
            await now(self.cache.set("none", "v"))
            await now(self.cache.set("zero", "v", 0))
            for key in ("none", "zero"):
                found = await now(self.cache.get(key))
                assert found is not None
                self.assertTrue(DEFAULT_TTL - 1 < found[1] <= DEFAULT_TTL, found)

        async def test_remove(self) -> None:
            """A removed key is absent."""
            await now(self.cache.set("k", "v", 10))
            await now(self.cache.remove("k"))
            self.assertIsNone(await now(self.cache.get("k")))

        async def test_C79_remove_absent(self) -> None:
            """Removing what is not there is fine."""
            await now(self.cache.remove("nothing"))

        async def test_add(self) -> None:
            """`add` stores what is absent and leaves what is there, and says which."""
            self.assertTrue(await now(self.cache.add("k", "first", 10)))
            self.assertFalse(await now(self.cache.add("k", "second", 10)))
            self.assertEqual((await now(self.cache.get("k")) or ("none",))[0], "first")

        async def test_add_after_end(self) -> None:
            """What has expired is absent for `add`."""
            await now(self.cache.set("k", "old", 1))
            await pass_time(self, 1.1)
            self.assertTrue(await now(self.cache.add("k", "new", 10)))

        async def test_add_keeps_life(self) -> None:
            """An `add` that stored nothing does not lengthen the life of what is there."""
            await now(self.cache.add("k", "v", 1))
            await now(self.cache.add("k", "v", 3600))
            await pass_time(self, 1.1)
            self.assertIsNone(await now(self.cache.get("k")))

        async def test_healthy(self) -> None:
            """A cache that works says so."""
            self.assertTrue(await now(self.cache.health()))

    return Contract


class MemoryCacheTests(cache_contract(lambda case: MemoryCache(case.clock, DEFAULT_TTL, 100, 60))):  # type: ignore[misc]
    """The cache in this process."""

    async def test_S106_lives_side_by_side(self) -> None:
        """An entry of 1 s and one of 3600 s live exactly as long, stored before or after the other."""
        for first, second in ((1, 3600), (3600, 1)):
            await now(self.cache.set(f"{first}", "v", first))
            await now(self.cache.set(f"{second}", "v", second))
            for passed, left in ((0.9, ["1", "3600"]), (0.1, ["3600"]), (3598.9, ["3600"]), (0.1, [])):
                self.clock.advance(passed)
                found = [key for key in ("1", "3600") if await now(self.cache.get(key)) is not None]
                self.assertEqual(found, left, (first, passed))


class SmallCacheTests(cache_contract(lambda case: _configured(case, "none"))):  # type: ignore[misc]
    """`cache.driver: none` still is a cache, for the last events of cache channels."""


class ConfiguredCacheTests(cache_contract(lambda case: _configured(case, "memory"))):  # type: ignore[misc]
    """`cache.driver: memory`, made as the server makes it."""


def _configured(case: CacheCase, driver: str) -> ICache:
    config = msgspec.convert({"cache": {"driver": driver, "memory": {"ttl": DEFAULT_TTL}}}, Config)
    return ICache(factory(ICache, config.cache.driver)(config, case.clock))
