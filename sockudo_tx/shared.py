"""What the servers of one machine have in common, and what one has when it is alone.

For `service.py`, and for `hub/service.py`, which has the other end of it: here the classes for both are chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .backends import factory as driver
from .backends.memory.authority import MemoryAuthority
from .config.schema import Config
from .interfaces import IAuthority, IBus, ICache, ILimiter, IWebhookQueue

if TYPE_CHECKING:
    from .backends.hub.link import HubLink

__all__ = ["Shared", "by_itself", "cache_of", "limiter_of", "over_link", "queue_of"]


class Shared(NamedTuple):
    """What a node asks and tells of others."""

    authority: IAuthority
    cache: ICache
    limiter: ILimiter
    queue: IWebhookQueue | None
    """None: nobody is told anything."""
    bus: IBus | None = None
    """None: there is nobody else."""
    node: str | None = None
    """By which name the others know this one."""


def by_itself(config: Config, reactor: Any) -> Shared:
    """Everything is in this process."""
    return Shared(
        IAuthority(MemoryAuthority(reactor, grace=config.webhooks.grace_ms / 1000)),
        cache_of(config, reactor),
        limiter_of(config, reactor),
        queue_of(config, reactor),
    )


def over_link(config: Config, reactor: Any, link: HubLink) -> Shared:
    """Everything is in the hub. While that does not answer, requests are counted here."""
    from .backends.hub.authority import HubAuthority
    from .backends.hub.bus import HubBus
    from .backends.hub.cache import HubCache
    from .backends.hub.limiter import HubLimiter
    from .backends.hub.webhook_queue import HubQueue
    from .backends.spare_limiter import SpareLimiter
    from .engine.cluster.steady import SteadyAuthority
    from .settings import backlog_settings

    return Shared(
        IAuthority(SteadyAuthority(reactor, IAuthority(HubAuthority(link)), backlog_settings(config))),
        ICache(HubCache(link)),
        ILimiter(SpareLimiter(HubLimiter(link), limiter_of(config, reactor), reactor)),
        None if config.queue.driver == "none" else IWebhookQueue(HubQueue(link)),
        IBus(HubBus(link)),
        link.hello.node,
    )


def cache_of(config: Config, reactor: Any) -> ICache:
    """The cache of this process."""
    return ICache(driver(ICache, config.cache.driver)(config, reactor))


def limiter_of(config: Config, reactor: Any) -> ILimiter:
    """The limiter of this process. A reload may switch the rate limits on, so there always is one."""
    limiting = config.rate_limiter.driver if config.rate_limiter.enabled else "memory"
    return ILimiter(driver(ILimiter, limiting)(config, reactor))


def queue_of(config: Config, reactor: Any) -> IWebhookQueue | None:
    """The queue of this process, unless nobody is to be told anything."""
    if config.queue.driver == "none":
        return None
    return IWebhookQueue(driver(IWebhookQueue, config.queue.driver)(config, reactor))
