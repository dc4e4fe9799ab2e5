"""What tests of the webhook sender share."""

from __future__ import annotations

import ssl
from uuid import uuid4

from twisted.internet import reactor  # the tests' own
from twisted.trial.unittest import TestCase

from sockudo_tx.backends.webhooks.http import HttpSender
from sockudo_tx.interfaces import Outcome, WebhookJob
from sockudo_tx.protocol.app import App, Webhook
from tests.integration.receiver import Behaviour, Receiver, answering

APP = App(id="app-id", key="app-key", secret="app-secret")
EVENT = '{"name":"channel_occupied","channel":"caf\u00e9"}'
BODY = '{"time_ms":1327078148132,"events":[{"name":"channel_occupied","channel":"caf\u00e9"}]}'.encode()


def job(url: str = "") -> WebhookJob:
    """A delivery of one event."""
    return WebhookJob(uuid4().hex, APP.id, url, 1327078148132, (EVENT,))


class SenderCase(TestCase):
    """A sender and receivers, gone without a trace afterwards."""

    timeout = 30

    def sender(self, seconds: float = 10, *, allow_internal: bool = True) -> HttpSender:
        sender = HttpSender(reactor, seconds, allow_internal)
        self.addCleanup(sender.close)
        return sender

    def receiver(self, behaviour: Behaviour | None = None, context: ssl.SSLContext | None = None) -> Receiver:
        receiver = Receiver(behaviour or answering("200 OK", b"ok"), context)
        self.addCleanup(receiver.close)
        return receiver

    async def outcome(self, behaviour: Behaviour, seconds: float = 10) -> Outcome:
        """Of one attempt at a receiver that behaves so."""
        receiver = self.receiver(behaviour)
        return await self.sender(seconds).send(job(), APP, Webhook(url=receiver.url))
