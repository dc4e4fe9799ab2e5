"""What the engine asks of the world, one interface a role; drivers in `backends/` keep the promises.

Answers: a method typed `Answer[T]` returns T at once when it can, else a Deferred of T. The memory drivers
always answer at once, so one process runs without a coroutine; the engine continues through
`engine.answers.when`.
"""

from __future__ import annotations

from .answers import Answer, BackendError
from .authority import (
    ChannelCounts,
    Due,
    Dues,
    IAuthority,
    IAuthorityListener,
    Joined,
    Lease,
    NodeFacts,
    Parted,
    PresenceChange,
    Snapshot,
    UserChange,
)
from .bus import IBus, IBusListener, IDeltaPace
from .sinks import ChainedSinks, IFraming, ISink
from .stores import IApps, ICache, ILimiter
from .webhooks import DeadWebhook, Fact, IFacts, IWebhookQueue, IWebhookSender, Outcome, WebhookJob

__all__ = [
    "Answer",
    "BackendError",
    "ChainedSinks",
    "ChannelCounts",
    "DeadWebhook",
    "Due",
    "Dues",
    "Fact",
    "IApps",
    "IAuthority",
    "IAuthorityListener",
    "IBus",
    "IBusListener",
    "ICache",
    "IDeltaPace",
    "IFacts",
    "IFraming",
    "ILimiter",
    "ISink",
    "IWebhookQueue",
    "IWebhookSender",
    "Joined",
    "Lease",
    "NodeFacts",
    "Outcome",
    "Parted",
    "PresenceChange",
    "Snapshot",
    "UserChange",
    "WebhookJob",
]
