"""The log of a real server: its two shapes, who chooses the level, and what never appears in it."""

from __future__ import annotations

import base64
import http.client
import json
import signal
import time
from typing import Any

from sockudo_tx.protocol.app import App
from sockudo_tx.testing.signing import channel_auth, signed_target, user_auth
from tests.integration.launch import SOCKUDO, LaunchCase, Process, WebSocket, eventually

SECRET, HEADER, PAYLOAD = "hush-secret-0123456789", "hush-webhook-header", "hush-payload"
APP = App(id="1", key="public-key", secret=SECRET)


class LogOutputTests(LaunchCase):
    """What an operator reads"""

    def serve(self, **variables: str) -> Process:
        record = {"id": APP.id, "key": APP.key, "secret": SECRET, "enable_client_messages": True}
        record |= {"enable_user_authentication": True}
        record |= {"webhooks": [{"url": "http://127.0.0.1:9/?token=hush-url", "event_types": ["channel_occupied"]}]}
        record["webhooks"][0]["headers"] = {"X-Key": HEADER}  # type: ignore[index]
        file = self.config(app_manager={"array": {"apps": [record]}})
        process = self.launch(SOCKUDO, "-c", file, **variables)
        process.up(self.port)
        return process

    def stopped(self, process: Process) -> list[str]:
        """Every line it wrote."""
        process.signal(signal.SIGTERM)
        self.assertEqual(process.status(), 0, process.output)
        return process.output.splitlines()

    def client(self) -> tuple[WebSocket, str]:
        client = WebSocket(self.port, APP.key)
        self.addCleanup(client.close)
        return client, json.loads(client.event()["data"])["socket_id"]

    def say(self, client: WebSocket, event: dict[str, Any]) -> str:
        """Says this, whatever its size; the name of the answer."""
        payload = json.dumps(event).encode()
        size = bytes((0x80 | len(payload),)) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
        client.socket.sendall(b"\x81" + size + bytes(4) + payload)
        return str(client.event()["event"])

    def ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, target, body or None, headers)
        status = connection.getresponse().status
        connection.close()
        return status

    def talk(self, now: float) -> list[str]:
        """A conversation with everything that must stay unsaid; all signatures in it."""
        client, socket_id = self.client()
        good = channel_auth(APP, socket_id, "private-room")
        bad = channel_auth(APP, "1.1", "private-room")
        data = json.dumps({"user_id": "ann", "user_info": PAYLOAD})
        presence = channel_auth(APP, socket_id, "presence-room", data)
        user = json.dumps({"id": "ann", "name": PAYLOAD})
        signin = user_auth(APP, socket_id, user)
        self.say(client, {"event": "pusher:subscribe", "data": {"channel": "private-room", "auth": good}})
        self.say(client, {"event": "pusher:subscribe", "data": {"channel": "private-other", "auth": bad}})
        self.say(
            client,
            {"event": "pusher:subscribe", "data": {"channel": "presence-room", "auth": presence, "channel_data": data}},
        )
        self.say(client, {"event": "pusher:signin", "data": {"auth": signin, "user_data": user}})
        body = json.dumps({"name": "e", "channel": "private-room", "data": PAYLOAD}).encode()
        target = signed_target(APP, "POST", "/apps/1/events", now, body)
        self.assertEqual(self.ask("POST", target, body, **{"X-Request-Id": "req-1"}), 200)
        self.assertEqual(client.event()["event"], "e")
        wrong = signed_target(APP, "GET", "/apps/1/events", now, body)
        self.assertEqual(self.ask("POST", wrong, body), 401)
        self.assertEqual(self.ask("POST", target + "0", body), 401)
        self.assertEqual(self.ask("GET", "/apps/1/events%3F" + target.partition("?")[2]), 404)
        self.say(client, {"event": "client-x", "channel": "nowhere", "data": {"hush": PAYLOAD}})
        client.close()
        refused = WebSocket(self.port, "no-such-key")
        self.assertEqual(refused.event()["data"]["code"], 4001)
        refused.close()
        signatures = [auth.partition(":")[2] for auth in (good, bad, presence, signin)]
        return signatures + [each.rpartition("=")[2] for each in (target, wrong)]

    def test_H101_nothing_secret(self) -> None:
        """JSON mode in debug: every line parses; no secret, signature or payload in it, as text, hex or base64."""
        process = self.serve(LOG_OUTPUT_FORMAT="json", DEBUG="1")
        hidden = self.talk(time.time())
        eventually("the departure", lambda: "connection refused" in process.output)
        lines = self.stopped(process)
        events = [json.loads(line) for line in lines]
        for event in events:
            self.assertLessEqual({"timestamp", "level", "target", "fields"}, event.keys())
        text = "\n".join(lines)
        for unsaid in (SECRET, HEADER, PAYLOAD, "hush-url", *hidden):
            for form in (unsaid, unsaid.encode().hex(), base64.b64encode(unsaid.encode()).decode().rstrip("=")[:-1]):
                self.assertNotIn(form, text)
        targets = {event["target"] for event in events}
        self.assertLessEqual(
            {"sockudo.http", "sockudo.frames", "sockudo.refusals", "sockudo.connections"}, targets, targets
        )
        ids = [event["fields"].get("request_id") for event in events if event["target"] == "sockudo.http"]
        self.assertIn("req-1", ids)
        departures = [event["fields"] for event in events if event["target"] == "sockudo.connections"]
        self.assertEqual([each["message"] for each in departures], ["connection closed", "connection refused"])
        self.assertEqual(departures[0]["user_id"], "ann")
        self.assertEqual((departures[0]["by"], departures[1]["code"]), ("network", 4001))
        reasons = [event["fields"]["message"] for event in events if event["target"] == "sockudo.refusals"]
        self.assertTrue(any("the one before a reconnect" in str(event) for event in events), reasons)
        self.assertTrue(any("was made with the method GET" in reason for reason in reasons), reasons)

    def test_C34_format(self) -> None:
        """`LOG_OUTPUT_FORMAT=json`: every line is a JSON object, from the first on; `JSON` is human text."""
        for line in self.stopped(self.serve(LOG_OUTPUT_FORMAT="json")):
            self.assertIsInstance(json.loads(line), dict)
        for line in self.stopped(self.serve(LOG_OUTPUT_FORMAT="JSON"))[-3:]:
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT[\d:.]+Z +(INFO|WARN) sockudo")

    def test_C35_rust_log_wins(self) -> None:
        """`RUST_LOG=warn` with `DEBUG=1`: only warnings and errors appear."""
        process = self.serve(RUST_LOG="warn", DEBUG="1")
        client, _ = self.client()
        client.close()
        lines = self.stopped(process)
        self.assertTrue(lines)
        for line in lines:
            self.assertRegex(line, r"Z +(WARN|ERROR) ")
