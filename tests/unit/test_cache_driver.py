"""The word `cache.driver`, in a server made from a configuration."""

from __future__ import annotations

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import TestCase

from sockudo_tx.service import make_service
from tests.unit.test_service import loaded


class CacheDriverTests(TestCase):
    """`cache.driver: none`"""

    def test_C81_none(self) -> None:
        """Cache channels still replay their last event, of some channels, and `/up` does not look at the cache."""
        for driver, watched, capacity in (("none", False, 1000), ("memory", True, 10_000)):
            server = make_service(loaded(cache={"driver": driver}), MemoryReactorClock())
            cache = server.engine.cache
            for number in range(capacity + 1):
                cache.set(str(number), "event", 3600)
            self.assertEqual((cache.get("0"), cache.get("1")), (None, ("event", 3600.0)))
            names = [check.component for check in server.site.health._checks]
            self.assertEqual("cache" in names, watched, names)
