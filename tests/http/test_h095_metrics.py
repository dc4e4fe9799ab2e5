"""Metrics: cases H-95 to H-100. Those about processes and ports are in tests/integration/test_metrics.py."""

from __future__ import annotations

import secrets
from typing import Any

from sockudo_tx.engine.server import Engine
from sockudo_tx.engine.traced import TracedEngine, untraced
from sockudo_tx.testing import fixture_app
from sockudo_tx.transports.settings import WebSocketSettings

from .case import DEMO, HttpCase, RawConnection, signed
from .scrape import SCRAPE, Scraper

APP = 'app_id="app-id",port="9601"'


class MetricsTests(HttpCase):
    """What the counts of a server are after something has happened."""

    def setUp(self) -> None:
        super().setUp()
        self.scraper = Scraper(self.server)

    def test_H95_port(self) -> None:
        """`/metrics` content type exact; not served on the main port; other paths are 404, other methods 405."""
        answer = self.scraper.ask()
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
        self.assertEqual(self.call("GET", "/metrics").status, 404)
        head = self.scraper.ask(SCRAPE.replace(b"GET", b"HEAD"))
        self.assertEqual((head.status, head.headers["content-type"]), (200, answer.headers["content-type"]))
        for path, status in ((b"/", 404), (b"/up", 404), (b"/metrics/x", 404), (b"/metrics?x=1", 200)):
            self.assertEqual(self.scraper.ask(SCRAPE.replace(b"/metrics", path, 1)).status, status, path)
        for method in (b"POST", b"OPTIONS", b"DELETE"):
            self.assertEqual(self.scraper.ask(SCRAPE.replace(b"GET", method)).status, 405, method)

    def test_H96_publish(self) -> None:
        """After one publish to 2 subscribers: messages sent +2, their bytes, one API call with its bodies, one
        latency."""
        clients = [self.subscriber("c"), self.subscriber("c")]
        before = self.scraper.values()
        answer = self.publish(data="d" * 10)
        size = len(b'{"event":"n","channel":"c","data":"dddddddddd"}') + 2
        body = len(b'{"name": "n", "channels": ["c"], "data": "dddddddddd"}')
        latency = APP + ',channel_type="public",recipient_count_bucket="xs"'
        found = self.scraper.since(before)
        self.assertEqual(found.pop(f"sockudo_broadcast_latency_ms_count{{{latency}}}"), 1)
        self.assertEqual(found.pop(f'sockudo_broadcast_latency_ms_bucket{{{latency},le="0.5"}}'), 1)
        found = {name: value for name, value in found.items() if "latency" not in name}
        self.assertEqual(
            found,
            {
                f"sockudo_ws_messages_sent_total{{{APP}}}": 2,
                f"sockudo_socket_transmitted_bytes{{{APP}}}": 2 * size,
                f"sockudo_http_calls_received_total{{{APP}}}": 1,
                f"sockudo_http_received_bytes{{{APP}}}": body,
                f"sockudo_http_transmitted_bytes{{{APP}}}": len(answer.body),
                'sockudo_http_responses_total{port="9601",route="/apps/{app_id}/events",status="200"}': 1,
            },
        )
        self.assertTrue(all(len(client.take()) == 1 for client in clients))

    def test_H96_again(self) -> None:
        """Each publish has its latency, in a turn of its own or in one with others; each is counted once."""
        self.subscriber("c")
        for times in (1, 2, 3):
            self.publish()
            key = f'sockudo_broadcast_latency_ms_count{{{APP},channel_type="public",recipient_count_bucket="xs"}}'
            self.assertEqual(self.scraper.values()[key], times)

    def test_H96_nobody(self) -> None:
        """An event that nobody hears has no latency."""
        self.publish()
        self.assertNotIn("broadcast_latency", self.scraper.page())

    def test_outboxes(self) -> None:
        """What waits for clients that do not read, and nothing of those that do; in debug mode too."""
        for engine in (Engine, TracedEngine):
            self.serve(engine=engine)
            self.scraper = Scraper(self.server)
            self.subscriber("c")
            slow = next(iter(self.server.engine.sockets()))
            self.subscriber("c")
            outbox: Any = untraced(slow.sink)
            outbox.pauseProducing()  # as its transport says when it is full
            self.publish(data="d" * 10)
            self.publish(data="d" * 10)
            frame = len(b'{"event":"n","channel":"c","data":"dddddddddd"}') + 2
            for name, value in (("clients", 1), ("messages", 2), ("bytes", 2 * frame)):
                self.assertEqual(self.scraper.values()[f'sockudo_outbox_{name}{{port="9601"}}'], value, engine)
            outbox.resumeProducing()
            self.assertEqual(self.scraper.values()['sockudo_outbox_clients{port="9601"}'], 0)

    def test_H97_names(self) -> None:
        """Counters have exactly their names, in HELP and TYPE lines too, and no `_created` series exists."""
        self.subscriber("c")
        page = self.scraper.page()
        self.assertIn("# TYPE sockudo_socket_received_bytes counter\n", page)
        self.assertIn(f"\nsockudo_socket_received_bytes{{{APP}}} ", page)
        self.assertNotIn("socket_received_bytes_total", page)
        self.assertNotIn("_created", page)
        names = [line.split(" ")[2] for line in page.splitlines() if line.startswith("# TYPE ")]
        self.assertEqual(names, sorted(names))

    def test_H98_disconnects(self) -> None:
        """`sockudo_connected` returns to 0 after abrupt disconnects; `active_channels` too."""
        clients = [self.subscriber("c", "private-c", "presence-c", user_id=str(number)) for number in range(10)]
        found = self.scraper.values()
        kind = 'sockudo_%s{app_id="app-id",port="9601",channel_type="%s"}'
        self.assertEqual(found[f"sockudo_connected{{{APP}}}"], 10)
        self.assertEqual(
            [found[kind % ("active_channels", each)] for each in ("public", "private", "presence")], [1] * 3
        )
        for client in clients:
            client.cut()
        self.server.advance(60)
        found = self.scraper.values()
        self.assertEqual(found[f"sockudo_connected{{{APP}}}"], 0)
        for each in ("public", "private", "presence"):
            self.assertEqual(found[kind % ("active_channels", each)], 0)
            self.assertEqual(found[kind % ("channel_subscriptions_total", each)], 10)
            self.assertEqual(found[kind % ("channel_unsubscriptions_total", each)], 10)
        self.assertEqual(found[f"sockudo_new_connections_total{{{APP}}}"], 10)
        self.assertEqual(found[f"sockudo_new_disconnections_total{{{APP}}}"], 10)

    def test_H99_prefix_and_port(self) -> None:
        """Custom prefix applies to all but the `process_*` families; `port` label equals the metrics port."""
        self.subscriber("c")
        self.publish()
        self.call("GET", "/up")
        values = Scraper(self.server, "my_", "9700").values()
        self.assertEqual({name.partition("_")[0] for name in values}, {"my", "process"})
        self.assertEqual([name for name in values if 'port="' in name and 'port="9700"' not in name], [])
        self.assertGreater(sum('port="9700"' in name for name in values), 10)

    def test_H100_strangers(self) -> None:
        """A thousand random keys on `/app/...` and ids on `/up/...` add no new label values beyond `unknown`."""
        self.server.client(DEMO.key).cut()
        self.call("GET", "/up")
        before = set(self.scraper.values())
        backend = RawConnection(self.server)
        for number in range(1000):
            name = secrets.token_hex(8)
            self.server.connect(f"/app/{name}?protocol=7").cut()
            backend.send(f"GET /up/{name} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            if number % 20 == 0:
                self.call("GET", f"/{name}")
                self.call("GET", signed("GET", f"/apps/{name}/channels"))
        added = {name for name in set(self.scraper.values()) - before if "http_responses" not in name}
        self.assertEqual(
            added, {'sockudo_connection_errors_total{app_id="unknown",port="9601",error_type="app_not_found"}'}
        )
        routes = {
            line.split('route="')[1].split('"')[0] for line in self.scraper.page().splitlines() if "route=" in line
        }
        self.assertEqual(routes, {"/up", "/up/{app_id}", "/apps/{app_id}/channels", "none"})

    def test_calls(self) -> None:
        """A signed route that names an existing app counts whatever becomes of it; health calls count for `system` or
        their app; nothing else counts."""
        self.serve([DEMO], rest=None)
        scraper = Scraper(self.server)
        self.get("/channels")  # 200
        self.call("GET", "/apps/app-id/channels")  # 401
        self.call("DELETE", "/apps/app-id/channels")  # 405
        self.post("/events", b"no JSON")  # 400
        self.call("POST", "/apps/app-id/events", headers={"Content-Length": "99999999"})  # 413
        self.call("GET", "/up/app-id")
        for _ in range(3):
            self.call("GET", "/up")
        for path in ("/usage", "/live", "/nowhere", "/apps/other/channels", "/up/other", "/app/app-key"):
            self.call("GET", path)
        calls = {name: value for name, value in scraper.values().items() if "calls_received" in name}
        self.assertEqual(
            calls,
            {
                f"sockudo_http_calls_received_total{{{APP}}}": 6,
                'sockudo_http_calls_received_total{app_id="system",port="9601"}': 3,
            },
        )

    def test_errors(self) -> None:
        """Refused connections and protocol errors by type, for the app where it is known."""
        apps = [
            DEMO,
            fixture_app(id="off", key="off", enabled=False),
            fixture_app(id="shut", key="shut", allowed_origins=("https://a.example",)),
            fixture_app(id="full", key="full", max_connections=1),
        ]
        self.serve(apps)
        scraper = Scraper(self.server)
        for key in ("nobody", "off", "shut", "full", "full"):
            self.server.connect(f"/app/{key}?protocol=7", origin="https://b.example")
        client = self.server.client(DEMO.key)
        for message in ("{", "{}", '{"event":"pusher:subscribe","data":{}}', {"event": "client-x", "channel": "c"}):
            client.send(message)
        client.subscribe("private-x", auth="app-key:wrong")
        found = {name: value for name, value in scraper.values().items() if "errors" in name or "quota" in name}
        error = 'sockudo_connection_errors_total{app_id="%s",port="9601",error_type="%s"}'
        expected = {
            error % ("unknown", "app_not_found"): 1,
            error % ("off", "app_disabled"): 1,
            error % ("shut", "origin_not_allowed"): 1,
            error % ("app-id", "message_parse_error"): 1,
            error % ("app-id", "missing_event_name"): 1,
            error % ("app-id", "invalid_message_format"): 1,
            error % ("app-id", "authentication_failed"): 1,
            'sockudo_connections_over_quota_total{app_id="full",port="9601"}': 1,
        }
        self.assertEqual({name: value for name, value in found.items() if value}, expected)

    def test_received(self) -> None:
        """Messages of clients and the bytes of their texts; what is no message does not count."""
        client = self.subscriber("private-c")
        before = self.scraper.values()
        text = '{"event":"client-x","channel":"private-c","data":"é"}'
        client.send(text)
        client.send("no message")
        found = self.scraper.since(before)
        self.assertEqual(found[f"sockudo_ws_messages_received_total{{{APP}}}"], 1)
        self.assertEqual(found[f"sockudo_socket_received_bytes{{{APP}}}"], len(text.encode()))

    def test_client_event_rate(self) -> None:
        """Client events held against the app's rate, and those above it."""
        self.serve([fixture_app(id="app-id", key="app-key", secret="app-secret", max_client_events_per_second=2)])
        scraper = Scraper(self.server)
        client = self.subscriber("private-c")
        for _ in range(5):
            client.send({"event": "client-x", "channel": "private-c", "data": 1})
        limiter = APP + ',limiter_type="client_events",request_context="unknown"'
        found = scraper.values()
        self.assertEqual(found[f"sockudo_rate_limit_checks_total{{{limiter}}}"], 5)
        self.assertEqual(found[f"sockudo_rate_limit_triggered_total{{{limiter}}}"], 3)

    def test_message_rate(self) -> None:
        """Messages held against the limit of a connection, and those that ended one."""
        self.serve(websocket=WebSocketSettings(max_messages_per_second=2))
        scraper = Scraper(self.server)
        client = self.subscriber("c")
        for _ in range(3):
            client.send({"event": "pusher:ping", "data": {}})
        limiter = APP + ',limiter_type="messages",request_context="websocket"'
        found = scraper.values()
        self.assertEqual(found[f"sockudo_rate_limit_checks_total{{{limiter}}}"], 3)
        self.assertEqual(found[f"sockudo_rate_limit_triggered_total{{{limiter}}}"], 1)

    def test_app_limits(self) -> None:
        """Events and reading calls held against the limits of their app, a batch for each of its events."""
        limits = {"max_backend_events_per_second": 2, "max_read_requests_per_second": 1}
        self.serve([fixture_app(id="app-id", key="app-key", secret="app-secret", **limits)])
        scraper = Scraper(self.server)
        self.batch({"name": "n", "channel": "c", "data": ""}, {"name": "n", "channel": "c", "data": ""})
        self.publish()
        for _ in range(3):
            self.get("/channels")
        found = scraper.values()
        for limit, checks, triggered in (("backend_events", 3, 1), ("read_requests", 3, 2)):
            limiter = f'{APP},limiter_type="{limit}",request_context="http_api"'
            self.assertEqual(found[f"sockudo_rate_limit_checks_total{{{limiter}}}"], checks)
            self.assertEqual(found[f"sockudo_rate_limit_triggered_total{{{limiter}}}"], triggered)

    def test_idempotency(self) -> None:
        """Keys used first, and used again."""
        for _ in range(3):
            self.publish(idempotency_key="k")
        found = self.scraper.values()
        self.assertEqual(found[f"sockudo_idempotency_publish_total{{{APP}}}"], 1)
        self.assertEqual(found[f"sockudo_idempotency_duplicates_total{{{APP}}}"], 2)
