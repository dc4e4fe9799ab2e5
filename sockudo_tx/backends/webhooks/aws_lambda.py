"""Webhooks to AWS Lambda: one asynchronous invocation with the document an endpoint would be sent.

No signature, no app, no headers; a failed call is not made again, as AWS retries on its side. Source: http-api.md 12.8.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, TimeoutError, maybeDeferred, succeed  # noqa: A004  # Twisted's name
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ...interfaces import BackendError, IWebhookSender, Outcome, WebhookJob
from ...protocol.app import App, Webhook
from ...protocol.webhooks import body

__all__ = ["Invoke", "LambdaSender"]

Invoke = Callable[[str, str, bytes], Deferred[int]]
"""Region, function and payload to the status of an invocation of type `Event`. Fails with `BackendError`."""


@implementer(IWebhookSender)
class LambdaSender:
    """Invokes functions. `timeout` in seconds."""

    _log = Logger()

    def __init__(self, clock: IReactorTime, timeout: float, invoke: Invoke) -> None:
        self._clock = clock
        self._timeout = timeout
        self._invoke = invoke

    def send(self, job: WebhookJob, app: App, webhook: Webhook) -> Deferred[Outcome]:
        """See `IWebhookSender`."""
        if not webhook.lambda_name or not webhook.lambda_region:
            return succeed(_failure(None, "the webhook names no function"))
        call = maybeDeferred(self._invoke, webhook.lambda_region, webhook.lambda_name, body(job.time_ms, job.events))
        return call.addTimeout(self._timeout, self._clock).addCallbacks(_answered, self._failed)

    def _failed(self, failure: Failure) -> Outcome:
        if failure.check(TimeoutError):
            return _failure(None, f"no answer within {self._timeout:g} s")
        if failure.check(BackendError):
            return _failure(None, f"AWS: {failure.value}")
        self._log.failure("Bug: a Lambda function could not be called", failure=failure)
        return _failure(None, "an error of this server, see its log")


def _answered(status: int) -> Outcome:
    if 200 <= status < 300:
        return Outcome(True, status, "")
    return _failure(status, f"the answer was {status}")


def _failure(status: int | None, reason: str) -> Outcome:
    """The only attempt there is: AWS makes further ones of what it has taken."""
    return Outcome(False, status, reason, final=True)
