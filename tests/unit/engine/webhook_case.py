"""What every test of webhooks starts from: an engine whose facts go all the way to a sender that notes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from sockudo_tx.backends.memory.webhook_queue import MemoryWebhookQueue
from sockudo_tx.engine.webhooks import Webhooks, WebhookSettings
from sockudo_tx.interfaces import IWebhookSender, Outcome, WebhookJob
from sockudo_tx.protocol.app import App, Webhook, WebhookFilter
from sockudo_tx.protocol.webhooks import body, post_headers

from .case import EngineCase

__all__ = ["ALL", "BAD", "FUNCTION", "GOOD", "SILENT", "URL", "Attempt", "Endpoints", "WebhookCase", "hook"]

URL = "https://backend.example/hooks"
ALL = (
    "channel_occupied",
    "channel_vacated",
    "member_added",
    "member_removed",
    "client_event",
    "cache_miss",
    "subscription_count",
)
FUNCTION = Webhook(lambda_name="fn", lambda_region="eu-west-1", event_types=("channel_occupied",))
GOOD, BAD = Outcome(True, 200, ""), Outcome(False, 500, "the answer was 500")
SILENT = Outcome(False, None, "nobody answered")


def hook(*types: str, url: str = URL, headers: dict[str, str] | None = None, **conditions: str) -> Webhook:
    """A webhook that hears these types, by default all but counts."""
    return Webhook(
        url=url,
        event_types=types or ALL[:-1],
        filter=WebhookFilter(**conditions) if conditions else None,
        headers=headers or {},
    )


class Attempt(NamedTuple):
    """One attempt as an endpoint would see it."""

    at: float
    """Seconds since the server began."""
    url: str
    key: str
    body: bytes
    headers: dict[str, str]

    @property
    def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.body)["events"]
        return found

    @property
    def names(self) -> list[str]:
        return [event["name"] for event in self.events]


@implementer(IWebhookSender)
class Endpoints:
    """Notes each attempt, and answers as it is told to: `answers` by address, everything else is well."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._start = seconds()
        self.attempts: list[Attempt] = []
        self.answers: dict[str, Callable[[], Outcome | Deferred[Outcome]]] = {}

    def send(self, job: WebhookJob, app: App, webhook: Webhook) -> Deferred[Outcome]:
        content = body(job.time_ms, job.events)
        headers = dict(post_headers(app, job.id, content, webhook.headers))
        at = round(self._seconds() - self._start, 3)
        self.attempts.append(Attempt(at, webhook.url or "", app.key, content, headers))
        answer = self.answers.get(webhook.url or "", lambda: GOOD)()
        return answer if isinstance(answer, Deferred) else succeed(answer)


class WebhookCase(EngineCase):
    """The engine's apps have webhooks; jitter is off."""

    webhooks: tuple[Webhook, ...] = (hook(),)
    queues: Callable[..., Any] = MemoryWebhookQueue

    def setUp(self) -> None:
        self.begin(*self.webhooks)

    def begin(self, *webhooks: Webhook, others: tuple[App, ...] = (), **settings: Any) -> None:
        """Start over with an app that has these webhooks."""
        self.serve(*others, webhooks=webhooks)
        self.endpoints = Endpoints(self.clock.seconds)
        self.queue = self.queues(self.clock)
        self.hooks = Webhooks(
            self.clock, self.queue, self.endpoints, self.store, WebhookSettings(**settings), lambda: 0.0
        )
        self.hooks.start()
        self.facts.wants = self.hooks.facts.wants  # type: ignore[method-assign]
        self.facts.emit = self.hooks.facts.emit  # type: ignore[method-assign]
        self.advance(0)

    def posts(self, wait: float = 0.2) -> list[Attempt]:
        """The attempts since the last time, after this long."""
        self.advance(wait)
        seen, self.endpoints.attempts = self.endpoints.attempts, []
        return seen

    def names(self, wait: float = 0.2) -> list[str]:
        """The types of all events of `posts`."""
        return [name for post in self.posts(wait) for name in post.names]

    def tearDown(self) -> None:
        super().tearDown()
        self.assertTrue(self.hooks.facts.idle)
        self.successResultOf(self.hooks.close())
        self.assertEqual(self.clock.getDelayedCalls(), [])
