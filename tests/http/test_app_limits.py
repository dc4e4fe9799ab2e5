"""How much an app's backend may publish and read in a second (decisions.md 24 and 45)."""

from __future__ import annotations

from typing import Any

from sockudo_tx.protocol.app import App
from sockudo_tx.testing import Response, fixture_app
from sockudo_tx.transports.rest.settings import LimitSettings, RateLimitSettings, RestSettings
from tests.http.case import HttpCase, signed

EVENT = {"name": "n", "channel": "c", "data": ""}
REFUSED = {
    "error": "Too Many Requests",
    "message": "This app may publish 3 events in a second. Please try again in 1 s.",
    "code": "rate_limited",
    "status": 429,
}


def demo(**changes: Any) -> App:
    return fixture_app(id="app-id", key="app-key", secret="app-secret", **changes)


class AppLimitCase(HttpCase):
    """An app with limits of its own."""

    def limit(self, rest: RestSettings | None = None, **limits: Any) -> None:
        self.serve([demo(**limits)], rest=rest)

    def events(self, number: int = 1) -> list[int]:
        """The statuses of so many calls that publish an event each."""
        return [self.post("/events", EVENT).status for _ in range(number)]

    def batch_of(self, size: int) -> Response:
        return self.post("/batch_events", {"batch": [EVENT] * size})

    def ask(self, path: str = "/channels", method: str = "GET") -> Response:
        path = f"/apps/app-id{path}"
        return self.call(method, signed(method, path, at=self.now))

    def counts(self) -> tuple[int, int, int, int]:
        tally = self.server.engine.tally.of("app-id")
        return tally.backend_event_checks, tally.backend_event_refusals, tally.read_checks, tally.read_refusals


class PublishLimitTests(AppLimitCase):
    """`max_backend_events_per_second`"""

    def setUp(self) -> None:
        self.limit(max_backend_events_per_second=3)

    def test_a_second(self) -> None:
        """Beyond the limit a call is a 429 to be tried again after a second, and then it is allowed."""
        self.assertEqual(self.events(3), [200] * 3)
        refused = self.post("/events", EVENT)
        self.assertEqual((refused.status, refused.json), (429, REFUSED))
        self.assertEqual(list(refused.json), list(REFUSED))
        self.assertEqual(refused.headers["retry-after"], "1")
        self.server.advance(1)
        self.assertEqual(self.events(4), [200, 200, 200, 429])

    def test_slides(self) -> None:
        """There are never more in any second, whenever it begins."""
        self.server.advance(0.9)
        self.assertEqual(self.events(3), [200] * 3)
        self.server.advance(0.2)
        self.assertEqual(self.events(1), [429])

    def test_nothing_is_published(self) -> None:
        """Of what is refused nobody hears, and a call that is tried again with its key is published once."""
        client = self.subscriber("c")
        self.events(3)
        client.take()
        body = {**EVENT, "idempotency_key": "k"}
        self.assertEqual(self.post("/events", body).status, 429)
        self.assertEqual(client.take(), [])
        self.server.advance(1)
        self.assertEqual([self.post("/events", body).status for _ in range(2)], [200, 200])
        self.assertEqual(len(client.take()), 1)

    def test_batches(self) -> None:
        """A batch counts as many as it has events, all of them or none."""
        client = self.subscriber("c")
        self.assertEqual([self.batch_of(2).status, self.batch_of(2).status], [200, 429])
        self.assertEqual(len(client.take()), 2)
        self.assertEqual(self.events(2), [200, 429])
        self.assertEqual(self.counts(), (6, 3, 0, 0))

    def test_too_large_a_batch(self) -> None:
        """A batch that no second has room for is told so: waiting would not help."""
        refused = self.batch_of(4)
        self.assertEqual((refused.status, refused.json["code"]), (400, "limit_exceeded"))
        self.assertIn("more than the 3", refused.json["error"])
        self.assertEqual(self.batch_of(3).status, 200)

    def test_many_channels(self) -> None:
        """An event to several channels is one."""
        body = {"name": "n", "channels": ["a", "b", "c"], "data": ""}
        self.assertEqual([self.post("/events", body).status for _ in range(4)], [200, 200, 200, 429])

    def test_what_does_not_count(self) -> None:
        """Calls of strangers, calls that cannot be understood, empty batches and other calls count nothing."""
        for _ in range(5):
            self.assertEqual(self.call("POST", "/apps/app-id/events").status, 401)
            self.assertEqual(self.post("/events", {"name": "n"}).status, 400)
            self.assertEqual(self.batch_of(0).status, 200)
            self.assertEqual(self.post("/users/u/terminate_connections", {}).status, 200)
            self.assertEqual(self.ask().status, 200)
        self.assertEqual(self.events(4), [200, 200, 200, 429])
        self.assertEqual(self.counts(), (4, 1, 0, 0))

    def test_whole_app(self) -> None:
        """All addresses together have one limit, and each app its own."""
        other = fixture_app(id="b", key="kb", secret="sb", max_backend_events_per_second=1)
        self.serve([demo(max_backend_events_per_second=2), other])
        statuses = []
        for number in range(3):
            self.server.peer = f"192.0.2.{number}"
            statuses += self.events()
        self.assertEqual(statuses, [200, 200, 429])
        body = b'{"name":"n","channel":"c","data":""}'
        target = signed("POST", "/apps/b/events", body=body, at=self.now, app=other)
        self.assertEqual([self.call("POST", target, body).status for _ in range(2)], [200, 429])

    def test_reload(self) -> None:
        """Another limit holds from the next call on."""
        self.events(3)
        self.assertEqual(self.events(), [429])
        self.server.change_app("app-id", max_backend_events_per_second=4)
        self.assertEqual(self.events(2), [200, 429])
        self.server.change_app("app-id", max_backend_events_per_second=None)
        self.assertEqual(self.events(10), [200] * 10)

    def test_unlimited(self) -> None:
        """Unset or 0 is no limit, and costs nothing: nobody is asked."""
        for most in (None, 0):
            self.limit(max_backend_events_per_second=most, max_read_requests_per_second=most)
            self.assertEqual(self.events(150), [200] * 150)
            self.assertEqual({self.ask().status for _ in range(150)}, {200})
            self.assertEqual((len(self.server.limiter), self.counts()), (0, (0, 0, 0, 0)))


class ReadLimitTests(AppLimitCase):
    """`max_read_requests_per_second`"""

    def test_reads(self) -> None:
        """Whatever asks counts, also without a body in the answer; what publishes does not."""
        self.limit(max_read_requests_per_second=4)
        paths = ("/channels", "/channels/c", "/channels/presence-c/users")
        self.assertEqual([self.ask(path).status for path in paths], [200] * 3)
        self.assertEqual(self.ask(method="HEAD").status, 200)
        refused = self.ask()
        self.assertEqual((refused.status, refused.headers["retry-after"]), (429, "1"))
        self.assertEqual(refused.json["message"], "This app may read 4 times in a second. Please try again in 1 s.")
        self.assertEqual((self.ask(method="HEAD").status, self.events(5)), (429, [200] * 5))
        self.assertEqual(self.counts(), (0, 0, 6, 2))
        self.server.advance(1)
        self.assertEqual(self.ask().status, 200)

    def test_what_does_not_count(self) -> None:
        """Strangers, health and usage count nothing and are never refused."""
        self.limit(max_read_requests_per_second=1)
        for _ in range(3):
            self.assertEqual(self.call("GET", "/apps/app-id/channels").status, 401)
            self.assertEqual({self.call("GET", path).status for path in ("/up", "/up/app-id", "/usage")}, {200})
        self.assertEqual([self.ask().status, self.ask().status], [200, 429])
        self.assertEqual({self.call("GET", path).status for path in ("/up", "/up/app-id", "/usage")}, {200})


class BothTests(AppLimitCase):
    """Beside the limit of addresses"""

    def test_headers(self) -> None:
        """Alone it adds no headers but `Retry-After`; where addresses are limited their headers are on every answer."""
        self.limit(max_backend_events_per_second=1)
        self.events()
        refused = self.post("/events", EVENT)
        self.assertFalse([name for name in refused.headers if name.startswith("x-ratelimit")])
        limits = RateLimitSettings(enabled=True, api=LimitSettings(max_requests=3))
        self.limit(RestSettings(rate_limits=limits), max_backend_events_per_second=1)
        replies = [self.post("/events", EVENT) for _ in range(4)]
        self.assertEqual([reply.status for reply in replies], [200, 429, 429, 429])
        self.assertEqual([reply.headers["x-ratelimit-remaining"] for reply in replies], ["2", "1", "0", "0"])
        self.assertEqual([reply.headers.get("retry-after") for reply in replies], [None, "1", "1", "60"])
