"""Webhooks to Lambda functions, and the choice between them and endpoints."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from sockudo_tx.backends.webhooks.aws_lambda import LambdaSender
from sockudo_tx.backends.webhooks.targets import TargetSender
from sockudo_tx.interfaces import BackendError, Outcome, WebhookJob
from sockudo_tx.protocol.app import App, Webhook

APP = App(id="app-id", key="app-key", secret="app-secret")
JOB = WebhookJob(
    "0" * 32, "app-id", "lambda:eu-west-1:fn", 1327078148132, ('{"name":"cache_miss","channel":"cache-a"}',)
)
FUNCTION = Webhook(lambda_name="fn", lambda_region="eu-west-1", headers={"X-A": "b"})
ENDPOINT = Webhook(url="http://host/", lambda_name="fn", lambda_region="eu-west-1")


class LambdaTests(TestCase):
    """Lambda functions as targets"""

    def setUp(self) -> None:
        self.clock = Clock()
        self.calls: list[tuple[str, str, bytes]] = []
        self.answer: Deferred[int] = succeed(202)

    def invoke(self, region: str, name: str, payload: bytes) -> Deferred[int]:
        self.calls.append((region, name, payload))
        return self.answer

    def outcome(self) -> Outcome:
        return self.successResultOf(LambdaSender(self.clock, 10, self.invoke).send(JOB, APP, FUNCTION))

    def test_H118_document(self) -> None:
        """One invocation with the plain document: no signature, no app, no headers."""
        self.assertEqual(self.outcome(), Outcome(True, 202, ""))
        document = b'{"time_ms":1327078148132,"events":[{"name":"cache_miss","channel":"cache-a"}]}'
        self.assertEqual(self.calls, [("eu-west-1", "fn", document)])

    def test_failures(self) -> None:
        """A refusal by status and by an error of AWS are failed attempts, and the last ones."""
        self.answer = succeed(404)
        self.assertEqual(self.outcome(), Outcome(False, 404, "the answer was 404", final=True))
        self.answer = fail(BackendError("AccessDeniedException"))
        self.assertEqual(self.outcome(), Outcome(False, None, "AWS: AccessDeniedException", final=True))

    def test_our_bug(self) -> None:
        """An unexpected error is logged, and the attempt failed."""
        self.answer = fail(ZeroDivisionError())
        self.assertFalse(self.outcome().ok)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_timeout(self) -> None:
        """A call without an answer fails after its time."""
        self.answer = Deferred()
        sent = LambdaSender(self.clock, 10, self.invoke).send(JOB, APP, FUNCTION)
        self.clock.advance(9.9)
        self.assertNoResult(sent)
        self.clock.advance(0.1)
        self.assertEqual(self.successResultOf(sent), Outcome(False, None, "no answer within 10 s", final=True))

    def test_targets(self) -> None:
        """A webhook's url goes before its function; without a client for Lambda, or a target, the attempt fails."""
        lambdas = LambdaSender(self.clock, 10, self.invoke)
        endpoints = LambdaSender(self.clock, 10, lambda region, name, payload: succeed(299))
        both, one = TargetSender(endpoints, lambdas), TargetSender(endpoints)
        for sender, webhook, status in ((both, FUNCTION, 202), (both, ENDPOINT, 299), (one, ENDPOINT, 299)):
            self.assertEqual(self.successResultOf(sender.send(JOB, APP, webhook)).status, status)
        reason = "this server cannot call Lambda functions"
        self.assertEqual(self.successResultOf(one.send(JOB, APP, FUNCTION)), Outcome(False, None, reason, final=True))
        self.assertEqual(self.successResultOf(both.send(JOB, APP, Webhook())).reason, "the webhook has no target")
