"""Webhooks to Lambda functions beside those to addresses: from what happened to the invocation (http-api.md 12.8)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from sockudo_tx.backends.webhooks.aws_lambda import LambdaSender
from sockudo_tx.backends.webhooks.targets import TargetSender
from sockudo_tx.engine.webhooks import Webhooks, WebhookSettings
from sockudo_tx.interfaces import BackendError
from sockudo_tx.protocol.app import Webhook

from .webhook_case import BAD, FUNCTION, URL, WebhookCase, hook


class FunctionTests(WebhookCase):
    """A function, called by a client of AWS that notes each invocation, and an address"""

    webhooks = (FUNCTION, hook("channel_occupied"))

    def begin(self, *webhooks: Webhook, **settings: Any) -> None:
        super().begin(*webhooks, **settings)
        self.calls: list[tuple[str, str, bytes]] = []
        self.answer: Callable[[], Deferred[int]] = lambda: succeed(202)
        targets = TargetSender(self.endpoints, LambdaSender(self.clock, 10, self.invoke))
        self.hooks = Webhooks(
            self.clock, self.queue, targets, self.store, WebhookSettings(**settings), lambda: 0.0, functions=True
        )
        self.hooks.start()
        self.facts.wants = self.hooks.facts.wants  # type: ignore[method-assign]
        self.facts.emit = self.hooks.facts.emit  # type: ignore[method-assign]
        self.advance(0)

    def invoke(self, region: str, name: str, payload: bytes) -> Deferred[int]:
        self.calls.append((region, name, payload))
        return self.answer()

    def test_H118_one_invocation(self) -> None:
        """One asynchronous invoke with the plain document: what the address beside it is sent, and nothing else."""
        self.open().subscribe("news")
        (post,) = self.posts(600)
        ((region, name, payload),) = self.calls
        self.assertEqual((region, name, payload), ("eu-west-1", "fn", post.body))
        time_ms = json.loads(payload)["time_ms"]
        self.assertEqual(payload, b'{"time_ms":%d,"events":[{"name":"channel_occupied","channel":"news"}]}' % time_ms)

    def test_H118_one_attempt(self) -> None:
        """A refused, a failed and a hanging call are not made again: each is a dead letter at once, and an address is
        asked again as ever."""
        self.endpoints.answers[URL] = lambda: BAD
        answers: list[Deferred[int]] = [succeed(500), fail(BackendError("AccessDenied")), Deferred()]
        self.answer = iter(answers).__next__
        for number in range(3):
            self.open().subscribe(f"room-{number}")
            self.posts(0.1)
        self.advance(10)
        self.assertEqual(len(self.calls), 3)
        letters = self.queue.dead(10)
        self.assertEqual(
            [(letter.job.hook, letter.job.attempt, letter.reason) for letter in reversed(letters)],
            [
                ("lambda:eu-west-1:fn", 1, "the answer was 500"),
                ("lambda:eu-west-1:fn", 1, "AWS: AccessDenied"),
                ("lambda:eu-west-1:fn", 1, "no answer within 10 s"),
            ],
        )
        self.assertGreater(len(self.posts(600)), 3)
        self.assertEqual(len(self.calls), 3)

    def test_hanging_calls(self) -> None:
        """A function that does not answer holds nobody else up."""
        self.answer = Deferred
        for number in range(20):
            self.open().subscribe(f"room-{number}")
            self.assertEqual([post.names for post in self.posts(0.1)], [["channel_occupied"]])
        self.assertEqual(len(self.calls), 4)
        self.advance(600)
