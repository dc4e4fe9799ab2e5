"""What the engine asks of the world, one interface a role; drivers in `backends/` keep the promises.

Answers: a method typed `Answer[T]` returns T at once when it can, else a Deferred of T. The memory drivers
always answer at once, so one process runs without a coroutine; the engine continues through
`engine.answers.when`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias, TypeVar

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from .protocol.app import App, Webhook
from .protocol.limits import Quota, Verdict

T = TypeVar("T")
_Sink = TypeVar("_Sink")
Answer: TypeAlias = T | Deferred[T]


class BackendError(Exception):
    """The world's fault: a store, cache or broker did not answer. Logged once with the driver's name."""


class IApps(Interface):
    """Where App records live. Records come back with every default limit filled in."""

    def by_key(key: str) -> Answer[App | None]:
        """The app with this key, None when there is none. Fails with `BackendError`."""

    def by_id(app_id: str) -> Answer[App | None]:
        """The app with this id, None when there is none. Fails with `BackendError`."""

    def all() -> Answer[list[App]]:
        """Every app, in no promised order. Fails with `BackendError`."""


class ICache(Interface):
    """Small values with a time to live. A failing cache answers with `BackendError`, never late."""

    def get(key: str) -> Answer[tuple[str, float] | None]:
        """Value and seconds left (infinite as `math.inf`), None when absent or expired."""

    def set(key: str, value: str, ttl: float | None = None) -> Answer[None]:
        """Store for `ttl` seconds; None and 0 mean the driver's own default, which may be for ever."""

    def add(key: str, value: str, ttl: float | None = None) -> Answer[bool]:
        """Store only when absent, atomically; whether it was stored."""

    def remove(key: str) -> Answer[None]:
        """Forget the key; absent is fine."""

    def health() -> Answer[bool]:
        """Whether the cache can be used now."""


class ILimiter(Interface):
    """Counts requests by key in sliding windows, in 20 slots each (scaling.md 12). Refused ones do not count."""

    def take(key: str, quota: Quota, weight: int = 1) -> Answer[Verdict]:
        """Count a request if it is allowed; all of its weight, which is at most `quota.most`, or nothing.

        May fail with `BackendError` where `SpareLimiter` is around it.
        """


class Fact(NamedTuple):
    """Something webhooks may tell: `name` and members as in http-api.md 12.3, absent members None."""

    name: str
    channel: str
    user_id: str | None = None
    event: str | None = None
    data: str | None = None
    socket_id: str | None = None
    subscription_count: int | None = None


class IFacts(Interface):
    """Takes webhook facts. Never blocks, never fails the action that caused the fact."""

    def wants(app: App, name: str) -> bool:
        """Whether any webhook of the app listens for this event type; lets callers skip building a fact."""

    def emit(app: App, fact: Fact) -> None:
        """Accept a fact, in order per app."""


class WebhookJob(NamedTuple):
    """One delivery to one webhook (scaling.md 11): no key and no secret, the dispatcher looks the app up again."""

    id: str
    """32 hexadecimal digits; the same at every attempt, sent as `X-Sockudo-Delivery`."""
    app_id: str
    hook: str
    """The stable name of the target: its URL, or `lambda:<region>:<function>`."""
    time_ms: int
    """Unix milliseconds of the earliest event."""
    events: tuple[str, ...]
    """The finished JSON text of each event object (http-api.md 12.3), in order."""
    attempt: int = 0
    """How many attempts were made."""
    first_ms: int | None = None
    """Unix milliseconds of the first attempt, None before it."""


class DeadWebhook(NamedTuple):
    """A delivery that was given up."""

    job: WebhookJob
    reason: str
    at_ms: int


class IWebhookQueue(Interface):
    """Where deliveries wait. A job taken is claimed until it is settled by `done`, `retry` or `bury`.

    Durable drivers deliver at least once; memory delivers at most once across a restart.
    """

    durable = Attribute("Whether what waits when the process ends is delivered by the next one.")

    def put(jobs: Sequence[WebhookJob]) -> Answer[None]:
        """Accept the jobs, in order. A full queue does not fail: the oldest are dropped and told to `lost`."""

    def take(most: int, busy: Collection[str], tired: Collection[str] = ()) -> Answer[list[WebhookJob]]:
        """Claim up to `most` due jobs, in order of acceptance.

        None that was never attempted whose hook is `busy`, and none that was whose hook is `tired`.
        """

    def done(job: WebhookJob) -> Answer[None]:
        """The claimed job is delivered or has nobody to go to."""

    def retry(job: WebhookJob, delay: float) -> Answer[None]:
        """Give the claimed job back, due in `delay` seconds; keeps `attempt` and `first_ms` of the job given."""

    def hasten() -> Answer[None]:
        """Everything that waits is due now: this process ends soon, and what is not durable has no later."""

    def bury(job: WebhookJob, reason: str) -> Answer[None]:
        """The claimed job becomes a dead letter; these are bounded, the oldest go first."""

    def listen(wake: Callable[[], None], lost: Callable[[WebhookJob], None]) -> None:
        """Call `wake` whenever there may be something to take: after `put`, and when a delay ends.

        And `lost` with each job that had to make room for others.
        """

    def depth() -> Answer[int]:
        """How many jobs wait, delayed ones included, claimed and dead ones not."""

    def dead(most: int) -> Answer[list[DeadWebhook]]:
        """The newest dead letters, newest first."""

    def revive(job_id: str) -> Answer[bool]:
        """Make the dead letter due as if it were new, under its old id; whether there was one."""

    def drop(job_id: str) -> Answer[bool]:
        """Forget the dead letter; whether there was one."""

    def health() -> Answer[bool]:
        """Whether jobs can be accepted and taken now."""

    def close() -> Answer[None]:
        """Stop; claimed jobs of a durable queue are due again when it is opened the next time."""


class Outcome(NamedTuple):
    """What became of one attempt."""

    ok: bool
    status: int | None
    """The HTTP status, None when there was none."""
    reason: str
    """Why it failed, for the log and the dead letter; no secret in it."""
    final: bool = False
    """No further attempt: whoever was asked tries again by itself, or nobody can."""


class IWebhookSender(Interface):
    """Makes attempts. Knows nothing of retries."""

    def send(job: WebhookJob, app: App, webhook: Webhook) -> Deferred[Outcome]:
        """Make one attempt, bounded in time. Never fails: whatever happens is the outcome."""


class Joined(NamedTuple):
    """Answer of `IAuthority.join`."""

    outcome: Literal["ok", "dup", "limit"]
    """`dup`: this socket is already this member."""
    first: bool = False
    """The user was not in the channel before: a `PresenceChange` was published."""
    webhook: bool = False
    """`first`, and no removal of the same user was pending: a member_added fact is due."""
    version: int = 0
    """The channel's version after the join; a mirror at least this new contains the member."""


class Parted(NamedTuple):
    """Answer of `IAuthority.part`."""

    last: bool
    version: int


class PresenceChange(NamedTuple):
    """One transition of a presence channel, published in the step that made it (scaling.md 4.3, R3)."""

    app_id: str
    channel: str
    epoch: str
    previous: int
    version: int
    joined: bool
    user_id: str
    user_info: str


class UserChange(NamedTuple):
    """A user came online (first signed-in socket) or went offline (last one gone)."""

    app_id: str
    user_id: str
    online: bool


class Snapshot(NamedTuple):
    """A presence channel's members, user id to user_info (JSON text), in join order."""

    epoch: str
    version: int
    members: Mapping[str, str]


class ChannelCounts(NamedTuple):
    """Cluster-wide counts of one channel. `users` is None where the channel is not a presence channel."""

    subscriptions: int
    users: int | None


class Due(NamedTuple):
    """Something whose time has come to be told: a disappearance after its grace, or how many subscribers there are."""

    app_id: str
    name: Literal["channel_vacated", "member_removed", "subscription_count"]
    channel: str
    user_id: str | None = None
    """Of `member_removed`."""
    total: int | None = None
    """Of `subscription_count`: subscribers in the whole cluster, now."""
    again: bool = False
    """Of `subscription_count`: the total is what was told last, but somebody came who has not heard it."""


class Dues(NamedTuple):
    """Answer of `IAuthority.due`."""

    found: list[Due]
    wait: float | None
    """Seconds until there is more, 0 when there is more now; None when nothing is pending."""


class Lease(NamedTuple):
    """Answer of `IAuthority.lease`."""

    epoch: str
    fenced: bool
    """This id was reaped: its node was taken for dead, and needs a new id."""


class NodeFacts(NamedTuple):
    """What a node owns, or a part of it."""

    connections: Mapping[str, int] = {}
    """app id -> open connections"""
    channels: Sequence[tuple[str, str, int]] = ()
    """app id, channel, the node's subscribers"""
    members: Sequence[tuple[str, str, str, str, str]] = ()
    """app id, channel, socket id, user id, user_info"""
    users: Sequence[tuple[str, str, str]] = ()
    """app id, user id, socket id"""


class IAuthorityListener(Protocol):
    """Hears what the authority publishes, in the same step as the transition."""

    def presence_changed(self, change: PresenceChange) -> None: ...

    def user_changed(self, change: UserChange) -> None: ...


class IAuthority(Interface):
    """Decides every shared transition in one atomic step and publishes it in that step (scaling.md 5.1).

    Operations are idempotent per (node, fact). `node` is the caller's node id. Anything may fail with
    `BackendError`.
    """

    epoch: str = Attribute("Random id of this state's lifetime.")

    def listen(listener: IAuthorityListener) -> None:
        """Deliver published changes to this listener, in order per channel.

        A driver whose changes come as frames on the bus never calls it.
        """

    def lease(node: str, ttl: float) -> Answer[Lease]:
        """This node lives, and will for `ttl` seconds without another word. Not extended for an id that was reaped."""

    def reap(node: str, most: int = 200) -> Answer[int]:
        """Remove facts of the node as if they were left one by one, about `most`; 0 when none is left, else more.

        The work of one call is bounded by `most`, however much the authority holds: call until it answers 0. From the
        first call on the id is fenced.
        """

    def register(node: str, facts: NodeFacts) -> Answer[None]:
        """The node has these facts, quietly: no change is published and nothing becomes due; connections are set.

        Only adds: what is not named stays as it is. A socket that another id of the node has registered is taken over,
        so that who changes ids registers everything under the new one, and then reaps the old one: everybody learns of
        exactly what is no more, and of nothing else.
        """

    def conn_open(app_id: str, node: str, limit: int) -> Answer[bool]:
        """Admit and count one connection unless `limit` (0 = none) are open already."""

    def conn_close(app_id: str, node: str, count: int) -> Answer[None]:
        """Take `count` admitted connections back."""

    def occupy(app_id: str, channel: str, node: str) -> Answer[bool]:
        """This node has subscribers. True when a channel_occupied fact is due (no pending vacate)."""

    def vacate(app_id: str, channel: str, node: str) -> Answer[None]:
        """This node has no subscribers any more; the last node starts the grace of channel_vacated."""

    def count(
        app_id: str, channel: str, node: str, subscriptions: int, pace: float | None = None, newcomer: bool = False
    ) -> Answer[int]:
        """Set this node's subscriber count; the cluster-wide total.

        With a `pace` somebody wants to know totals: until the channel is vacated, or counted without one, each change
        makes a `subscription_count` due, in 0.1 s while the total is at most 100, else in `pace` seconds; of a channel
        one at a time, the quick before the slow. It is told when it differs from what was told last, or when a
        `newcomer` came to at most 100. The last subscriber's leaving tells 0 (decisions.md 46).
        """

    def join(
        app_id: str, channel: str, node: str, socket_id: str, user_id: str, user_info: str, limit: int
    ) -> Answer[Joined]:
        """Make the socket this member. Publishes a change when the user is new; `limit` 0 = none."""

    def part(app_id: str, channel: str, node: str, socket_id: str) -> Answer[Parted]:
        """Undo the socket's join. Publishes a change when the user's last socket went."""

    def snapshot(app_id: str, channel: str) -> Answer[Snapshot]:
        """The member list now."""

    def versions(channels: Sequence[tuple[str, str]]) -> Answer[list[tuple[str, int]]]:
        """Epoch and version of the last change of each of these presence channels (app id, channel); 0 if none."""

    def counts(app_id: str, channel: str) -> Answer[ChannelCounts]:
        """Counts of one channel; zeros when unoccupied."""

    def channels(app_id: str, prefix: str) -> Answer[dict[str, ChannelCounts]]:
        """Occupied channels whose name starts with `prefix`."""

    def user_up(app_id: str, user_id: str, node: str, socket_id: str) -> Answer[bool]:
        """The socket is signed in as the user; True when it is the user's first."""

    def user_down(app_id: str, user_id: str, node: str, socket_id: str) -> Answer[bool]:
        """The socket is gone or signed out; True when it was the user's last."""

    def online(app_id: str, user_ids: Iterable[str]) -> Answer[set[str]]:
        """Which of these users have a signed-in socket."""

    def user_connections(app_id: str, user_id: str) -> Answer[int]:
        """How many signed-in sockets the user has."""

    def due(most: int = sys.maxsize, final: bool = False) -> Answer[Dues]:
        """Pop what has become due, at most so many, oldest first; each goes to exactly one caller.

        `final`: the caller leaves and nobody comes after it: every disappearance that is pending, without its grace;
        totals are not told any more.
        """


class IBusListener(Protocol):
    """A node's end of the bus."""

    def received(self, topic: str, frame: bytes) -> None:
        """One frame, in the order of arrival."""

    def bus_up(self) -> None:
        """Frames go to the others again; every topic is subscribed."""

    def bus_down(self, reason: str) -> None:
        """From now on, and until `bus_up`, what others publish may be missed."""


class IBus(Interface):
    """Carries frames between nodes (scaling.md 4.1), as `protocol.bus_frames` writes them.

    FIFO for each publishing node and topic, at most once for each transmission. Nothing is durable, and there is no
    order between publishers. Topics are texts of `engine.cluster.topics`; a driver may name them otherwise on its wire.
    """

    up: bool = Attribute("Whether what is published reaches the others.")

    def listen(listener: IBusListener) -> None:
        """Hand everything to this listener, one frame after the other, in the reactor's thread."""

    def subscribe(topic: str) -> Answer[None]:
        """Receive the topic. Answers when no frame published from then on is missed; may fail with `BackendError`.

        What was subscribed is subscribed again by the driver itself after an outage.
        """

    def unsubscribe(topic: str) -> None:
        """Receive it no more, soon."""

    def publish(topic: str, frame: bytes) -> None:
        """To every other node that has subscribed. Never waits and never fails; it may be dropped, and is then counted.

        Whether the publisher gets it too, if it has subscribed, is not promised: listeners pass over their own frames.
        """

    def handed_on() -> Answer[None]:
        """Answers when every node that is there to take it takes what was published here before what it is asked next,
        if it does `catch_up` then. May fail with `BackendError`."""

    def catch_up() -> None:
        """Hand the listener now what has come already."""


class IDeltaPace(Interface):
    """Whether all nodes send the same messages of a stream whole (delta-and-filters.md 11).

    Cosmetic: nothing waits for it and nothing fails with it.
    """

    def count(app_id: str, channel: str, key: str, interval: int) -> bool | None:
        """Count a message that this node publishes; answers at once. True: this one is full on every node.

        False: others will say when one has to be. None: nobody does, this node goes by its own count.
        """


class ChainedSinks(tuple[_Sink, ...]):
    """Sinks whose frames build upon each other: what a turn has for one that misses a frame ends with that frame."""

    __slots__ = ()


class IFraming(Interface):
    """What sinks of one kind share: how texts become bytes for them, and the way to many of them at once."""

    def frame(text: bytes) -> bytes:
        """The finished bytes of one message."""

    def push_all(sinks: tuple[ISink, ...], frame: bytes) -> None:
        """`push` to each of these sinks, all of this framing; every sink sees the order it would see with `push`.

        Give the same tuple again for the same audience: what one turn has for it is then joined once for all. That is
        pushed late, so that a sink may miss one frame of it and take the next; give a `ChainedSinks` where it must not.
        """

    def settle() -> None:
        """Push now whatever the turn still owes anybody: what is dropped of it is known then."""


class ISink(Interface):
    """Where one connection's messages go. FIFO; push never waits, never fails, and is ignored once closed.

    Frames of one reactor turn leave together at its end (ARCHITECTURE.md, “The hot path”).
    """

    framing: IFraming = Attribute("The `IFraming` whose bytes this sink takes; compare by identity.")
    tells_missed: bool = Attribute("Set by the engine where it has to know of dropped events; see `Engine.missed`.")

    def push(frame: bytes) -> None:
        """Queue an ordinary event; may be dropped when the peer is too slow (scaling.md 8)."""

    def push_control(frame: bytes) -> None:
        """Queue a reply or presence message; never silently dropped."""

    def ping() -> None:
        """Send the transport's own liveness probe, where it has one."""

    def close(code: int, reason: str) -> None:
        """Flush, then end the connection with this Close code. Later pushes are ignored."""

    def abort() -> None:
        """End the connection now, without ceremony."""
