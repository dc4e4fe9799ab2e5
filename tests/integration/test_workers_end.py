"""What is told to webhooks when all workers end, or one of them does."""

from __future__ import annotations

import json
import signal

from tests.integration.hooked import HookedCase
from tests.integration.launch import Process, eventually
from tests.integration.receiver import Receiver, answering

ROOMS = 12


class LastWordsTests(HookedCase):
    """Two workers and a receiver of webhooks"""

    def hooked(self, grace_ms: int) -> tuple[Process, Receiver]:
        """A server whose webhooks wait a minute to be batched, and so long until an end is one."""
        receiver = Receiver(answering("200 OK"))
        self.addCleanup(receiver.close)
        types = ["channel_occupied", "channel_vacated"]
        app = {
            "id": "app-id",
            "key": "app-key",
            "secret": "app-secret",
            "webhooks": [{"url": receiver.url, "event_types": types}],
        }
        webhooks = {"batching": {"duration": 60000}, "grace_ms": grace_ms, "allow_internal_addresses": True}
        name = self.config(app_manager={"array": {"apps": [app]}}, webhooks=webhooks)
        return self.begin(2, "-c", name), receiver

    def told(self, receiver: Receiver) -> list[tuple[str, str]]:
        """Every event, by name and channel."""
        events = [event for request in list(receiver.requests) for event in json.loads(request.body)["events"]]
        return sorted((event["name"], event["channel"]) for event in events)

    def occupy(self) -> None:
        """A room for each of some clients."""
        for number in range(ROOMS):
            client = self.socket()
            client.send({"event": "pusher:subscribe", "data": {"channel": f"room-{number}"}})
            self.assertEqual(client.event()["event"], "pusher_internal:subscription_succeeded")

    def expected(self) -> list[tuple[str, str]]:
        return sorted((name, f"room-{n}") for name in ("channel_occupied", "channel_vacated") for n in range(ROOMS))

    def test_all_end(self) -> None:
        """At the end everything is told once, by whichever worker ends last, without waiting for who might come back."""
        process, receiver = self.hooked(60000)
        self.occupy()
        self.assertEqual(receiver.requests, [])
        self.stops(process)
        self.assertEqual(self.told(receiver), self.expected())

    def test_one_ends(self) -> None:
        """A worker that is told to end leaves nothing untold: what it has gathered goes on, and who does not come back
        is told of by the others."""
        process, receiver = self.hooked(300)
        self.occupy()
        self.workers(process.pid)[0].terminate()
        self.again(process, 1, 2)
        self.workers(process.pid)[-1].terminate()
        self.again(process, 2, 2)
        eventually("both have left", lambda: process.output.count("ended with status 0") == 2)
        process.signal(signal.SIGTERM)
        self.assertEqual(process.status(), 0)
        self.assertEqual(self.told(receiver), self.expected())
