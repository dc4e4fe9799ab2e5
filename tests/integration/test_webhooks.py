"""Webhooks of a running server at a real receiver, checked by Pusher's own library."""

from __future__ import annotations

import json
import signal
import urllib.request
from socket import socket
from typing import Any

import pusher

from tests.integration.launch import SOCKUDO, Process, WebSocket, eventually, free_port, get
from tests.integration.pages import Pages
from tests.integration.queue_file import jobs_on_disk
from tests.integration.receiver import Behaviour, Receiver, answering

TYPES = ["channel_occupied", "channel_vacated", "member_added", "member_removed", "client_event", "cache_miss"]
SECRET = "webhook-secret"
GOOD = answering("200 OK")


class WebhookTests(Pages):
    """`sockudo run` and a receiver"""

    def receiver(self, behaviour: Behaviour = GOOD) -> Receiver:
        receiver = Receiver(behaviour)
        self.addCleanup(receiver.close)
        return receiver

    def hooked(self, *urls: str, types: list[str] = TYPES, scraped: int = 0, **settings: Any) -> Process:
        """A server with an app whose webhooks these are."""
        app = {
            "id": "1001",
            "key": "app-key",
            "secret": SECRET,
            "enable_client_messages": True,
            "webhooks": [{"url": url, "event_types": types, "headers": {"X-From": "us"}} for url in urls],
        }
        settings = {"webhooks": {"grace_ms": 200}, **settings}
        name = self.config(app_manager={"array": {"apps": [app]}}, **settings)
        server = self.launch(SOCKUDO, "-c", name, METRICS_PORT=str(scraped))
        server.up(self.port)
        return server

    def backend(self) -> pusher.Pusher:
        return pusher.Pusher("1001", "app-key", SECRET, host="127.0.0.1", port=self.port, ssl=False)

    def heard(self, receiver: Receiver, number: int) -> list[dict[str, Any]]:
        """The first events, when there are so many; Pusher's library has verified each request."""
        backend = self.backend()

        def events() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = []
            for request in list(receiver.requests):
                key, signature = (request.values(f"X-Pusher-{name}")[0] for name in ("Key", "Signature"))
                told = backend.validate_webhook(key, signature, request.body.decode())
                self.assertIsNotNone(told, request)
                found += told["events"]
            return found

        eventually(f"{number} events", lambda: len(events()) >= number)
        return events()

    def test_H121_every_type(self) -> None:
        """Python: `trigger`, `trigger_batch`, `channels_info`, `channel_info`, `users_info`, `validate_webhook`: the
        signature of every event type."""
        receiver = self.receiver()
        self.hooked(receiver.url, types=[*TYPES, "subscription_count"])
        client = self.socket_of("room")
        client.send({"event": "pusher:subscribe", "data": {"channel": "cache-prices"}})
        eventually("both channels", lambda: len(self.backend().channels_info()["channels"]) == 3)
        client.send({"event": "client-typing", "channel": "presence-room", "data": {"on": True}})
        self.heard(receiver, 6)
        client.close()
        events = self.heard(receiver, 11)
        names = {event["name"] for event in events}
        self.assertEqual(names, {*TYPES, "subscription_count"})
        (typed,) = (event for event in events if event["name"] == "client_event")
        self.assertEqual((typed["data"], typed["user_id"], typed["channel"]), ('{"on":true}', "42", "presence-room"))
        request = receiver.requests[0]
        self.assertEqual(request.values("content-type"), ["application/json"])
        self.assertEqual(request.values("x-from"), ["us"])
        self.assertEqual(len(request.values("x-sockudo-delivery")[0]), 32)
        self.assertEqual(list(json.loads(request.body)), ["time_ms", "events"])
        self.read_by_node(receiver, events)

    def read_by_node(self, receiver: Receiver, events: list[dict[str, Any]]) -> None:
        """Pusher's library for Node finds each request valid, and the same events in them."""
        requests = [
            {"headers": {name.lower(): value for name, value in each.headers}, "rawBody": each.body.decode()}
            for each in receiver.requests
        ]
        script = f"""
            const Pusher = require("pusher");
            const pusher = new Pusher({{ appId: "1001", key: "app-key", secret: "{SECRET}", host: "h" }});
            const webhooks = {json.dumps(requests)}.map((request) => pusher.webhook(request));
            if (!webhooks.every((webhook) => webhook.isValid())) throw new Error("a signature is wrong");
            if (webhooks.some((webhook) => !(webhook.getTime() > 0))) throw new Error("a time is wrong");
            console.log(JSON.stringify(webhooks.flatMap((webhook) => webhook.getEvents())));
        """
        self.assertEqual(json.loads(self.ends(self.node(script)).strip().splitlines()[-1]), events)

    def socket_of(self, room: str) -> WebSocket:
        """A client in two channels, one of them with members."""
        client = self.wire()
        established = json.loads(client.event()["data"])
        data = {"user_id": "42"}
        auth = self.backend().authenticate(f"presence-{room}", established["socket_id"], data)
        client.send({"event": "pusher:subscribe", "data": {"channel": f"presence-{room}", **auth}})
        self.assertEqual(client.event()["event"], "pusher_internal:subscription_succeeded")
        client.send({"event": "pusher:subscribe", "data": {"channel": room}})
        self.assertEqual(client.event()["event"], "pusher_internal:subscription_succeeded")
        return client

    def wire(self) -> WebSocket:
        client = WebSocket(self.port)
        self.addCleanup(client.close)
        return client

    def subscribed(self, channel: str = "news") -> None:
        client = self.socket()
        client.send({"event": "pusher:subscribe", "data": {"channel": channel}})
        self.assertEqual(client.event()["event"], "pusher_internal:subscription_succeeded")

    def test_failing_then_well(self) -> None:
        """A failed delivery is made again with the same bytes, signature and id; the other endpoint does not wait."""
        answers = [answering("500 Oops"), answering("302 Found", headers="Location: http://127.0.0.1:9/\r\n"), GOOD]

        def answer(peer: socket) -> bool:
            return answers.pop(0)(peer)

        bad, good = self.receiver(answer), self.receiver()
        retry = {"retry": {"initial_backoff_ms": 50}}
        self.hooked(bad.url, good.url, types=["channel_occupied"], webhooks=retry)
        self.subscribed()
        self.heard(good, 1)
        self.heard(bad, 3)
        same = {
            (each.body, *each.values("X-Pusher-Signature"), *each.values("X-Sockudo-Delivery")) for each in bad.requests
        }
        self.assertEqual((len(bad.requests), len(same), len(good.requests)), (3, 1, 1))

    def test_told_at_the_end(self) -> None:
        """At SIGTERM what has just happened is told before the process ends, an end of channels included."""
        receiver = self.receiver()
        server = self.hooked(receiver.url, webhooks={"batching": {"duration": 60000}, "grace_ms": 60000})
        self.subscribed()
        self.assertEqual(receiver.requests, [])
        server.signal(signal.SIGTERM)
        self.assertEqual(server.status(), 0)
        self.assertEqual([event["name"] for event in self.heard(receiver, 2)], ["channel_occupied", "channel_vacated"])

    def test_dead_endpoint_at_the_end(self) -> None:
        """An endpoint that does not answer holds the end up no longer than the grace period, and the log tells."""
        receiver = self.receiver(lambda peer: bool(peer.recv(1)))
        server = self.hooked(receiver.url, shutdown_grace_period=1)
        self.subscribed()
        eventually("an attempt", lambda: receiver.requests)
        server.signal(signal.SIGTERM)
        self.assertEqual(server.status(), 0)
        self.assertIn("webhook deliveries were not made in time", server.output)

    def test_kept_at_the_end(self) -> None:
        """With the queue in a file, what an endpoint has not taken at the end is said to wait, not to be lost."""
        receiver = self.receiver(answering("500 Oops"))
        server = self.hooked(receiver.url, queue={"driver": "sqlite"})
        self.subscribed()
        eventually("an attempt", lambda: receiver.requests)
        server.signal(signal.SIGTERM)
        self.assertEqual(server.status(), 0)
        self.assertIn("webhook deliveries wait for the next start", server.output)
        self.assertNotIn("lost", server.output)

    def test_killed(self) -> None:
        """With the queue in a file, what was accepted is delivered after `kill -9`, under the id it had."""
        answers = [answering("500 Oops")]

        def answer(peer: socket) -> bool:
            return answers[-1](peer)

        receiver = self.receiver(answer)
        server = self.hooked(receiver.url, types=["channel_occupied"], queue={"driver": "sqlite"})
        self.subscribed()
        eventually("an attempt", lambda: receiver.requests)
        eventually("it is accepted", lambda: jobs_on_disk(self.folder))
        server.signal(signal.SIGKILL)
        server.status()
        answers.append(GOOD)
        before = len(receiver.requests)
        self.launch(SOCKUDO, "-c", "test.json").up(self.port)
        eventually("another attempt", lambda: len(receiver.requests) > before)
        ids = {each.values("X-Sockudo-Delivery")[0] for each in receiver.requests}
        self.assertEqual((len(ids), len({each.body for each in receiver.requests})), (1, 1))

    def test_metrics(self) -> None:
        """Deliveries are counted by type and outcome, and what waits is told."""
        receiver = self.receiver()
        port = free_port()
        self.hooked(receiver.url, scraped=port)
        self.subscribed()
        self.heard(receiver, 1)
        line = (
            f'sockudo_webhook_deliveries_total{{app_id="1001",port="{port}",event="channel_occupied",outcome="ok"}} 1'
        )

        def scraped() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                return str(answer.read().decode())

        eventually("the count", lambda: line in scraped())
        self.assertIn(f'sockudo_webhook_queue_depth{{port="{port}"}} 0', scraped())

    def test_H119_none(self) -> None:
        """`queue.driver=none`: no deliveries, `/up` still OK."""
        receiver = self.receiver()
        server = self.hooked(receiver.url, queue={"driver": "none"})
        self.subscribed()
        self.assertEqual(get(self.port), 200)
        server.signal(signal.SIGTERM)
        self.assertEqual((server.status(), receiver.requests), (0, []))

    def test_reload(self) -> None:
        """After SIGHUP a webhook that was added hears what happens."""
        first, second = self.receiver(), self.receiver()
        server = self.hooked(first.url)
        config = json.loads((self.folder / "test.json").read_text())
        config["app_manager"]["array"]["apps"][0]["webhooks"][0]["url"] = second.url
        self.config(**config)
        server.signal(signal.SIGHUP)
        eventually("the reload", lambda: "configuration reloaded" in server.output)
        self.subscribed()
        self.heard(second, 1)
        self.assertEqual(first.requests, [])
