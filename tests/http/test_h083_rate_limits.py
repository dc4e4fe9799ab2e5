"""H-80 and H-83 to H-89: how often a client may ask, and who that is."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from sockudo_tx.backends.spare_limiter import SpareLimiter
from sockudo_tx.interfaces import BackendError
from sockudo_tx.protocol.limits import Quota, Verdict
from sockudo_tx.testing import MemoryServer, Response
from sockudo_tx.transports.rest.settings import CorsSettings, LimitSettings, RateLimitSettings, RestSettings
from tests.http.case import HttpCase, RawConnection, signed
from tests.http.scrape import Scraper

UPGRADE = "/app/app-key?protocol=7"
HEADERS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after")


class LimitedCase(HttpCase):
    """A server with a limit of three calls a minute."""

    def limit(self, max_requests: int = 3, hops: int = 0, websocket: LimitSettings | None = None, **more: Any) -> None:
        self.serve(
            rest=RestSettings(
                rate_limits=RateLimitSettings(
                    enabled=True, api=LimitSettings(max_requests=max_requests, hops=hops), websocket=websocket
                ),
                **more,
            )
        )

    def setUp(self) -> None:
        self.limit()

    def ask(self, address: str | None = None, **headers: str) -> Response:
        """A signed call from this address, or with these headers."""
        if address is not None:
            self.server.peer = address
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call("GET", signed("GET", "/apps/app-id/channels", at=self.now), headers=sent)

    def exhaust(self) -> None:
        for _ in range(3):
            self.assertEqual(self.ask().status, 200)

    def connect(self) -> int:
        return self.server.connect(UPGRADE).status

    def counts(self) -> dict[tuple[str, str], tuple[int, int]]:
        return {key: (each.checks, each.triggered) for key, each in self.server.site.api.limits.counts.items()}


class RateLimitTests(LimitedCase):
    """The limiter"""

    def test_H83_up_to_the_limit(self) -> None:
        """The third reply has nothing remaining, the fourth is a 429 that says when; then the next is allowed."""
        replies = [self.ask() for _ in range(4)]
        self.assertEqual([reply.status for reply in replies], [200, 200, 200, 429])
        self.assertEqual([reply.headers["x-ratelimit-remaining"] for reply in replies], ["2", "1", "0", "0"])
        self.assertEqual({reply.headers["x-ratelimit-limit"] for reply in replies}, {"3"})
        refused = replies[3]
        self.assertEqual(refused.headers["retry-after"], refused.headers["x-ratelimit-reset"])
        seconds = int(refused.headers["retry-after"])
        self.assertTrue(1 <= seconds <= 60, seconds)
        self.server.advance(seconds - 1)
        self.assertEqual(self.ask().status, 429)
        self.server.advance(1)
        self.assertEqual(self.ask().status, 200)

    def test_body(self) -> None:
        """A refusal has the reference's two members in front."""
        self.exhaust()
        body = self.ask().json
        self.assertEqual(list(body), ["error", "message", "code", "status"])
        self.assertEqual((body["error"], body["code"], body["status"]), ("Too Many Requests", "rate_limited", 429))

    def test_every_status(self) -> None:
        """Each reply of a limited route tells, whatever its status, and counts; before the signature is looked at."""
        self.limit(max_requests=5)
        replies = [
            self.call("GET", "/apps/app-id/channels"),
            self.call("GET", "/apps/nobody/channels"),
            self.post("/events", {"name": "n"}),
            self.call("POST", "/apps/app-id/events", headers={"Content-Length": "99999999"}),
            self.call("POST", "/users/u/terminate_connections"),
            self.call("GET", "/apps/app-id/channels"),
        ]
        self.assertEqual([reply.status for reply in replies], [401, 404, 400, 413, 401, 429])
        self.assertEqual([reply.headers["x-ratelimit-remaining"] for reply in replies], ["4", "3", "2", "1", "0", "0"])

    def test_refused_before_the_body(self) -> None:
        """A client that asks before it sends its body is refused then; one that does not keeps its connection."""
        self.exhaust()
        head = signed("POST", "/apps/app-id/events", body=b"{}").encode() + b" HTTP/1.1\r\nContent-Length: 2\r\n"
        connection = RawConnection(self.server).send(b"POST " + head + b"Expect: 100-continue\r\n\r\n")
        self.assertEqual([reply.status for reply in connection.take()], [429])
        connection = RawConnection(self.server).send(b"POST " + head + b"\r\n{}GET /up HTTP/1.1\r\n\r\n")
        self.assertEqual([reply.status for reply in connection.take()], [429, 200])

    def test_H80_preflights(self) -> None:
        """`OPTIONS` is answered with CORS headers when nothing is left, and is not counted."""
        for _ in range(5):
            reply = self.call("OPTIONS", "/apps/app-id/events", headers={"Origin": "https://a.com"})
            self.assertEqual((reply.status, reply.headers["access-control-allow-origin"]), (200, "*"))
            self.assertNotIn("x-ratelimit-limit", reply.headers)
        self.exhaust()
        self.assertEqual(self.ask().status, 429)
        reply = self.call("OPTIONS", "/apps/app-id/events", headers={"Origin": "https://a.com"})
        self.assertEqual((reply.status, reply.headers["access-control-allow-origin"]), (200, "*"))

    def test_H81_cors(self) -> None:
        """A page may read that it was refused."""
        self.exhaust()
        self.assertEqual(self.ask().headers["access-control-allow-origin"], "*")
        self.limit(cors=CorsSettings(origin=("https://a.com",)))
        self.exhaust()
        reply = self.ask(Origin="https://a.com")
        self.assertEqual((reply.status, reply.headers["access-control-allow-origin"]), (429, "https://a.com"))

    def test_H84_never_limited(self) -> None:
        """Health, usage and unknown paths are answered when nothing is left, and do not count."""
        paths = ("/up", "/up/app-id", "/live", "/ready", "/usage", "/stats", "/nothing", "/apps/app-id/nothing")
        for remaining in (3, 0):
            for path in paths:
                reply = self.call("GET", path)
                self.assertIn(reply.status, (200, 404))
                self.assertFalse(reply.headers.keys() & set(HEADERS), path)
            self.assertEqual(self.call("PUT", "/apps/app-id/channels").status, 405)
            if remaining:
                self.exhaust()
        self.assertEqual(self.ask().status, 429)

    def test_S102_other_routes(self) -> None:
        """`/up` and `/metrics` are never refused, and the limit of upgrades counts `/app/` only."""
        self.limit(max_requests=1, websocket=LimitSettings(max_requests=1))
        scraper = Scraper(self.server)
        for _ in range(5):
            self.assertEqual(self.call("GET", "/up").status, 200)
            scraper.values()
        self.assertEqual([self.ask().status, self.connect()], [200, 101])
        self.assertEqual([self.ask().status, self.connect()], [429, 429])
        self.assertEqual(self.call("GET", "/up").status, 200)
        self.assertEqual(self.counts()["websocket_rate_limit", "websocket_upgrade"], (2, 1))

    def test_H84_own_limit_of_upgrades(self) -> None:
        """With a WebSocket limit of two the third upgrade is a plain 429, and REST is not touched by it."""
        self.limit(websocket=LimitSettings(max_requests=2))
        self.assertEqual([self.connect() for _ in range(3)], [101, 101, 429])
        client = self.server.connect(UPGRADE)
        self.assertEqual(client.headers["content-type"], "application/json")
        self.assertEqual(client.headers["retry-after"], client.headers["x-ratelimit-reset"])
        self.exhaust()
        self.assertEqual(
            self.counts(),
            {("api_rate_limit", "http_api"): (3, 0), ("websocket_rate_limit", "websocket_upgrade"): (4, 2)},
        )

    def test_H84_shared(self) -> None:
        """Without one, upgrades and calls share a counter."""
        self.assertEqual([self.connect(), self.ask().status, self.connect()], [101, 200, 101])
        self.assertEqual([self.connect(), self.ask().status], [429, 429])
        self.assertEqual(
            self.counts(),
            {("api_rate_limit", "http_api"): (2, 1), ("api_rate_limit", "websocket_upgrade"): (3, 1)},
        )

    def test_upgrades_tell(self) -> None:
        """The answer to an upgrade has the headers too, and the WebSocket behind it works."""
        client = self.server.connect(UPGRADE)
        self.assertEqual(client.headers["x-ratelimit-remaining"], "2")
        self.assertTrue(client.established)
        client.take()
        client.subscribe("c")
        self.publish()
        self.assertEqual(len(client.take()), 1)

    def test_H88_switched_off(self) -> None:
        """Without a limit there are no headers, and nothing is counted."""
        self.serve()
        for _ in range(200):
            reply = self.ask()
            self.assertEqual(reply.status, 200)
        self.assertFalse(reply.headers.keys() & set(HEADERS))
        self.assertFalse(self.server.connect(UPGRADE).headers.keys() & set(HEADERS))
        self.assertEqual(len(self.server.limiter), 0)

    def test_no_limit(self) -> None:
        """0 is no limit, for either."""
        self.limit(max_requests=0)
        self.assertFalse({self.ask().status for _ in range(200)} - {200})
        self.limit(websocket=LimitSettings(max_requests=0))
        self.assertEqual({self.connect() for _ in range(10)}, {101})

    def test_reload(self) -> None:
        """Other limits hold from the next request on; what was counted stays counted."""
        self.exhaust()
        settings = RateLimitSettings(enabled=True, api=LimitSettings(max_requests=4))
        self.server.site.adjust(RestSettings(rate_limits=settings))
        self.assertEqual([self.ask().status, self.ask().status], [200, 429])
        self.server.site.adjust(RestSettings())
        self.assertEqual(self.ask().status, 200)


class WhoseTests(LimitedCase):
    """Whose counter it is"""

    def test_addresses(self) -> None:
        """Each address has its own, over all connections and apps."""
        self.exhaust()
        self.assertEqual(self.ask().status, 429)
        self.assertEqual(self.ask("192.0.2.2").status, 200)

    def test_H85_forged(self) -> None:
        """Without trusted proxies headers change nothing."""
        statuses = [
            self.ask(X_Forwarded_For=f"198.51.100.{number}", X_Real_IP=f"198.51.100.{number}").status
            for number in range(4)
        ]
        self.assertEqual(statuses, [200, 200, 200, 429])

    def test_H86_behind_proxies(self) -> None:
        """The client is the entry as many places from the right as there are proxies."""
        for hops, client in ((1, "198.51.100.2"), (2, "198.51.100.1"), (5, "198.51.100.1")):
            self.limit(hops=hops)
            for _ in range(3):
                self.ask(X_Forwarded_For="198.51.100.1, 198.51.100.2")
            for number in ("1", "2"):
                self.limit_of(f"198.51.100.{number}", f"198.51.100.{number}" == client)

    def limit_of(self, address: str, exhausted: bool) -> None:
        status = self.ask(X_Forwarded_For=", ".join([address] * 5)).status
        self.assertEqual(status, 429 if exhausted else 200, address)

    def test_H86_garbage(self) -> None:
        """An entry that is no address falls back to the peer."""
        self.limit(hops=1)
        for _ in range(3):
            self.ask(X_Forwarded_For="nobody")
        self.assertEqual(self.ask().status, 429)

    def test_H89_mapped(self) -> None:
        """`::ffff:1.2.3.4` and `1.2.3.4` share a counter, as peers and as the word of a proxy."""
        for address in ("::ffff:1.2.3.4", "1.2.3.4", "::FFFF:102:304"):
            self.assertEqual(self.ask(address).status, 200)
        self.assertEqual(self.ask("1.2.3.4").status, 429)
        self.limit(hops=1)
        for address in ("[::ffff:1.2.3.4]:99", "1.2.3.4", "1.2.3.4:5"):
            self.assertEqual(self.ask(X_Forwarded_For=address).status, 200)
        self.assertEqual(self.ask(X_Forwarded_For="::ffff:1.2.3.4").status, 429)

    def test_S101_selected(self) -> None:
        """With 0, 1 or 2 trusted proxies, forged headers in front of theirs change nobody's counter."""
        theirs = ("198.51.100.7", "198.51.100.8")
        for hops, client in ((0, None), (1, theirs[1]), (2, theirs[0])):
            self.limit(hops=hops)
            statuses = [
                self.ask(X_Forwarded_For=f"203.0.113.{number}, {theirs[0]}, {theirs[1]}", X_Real_IP=f"192.0.2.{number}")
                for number in range(4)
            ]
            self.assertEqual([reply.status for reply in statuses], [200, 200, 200, 429], hops)
            keys = set(self.server.limiter._windows)
            self.assertEqual(keys, {f"api:{client or '127.0.0.1'}"})

    def test_S101_one_network(self) -> None:
        """Whoever has a whole IPv6 network does not have as many counters."""
        for number in range(3):
            self.assertEqual(self.ask(f"2001:db8::{number + 1}").status, 200)
        self.assertEqual(self.ask("2001:db8::ffff").status, 429)
        self.assertEqual(self.ask("2001:db8:0:1::1").status, 200)


class Unreachable:
    """A limiter whose backend fails, at once or after a while."""

    def __init__(self, server: MemoryServer) -> None:
        self._server = server
        self.later = False

    def take(self, key: str, quota: Quota, weight: int = 1) -> Any:
        if not self.later:
            raise BackendError("connection refused")
        answer: Deferred[Verdict] = Deferred()
        self._server.clock.callLater(0.05, answer.errback, BackendError("connection reset"))
        return answer


class BackendTests(LimitedCase):
    """A limiter on another machine"""

    def test_H87_failing(self) -> None:
        """When it fails the local one decides; nobody gets a 500."""
        for later in (False, True):
            self.limit()
            shared = Unreachable(self.server)
            shared.later = later
            limits = self.server.site.api.limits
            limiter: Any = SpareLimiter(shared, self.server.limiter, self.server.clock)  # type: ignore[arg-type]
            limits._limiter = limiter
            limits.adjust(RateLimitSettings(enabled=True, api=LimitSettings(max_requests=3)))
            target = f"GET {signed('GET', '/apps/app-id/channels', at=self.now)} HTTP/1.1\r\n\r\n".encode()
            connection = RawConnection(self.server)
            statuses = []
            for _ in range(4):
                connection.send(target)
                self.server.advance(0.1)
                statuses += [reply.status for reply in connection.take()]
            self.assertEqual(statuses, [200, 200, 200, 429])

    def test_upgrades_wait(self) -> None:
        """An upgrade waits for the answer, with what the client sends meanwhile."""
        shared = Unreachable(self.server)
        shared.later = True
        limits = self.server.site.api.limits
        limiter: Any = SpareLimiter(shared, self.server.limiter, self.server.clock)  # type: ignore[arg-type]
        limits._limiter = limiter
        limits.adjust(RateLimitSettings(enabled=True, api=LimitSettings(max_requests=1)))
        clients = [self.server.connect(UPGRADE) for _ in range(2)]
        self.server.advance(1)
        self.assertEqual([client.status for client in clients], [101, 429])
