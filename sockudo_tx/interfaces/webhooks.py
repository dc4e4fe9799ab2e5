"""What webhooks are told, where deliveries wait, and who makes them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from ..protocol.app import App, Webhook
from .answers import Answer

__all__ = ["DeadWebhook", "Fact", "IFacts", "IWebhookQueue", "IWebhookSender", "Outcome", "WebhookJob"]


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
