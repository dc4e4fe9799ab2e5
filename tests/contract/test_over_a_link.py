"""What the hub keeps for its workers, seen by one of them: the same promises as without a link."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from sockudo_tx.backends.hub.cache import HubCache
from sockudo_tx.backends.hub.limiter import HubLimiter
from sockudo_tx.backends.hub.webhook_queue import HubQueue
from sockudo_tx.backends.memory.cache import MemoryCache
from sockudo_tx.backends.memory.limiter import MemoryLimiter
from sockudo_tx.backends.memory.webhook_queue import MemoryWebhookQueue
from sockudo_tx.backends.sqlite.webhook_queue import SqliteWebhookQueue
from sockudo_tx.interfaces import IWebhookQueue

from .hub_link import Group
from .test_cache import DEFAULT_TTL, CacheCase, cache_contract
from .test_limiter import LimiterCase, by_clock, limiter_contract
from .webhook_queue_case import CAPACITY, DEAD_CAPACITY, QueueCase, webhook_queue_contract


def _group(case: Any, service: str, kept: object) -> Group:
    group = Group({service: kept}, case.clock)
    case.addCleanup(group.close)
    return group


def _cache(case: CacheCase) -> HubCache:
    return HubCache(_group(case, "cache", MemoryCache(case.clock, DEFAULT_TTL, 100, 60)).connect())


def _limiter(case: LimiterCase) -> HubLimiter:
    return HubLimiter(_group(case, "limiter", MemoryLimiter(case.clock)).connect())


def _queue(case: QueueCase, kept: IWebhookQueue) -> HubQueue:
    case.addCleanup(kept.close)
    case.group = _group(case, "queue", kept)  # type: ignore[attr-defined]  # for `_time`
    link = case.group.connect()  # type: ignore[attr-defined]
    link.ready()
    return HubQueue(link)


def _memory_queue(case: QueueCase) -> HubQueue:
    return _queue(case, MemoryWebhookQueue(case.clock, CAPACITY, DEAD_CAPACITY))


def _sqlite_queue(case: QueueCase) -> HubQueue:
    from twisted.internet import reactor

    return _queue(case, SqliteWebhookQueue(case.mktemp(), reactor, case.clock, CAPACITY, DEAD_CAPACITY))


async def _time(case: QueueCase, seconds: float) -> None:
    """Time passes, and what the hub says then has arrived."""
    case.clock.advance(seconds)
    await case.group.links[0].gather("nothing")  # type: ignore[attr-defined]


class HubCacheTests(cache_contract(_cache)):  # type: ignore[misc]  # a class made by a function
    """The hub's cache."""


class HubLimiterTests(limiter_contract(_limiter, by_clock)):  # type: ignore[misc]  # a class made by a function
    """The hub's limiter."""


class HubQueueTests(webhook_queue_contract(_memory_queue, _time)):  # type: ignore[misc]  # a class made by a function
    """The hub's queue in memory."""


class HubSqliteQueueTests(webhook_queue_contract(_sqlite_queue, _time)):  # type: ignore[misc]  # a class made by a function
    """The hub's queue in a file."""


class SharedTests(TestCase):
    """What one worker puts the others find."""

    async def test_shared(self) -> None:
        """Entries of the cache are those of the machine."""
        clock = Clock()
        group = Group({"cache": MemoryCache(clock)}, clock)
        self.addCleanup(group.close)
        one, other = group.connect(0), group.connect(1)
        await HubCache(one).set("k", "v", 10)
        self.assertEqual(await HubCache(other).get("k"), ("v", 10))
