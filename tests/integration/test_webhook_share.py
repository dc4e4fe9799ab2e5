"""A running server whose webhook endpoints refuse events, or never answer: what comes to an endpoint that is well."""

from __future__ import annotations

import json
from typing import Any

from tests.integration.launch import SOCKUDO, LaunchCase, WebSocket, eventually
from tests.integration.receiver import Behaviour, Receiver, Request, answering, silent

GOOD, BAD = answering("200 OK"), answering("500 Oops")


class Choosy(Receiver):
    """Refuses whatever has `poison` in it."""

    def behaviour(self, request: Request) -> Behaviour:
        return BAD if b"poison" in request.body else GOOD


class ShareTests(LaunchCase):
    """`sockudo run` and two receivers"""

    def serve(self, *webhooks: dict[str, Any]) -> WebSocket:
        """A client of a server with these webhooks."""
        app = {"id": "1001", "key": "app-key", "secret": "app-secret", "webhooks": webhooks}
        self.config(app_manager={"array": {"apps": [app]}}, webhooks={"request_timeout_ms": 60_000})
        self.launch(SOCKUDO, "-c", "test.json").up(self.port)
        return self.socket()

    def occupy(self, client: WebSocket, channel: str) -> None:
        client.send({"event": "pusher:subscribe", "data": {"channel": channel}})
        self.assertEqual(client.event()["event"], "pusher_internal:subscription_succeeded")

    def heard(self, receiver: Receiver) -> list[str]:
        """The channels of all events so far."""
        return [event["channel"] for each in list(receiver.requests) for event in json.loads(each.body)["events"]]

    def comes(self, receiver: Receiver, channel: str) -> None:
        eventually(channel, lambda: channel in self.heard(receiver))

    def choosy(self) -> Receiver:
        receiver = Choosy(GOOD)
        self.addCleanup(receiver.close)
        return receiver

    def test_refused_events(self) -> None:
        """Events that an endpoint refuses, one after the other, do not keep it from hearing those that it takes."""
        receiver = self.choosy()
        client = self.serve({"url": receiver.url, "event_types": ["channel_occupied"]})
        for number in range(8):
            self.occupy(client, f"poison-{number}")
            self.comes(receiver, f"poison-{number}")
        for number in range(5):
            self.occupy(client, f"good-{number}")
            self.comes(receiver, f"good-{number}")
        eventually("a refused one comes again", lambda: self.heard(receiver).count("poison-7") > 1)

    def test_many_that_hang(self) -> None:
        """A hundred endpoints that never answer, with more to tell than they may hold, do not delay one that does."""
        hanging, good = Receiver(silent), self.choosy()
        self.addCleanup(hanging.close)
        urls = [f"{hanging.url}/{number}" for number in range(100)]
        client = self.serve(
            {"url": good.url, "event_types": ["channel_occupied"]},
            *({"url": url, "event_types": ["channel_occupied"]} for url in urls),
        )
        for number in range(8):
            self.occupy(client, f"room-{number}")
            self.comes(good, f"room-{number}")
        self.assertGreater(len(hanging.requests), 99)
