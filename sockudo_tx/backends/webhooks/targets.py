"""Webhooks of every kind of target behind one sender (http-api.md 12.1: `url` goes before a function)."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from ...interfaces import IWebhookSender, Outcome, WebhookJob
from ...protocol.app import App, Webhook

__all__ = ["TargetSender"]


@implementer(IWebhookSender)
class TargetSender:
    """Gives each delivery to the sender of its target. Without `functions`, no Lambda function can be called."""

    def __init__(self, endpoints: IWebhookSender, functions: IWebhookSender | None = None) -> None:
        self._endpoints = endpoints
        self._functions = functions

    def send(self, job: WebhookJob, app: App, webhook: Webhook) -> Deferred[Outcome]:
        """See `IWebhookSender`."""
        if webhook.url:
            return self._endpoints.send(job, app, webhook)
        if not webhook.lambda_name:
            return succeed(Outcome(False, None, "the webhook has no target", final=True))
        if self._functions is None:
            return succeed(Outcome(False, None, "this server cannot call Lambda functions", final=True))
        return self._functions.send(job, app, webhook)
