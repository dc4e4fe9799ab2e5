"""Plumbing: paths that are not there, CORS, keep-alive, and HTTP as it comes."""

from __future__ import annotations

from sockudo_tx.testing import Response
from sockudo_tx.transports.rest.site import CorsSettings, RestSettings

from .case import HttpCase, RawConnection, event_frame, signed

EVENT = b'{"name":"n","channels":["c"],"data":"d"}'
VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
PAGE = "https://shop.example.com"


def cors_of(response: Response) -> dict[str, str]:
    """The CORS headers without their common start."""
    start = "access-control-"
    return {name[len(start) :]: value for name, value in response.headers.items() if name.startswith(start)}


class PlumbingTests(HttpCase):
    """Cases H-79, H-81, H-82 and H-90."""

    def serve_cors(self, *origin: str, credentials: bool = True) -> None:
        self.serve(rest=RestSettings(cors=CorsSettings(origin=origin, credentials=credentials)))

    def visit(self, method: str, target: str, origin: str | None = PAGE, body: bytes = b"") -> Response:
        response = self.call(method, target, body, {} if origin is None else {"Origin": origin})
        self.assertEqual(response.headers["vary"], VARY)
        return response

    def test_H79_other_paths(self) -> None:
        """`GET /`: 404; unknown path: 404 JSON; `/usage`: numbers consistent (`free+used=total`), in bytes."""
        unknown = [
            "/",
            "//",
            "/x",
            "/up//",
            "/apps",
            "/apps/app-id",
            "/apps/app-id/nothing",
            "/apps//events",
            "/apps/app-id/events/x",
        ]
        unknown += [
            "/apps/app-id/channels/c/events",
            "/apps/app-id/channels/c/users/x",
            "/apps/app-id/users/u",
            "/metrics",
            "/app",
            "/App/x",
            "*",
            "x",
        ]
        for path in unknown:
            self.assertRefused(self.call("GET", path), 404, "not_found")
        memory = self.call("GET", "/usage").json["memory"]
        self.assertEqual(memory["free"] + memory["used"], memory["total"])
        self.assertAlmostEqual(memory["percent"], 100 * memory["used"] / memory["total"], 1)
        self.assertGreater(memory["total"], 16 * 1024 * 1024)
        self.assertLess(memory["total"], 2**50)
        self.serve(rest=RestSettings(usage_enabled=False))
        self.assertRefused(self.call("GET", "/usage"), 404, "not_found")
        self.assertRefused(self.call("GET", "/stats"), 404, "not_found")

    def test_H81_default_cors(self) -> None:
        """Default CORS: `*` on 200, 401, 404 and 429; no credentials header."""
        for target, status in ((signed("GET", "/apps/app-id/channels"), 200), ("/apps/app-id/channels", 401), ("/x", 404), ("/up", 200)):  # fmt: skip
            for origin in (PAGE, None):
                response = self.visit("GET", target, origin)
                self.assertEqual((response.status, cors_of(response)), (status, {"allow-origin": "*"}))
        self.serve(rest=RestSettings(request_limit=10))
        refused = self.visit("POST", signed("POST", "/apps/app-id/events", body=EVENT), body=EVENT)
        self.assertEqual((refused.status, cors_of(refused)), (413, {"allow-origin": "*"}))
        self.assertEqual(cors_of(RawConnection(self.server).ask(b"nonsense\r\n\r\n")), {"allow-origin": "*"})

    def test_H82_listed_origins(self) -> None:
        """Listed origin: echoed with credentials; unlisted: no header, request still served."""
        self.serve_cors("https://other.org", "*.example.com")
        self.assertEqual(cors_of(self.visit("GET", "/up")), {"allow-origin": PAGE, "allow-credentials": "true"})
        self.assertEqual(cors_of(self.visit("GET", "/x", "HTTPS://OTHER.ORG"))["allow-origin"], "HTTPS://OTHER.ORG")
        for origin in ("https://example.org", "null", "", None):
            response = self.visit("GET", "/up", origin)
            self.assertEqual((response.status, response.text, cors_of(response)), (200, "OK", {}))
        self.serve_cors(PAGE, credentials=False)
        self.assertEqual(cors_of(self.visit("GET", "/up")), {"allow-origin": PAGE})

    def test_open_and_empty_lists(self) -> None:
        """`*` or `any` beside other origins opens to all without credentials; an empty list opens to nobody."""
        for word in ("*", "any", "ANY"):
            self.serve_cors(PAGE, word)
            self.assertEqual(cors_of(self.visit("GET", "/up")), {"allow-origin": "*"})
        self.serve_cors()
        self.assertEqual(cors_of(self.visit("GET", "/up")), {})
        self.assertEqual(cors_of(self.visit("OPTIONS", "/up")), {})

    def test_preflight(self) -> None:
        """OPTIONS is answered anywhere, with what may be sent and nothing else."""
        for path in ("/apps/app-id/events", "/nowhere", "*", "/", "/app/app-key"):
            response = self.visit("OPTIONS", path)
            self.assertEqual((response.status, response.body), (200, b""))
            self.assertEqual(
                cors_of(response),
                {
                    "allow-origin": "*",
                    "allow-methods": "GET,POST,OPTIONS",
                    "allow-headers": "authorization,content-type,x-requested-with,accept",
                },
            )

    def test_H90_keep_alive(self) -> None:
        """HTTP keep-alive: two signed calls on one connection."""
        client = self.subscriber("c")
        connection = RawConnection(self.server)
        call = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (
            signed("POST", "/apps/app-id/events", body=EVENT).encode(),
            len(EVENT),
            EVENT,
        )
        for _ in range(2):
            self.assertJson(connection.ask(call), {"ok": True})
        self.assertEqual([answer.status for answer in connection.send(call * 3).take()], [200] * 3)
        self.assertHeard(client, *[event_frame("n", "c", "d")] * 5)
        self.assertFalse(connection.ended)

    def test_idle_connection(self) -> None:
        """A connection that says nothing for a minute is closed, not sooner."""
        connection = RawConnection(self.server)
        connection.ask(b"GET /up HTTP/1.1\r\n\r\n")
        self.server.advance(59)
        connection.ask(b"GET /up HTTP/1.1\r\n\r\n")
        self.server.advance(59)
        self.assertFalse(connection.ended)
        self.server.advance(2)
        self.assertTrue(connection.ended)

    def test_upgrade_after_requests(self) -> None:
        """A connection that carried REST requests can still become a WebSocket, and is told why when it cannot."""
        connection = RawConnection(self.server)
        connection.ask(b"GET /up HTTP/1.1\r\n\r\n")
        refused = connection.ask(b"GET /app/app-key HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertRefused(refused, 400, "invalid_input", "Upgrade")
        self.assertEqual(connection.ask(b"POST /app/app-key HTTP/1.1\r\n\r\n").status, 405)
        connection.send(
            b"GET /app/app-key?protocol=7 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        self.server.pump()
        self.assertTrue(connection.received.startswith(b"HTTP/1.1 101 "))
        self.assertIn(b"pusher:connection_established", connection.received)
