"""What the cache in memory promises beyond `ICache`: its bounds and its cleaning."""

from __future__ import annotations

from collections import OrderedDict

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.backends.memory.cache import SIZE_LIMIT, MemoryCache


class MemoryCacheTests(SynchronousTestCase):
    """`MemoryCache`"""

    def setUp(self) -> None:
        self.clock = Clock()

    def test_C74_least_recently_used(self) -> None:
        """Over its capacity it drops the entry that was not used for longest; reading is using."""
        cache = MemoryCache(self.clock, max_capacity=2)
        cache.set("a", "1")
        cache.set("b", "2")
        cache.get("a")
        cache.set("c", "3")
        self.assertEqual([cache.get(key) is not None for key in "abc"], [True, False, True])

    def test_size(self) -> None:
        """However few the entries, what they hold is bounded; what is replaced, removed or expired no longer counts."""
        cache = MemoryCache(self.clock)
        third = "x" * (SIZE_LIMIT // 3)
        for _ in range(5):
            cache.set("same", third)
        cache.set("gone", third)
        cache.remove("gone")
        cache.set("old", third, 1)
        self.clock.advance(2)
        self.assertIsNone(cache.get("old"))
        cache.set("second", third)
        self.assertEqual(len(cache), 2)
        cache.set("third", third)
        self.assertEqual([cache.get(key) is not None for key in ("same", "second", "third")], [False, True, True])
        cache.set("huge", third * 4)
        self.assertEqual((len(cache), cache.get("huge") is not None), (1, True))

    def test_C75_lives(self) -> None:
        """An entry's own life beats the cache's; one of 0 is none; without either it stays."""
        cache = MemoryCache(self.clock, ttl=300)
        cache.set("own", "v", 1)
        cache.set("zero", "v", 0)
        cache.set("default", "v")
        forever = MemoryCache(self.clock, ttl=0)
        forever.set("k", "v", 0)
        self.clock.advance(1)
        self.assertIsNone(cache.get("own"))
        self.clock.advance(298)
        self.assertEqual([cache.get("zero"), cache.get("default")], [("v", 1.0)] * 2)
        self.clock.advance(1)
        self.assertEqual([cache.get("zero"), cache.get("default")], [None] * 2)
        self.clock.advance(1e9)
        self.assertIsNotNone(forever.get("k"))

    def test_no_capacity(self) -> None:
        """With a capacity of 0 nothing is stored, so everything may be claimed."""
        cache = MemoryCache(self.clock, max_capacity=0)
        cache.set("k", "v")
        self.assertIsNone(cache.get("k"))
        self.assertTrue(cache.add("k", "v"))
        self.assertTrue(cache.add("k", "v"))
        self.assertEqual(len(cache), 0)

    def test_cleaning(self) -> None:
        """After the interval a write drops everything that has expired; before it nothing is looked for."""
        cache = MemoryCache(self.clock, cleanup_interval=60)
        for number in range(10):
            cache.set(str(number), "v", 1)
        self.clock.advance(59)
        cache.set("k", "v", 100)
        self.assertEqual(len(cache), 11)
        self.clock.advance(1)
        cache.set("l", "v", 100)
        self.assertEqual(len(cache), 2)

    def test_lazy(self) -> None:
        """With an interval of 0 expired entries go when they are met."""
        cache = MemoryCache(self.clock, cleanup_interval=0)
        cache.set("a", "v", 1)
        self.clock.advance(1000)
        cache.set("b", "v")
        self.assertEqual(len(cache), 2)
        self.assertIsNone(cache.get("a"))
        self.assertEqual(len(cache), 1)

    def test_no_timers(self) -> None:
        """It leaves nothing behind in the reactor."""
        MemoryCache(self.clock).set("k", "v", 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["get", "set", "add", "remove", "wait"]), st.sampled_from("abcd"), st.integers(0, 3)
            ),
            max_size=40,
        )
    )
    def test_model(self, steps: list[tuple[str, str, int]]) -> None:
        """Whatever happens, it holds what a plain ordered dictionary with end times would hold."""
        clock = Clock()
        cache = MemoryCache(clock, ttl=2, max_capacity=2, cleanup_interval=0)
        model: OrderedDict[str, tuple[int, float]] = OrderedDict()

        def held(key: str) -> bool:
            if key in model and model[key][1] <= clock.seconds():
                del model[key]
            if key in model:
                model.move_to_end(key)
            return key in model

        for serial, (verb, key, life) in enumerate(steps):
            if verb == "wait":
                clock.advance(life / 2)
            elif verb == "remove":
                cache.remove(key)
                model.pop(key, None)
            elif verb == "get":
                found = cache.get(key)
                self.assertEqual(found is not None, held(key))
                self.assertEqual(found and found[0], str(model[key][0]) if key in model else None)
            else:
                known = held(key) if verb == "add" else False
                if verb == "add":
                    self.assertEqual(cache.add(key, str(serial), life), not known)
                else:
                    cache.set(key, str(serial), life)
                if not known:
                    model[key] = (serial, clock.seconds() + (life or 2))
                    model.move_to_end(key)
                    while len(model) > 2:
                        model.popitem(last=False)
