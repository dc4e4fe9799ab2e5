"""The boundary: bugs, failing backends and clients that hang up."""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, capturedLogs

from sockudo_tx.interfaces import BackendError
from sockudo_tx.logs import human_line
from sockudo_tx.protocol.app import App
from sockudo_tx.transports.rest.site import RestSettings
from tests.http.broken import UnreachableApps
from tests.http.case import HttpCase, RawConnection, signed


class Bug(Exception):
    """Something nobody thought of."""


def buggy(*_: Any) -> Any:
    raise Bug("hush")


def failing(*_: Any) -> Any:
    raise BackendError("hush")


class LateApps(UnreachableApps):
    """A store that answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[Deferred[App | None]] = []
        self.cancelled = 0

    def by_id(self, app_id: str) -> Deferred[App | None]:  # type: ignore[override]
        def cancel(_: Deferred[App | None]) -> None:
            self.cancelled += 1

        self.asked.append(Deferred(cancel))
        return self.asked[-1]


class AccessLogTests(HttpCase):
    """A line for each request, in debug mode"""

    def lines(self, *requests: bytes) -> list[str]:
        with capturedLogs() as events:
            for request in requests:
                RawConnection(self.server).send(request).take()
        return [
            re.sub(r"(?<=request_id=)\w{8}-\w+", "N", human_line(event).partition("Z ")[2].strip()) for event in events
        ]

    def test_H101_lines(self) -> None:
        """Method, path, status and time of every answer; nothing of the query or the body, not even of a refusal."""
        self.serve(rest=RestSettings(log_requests=True, request_limit=50))
        good = signed("POST", "/apps/app-id/events", body=b'{"name":"hush","channel":"c"}').encode()
        lines = self.lines(
            b'POST %b HTTP/1.1\r\nContent-Length: 29\r\n\r\n{"name":"hush","channel":"c"}' % good,
            b"GET /nothing?hush HTTP/1.1\r\n\r\n",
            b"POST %b HTTP/1.1\r\nContent-Length: 51\r\n\r\n" % good,
        )
        self.assertEqual(
            lines,
            [
                "DEBUG sockudo.http: POST /apps/app-id/events 200 in 0.0 ms request_id=N",
                "DEBUG sockudo.http: GET /nothing 404 in 0.0 ms request_id=N",
                "DEBUG sockudo.http: POST /apps/app-id/events 413 in 0.0 ms request_id=N",
            ],
        )

    def test_H101_signature_in_the_path(self) -> None:
        """A signature that a proxy moved into the path is neither logged nor echoed."""
        self.serve(rest=RestSettings(log_requests=True))
        for mark in (b"auth_signature=", b"auth%5Fsignature%3D", b"AUTH_SIGNATURE="):
            target = b"/apps/app-id/events%%3F%bhush" % mark
            self.assertNotIn("hush", self.lines(b"GET %b HTTP/1.1\r\n\r\n" % target)[0])
            answer = RawConnection(self.server).ask(b"GET %b HTTP/1.1\r\n\r\n" % target)
            self.assertRefused(answer, 404, "not_found", "/apps/app-id/events%3F…")
            self.assertNotIn("hush", answer.text)

    def test_request_ids(self) -> None:
        """Every answer names its request, and the log uses the same name; a proxy's name is kept if it is plain."""
        self.serve(rest=RestSettings(log_requests=True))
        connection = RawConnection(self.server)
        first, second = (connection.ask(b"GET /up HTTP/1.1\r\n\r\n").headers["x-request-id"] for _ in range(2))
        self.assertRegex(first, r"^[0-9a-f]{8}-[0-9a-f]+$")
        self.assertNotEqual(first, second)
        for given, kept in (
            (b"4bf92f3577b34da6a3ce929d0e0e4736", True),
            (b"Root=1-67891233-abcdef012345678912345678", True),
            (b"a" * 129, False),
            (b"two words", False),
            (b"a;b", False),
            (b"\xc3\xa4", False),
            (b"", False),
        ):
            answer = connection.ask(b"GET /nothing HTTP/1.1\r\nX-Request-Id: %b\r\n\r\n" % given)
            self.assertEqual(answer.headers["x-request-id"] == given.decode(), kept, given)
        (line,) = self.lines(b"GET /nothing HTTP/1.1\r\nX-Request-Id: abc\r\n\r\n")
        self.assertTrue(line.endswith("request_id=abc"), line)

    def refusal(self, request: str, **rest: Any) -> list[str]:
        """What the log says of a refused call."""
        self.serve(rest=RestSettings(**rest))
        with capturedLogs() as events:
            RawConnection(self.server).send(f"{request} HTTP/1.1\r\n\r\n".encode()).take()
        return [human_line(event).partition("Z ")[2].strip() for event in events]

    def test_explained(self) -> None:
        """Debug mode says of a refused signature which part of it differs, and nothing of the signature itself."""
        call = signed("POST", "/apps/app-id/channels")
        (line,) = self.refusal(f"GET {call}", explain_refusals=True)
        self.assertIn(
            "DEBUG sockudo.refusals: refused: GET of app app-id: auth_key: right; auth_timestamp: right", line
        )
        self.assertIn("auth_signature: was made with the method POST", line)
        self.assertNotIn(call.rpartition("=")[2], line)
        (line,) = self.refusal(f"GET {call.replace('auth_key=app-key', 'auth_key=nobody')}", explain_refusals=True)
        self.assertIn("auth_key: is no app's key", line)

    def test_explained_without_a_signature_at_fault(self) -> None:
        """The log is told as well of an app that is not there, or is disabled."""
        (line,) = self.refusal(f"GET {signed('GET', '/apps/nobody/channels')}", explain_refusals=True)
        self.assertIn("DEBUG sockudo.refusals: refused: GET: There is no app with the id 'nobody' status=404", line)
        self.assertEqual(self.refusal(f"GET {signed('GET', '/apps/nobody/channels')}"), [])

    def test_explained_without_the_store(self) -> None:
        """What debug mode asks the store for an explanation does not change the answer."""
        self.serve(rest=RestSettings(explain_refusals=True))
        self.server.engine.apps.by_key = failing  # type: ignore[method-assign]
        call = signed("GET", "/apps/app-id/channels").replace("auth_key=app-key", "auth_key=nobody")
        (answer,) = RawConnection(self.server).send(f"GET {call} HTTP/1.1\r\n\r\n".encode()).take()
        self.assertRefused(answer, 401, "auth_failed")

    def test_not_explained(self) -> None:
        """Otherwise nothing is said, nor of a call that is let in."""
        self.assertEqual(self.refusal(f"GET {signed('POST', '/apps/app-id/channels')}"), [])
        self.assertEqual(self.refusal(f"GET {signed('GET', '/apps/app-id/channels')}", explain_refusals=True), [])

    def test_off(self) -> None:
        """Otherwise a request leaves no trace in the log."""
        self.assertEqual(self.lines(b"GET /nothing HTTP/1.1\r\n\r\n", b"GET /apps/x/channels HTTP/1.1\r\n\r\n"), [])


class BoundaryTests(HttpCase):
    """What happens when something goes wrong"""

    def start(self, method: str = "GET", path: str = "/apps/app-id/channels") -> RawConnection:
        return RawConnection(self.server).send(f"{method} {signed(method, path)} HTTP/1.1\r\n\r\n".encode())

    def test_bug(self) -> None:
        """A bug of ours is a 500 that tells nothing, and a failure in the log; the connection goes on."""
        self.server.engine.channels = buggy  # type: ignore[method-assign]
        connection = self.start()
        self.assertRefused(connection.take()[0], 500, "internal_error")
        (failure,) = self.flushLoggedErrors(Bug)
        self.assertEqual(str(failure.value), "hush")
        self.assertEqual(connection.ask(b"GET /up HTTP/1.1\r\n\r\n").status, 200)

    def test_failing_backend(self) -> None:
        """A backend that fails is a 500 that tells nothing, and one line in the log without a traceback."""
        self.server.engine.cached_event = failing  # type: ignore[method-assign]
        with capturedLogs() as events:
            answer = self.get("/channels/cache-a", [("info", "cache")])
        self.assertRefused(answer, 500, "internal_error")
        self.assertNotIn("hush", answer.text)
        self.assertEqual([(event["log_level"], event.get("log_failure")) for event in events], [(LogLevel.error, None)])

    def test_lasting_trouble(self) -> None:
        """Trouble that lasts is one line a minute, however many calls it fails."""
        self.server.engine.apps = UnreachableApps()
        with capturedLogs() as events:
            for seconds, lines in ((0, 1), (30, 1), (31, 2)):
                self.server.advance(seconds)
                for _ in range(5):
                    self.assertRefused(self.get("/channels"), 503, "service_unavailable")
                self.assertEqual(len(events), lines)
        self.assertIn("connection refused", events[0]["what"])

    def test_refusals_are_quiet(self) -> None:
        """What the caller did wrong is told to the caller, not to the log."""
        with capturedLogs() as events:
            self.call("GET", "/apps/app-id/channels")
            self.call("GET", "/nothing")
            self.publish(channels=["$"])
            RawConnection(self.server).send(b"nonsense\r\n\r\n")
        self.assertEqual(events, [])

    def test_answer_later(self) -> None:
        """An answer that comes later comes in order, before that of the request behind it."""
        apps = self.server.engine.apps = LateApps()
        connection = self.start().send(b"GET /live HTTP/1.1\r\n\r\n")
        self.assertEqual(connection.take(), [])
        apps.asked[0].callback(None)
        self.assertEqual([answer.status for answer in connection.take()], [404, 200])

    def test_hung_store(self) -> None:
        """A store that never answers is a 503 in the end."""
        self.server.engine.apps = LateApps()
        connection = self.start()
        self.server.advance(5.1)
        self.assertRefused(connection.take()[0], 503, "service_unavailable")

    def test_client_gone(self) -> None:
        """A question whose asker hung up is dropped; an answer that comes all the same goes nowhere."""
        apps = self.server.engine.apps = LateApps()
        with capturedLogs() as events:
            self.start().wire.cut()
            self.server.pump()
            self.assertEqual(apps.cancelled, 1)
            self.start("POST", "/apps/app-id/users/u/terminate_connections").wire.cut()
            self.server.pump()
            self.assertEqual(apps.cancelled, 1)
            apps.asked[1].callback(None)
            for cut in (b"GET /u", b"POST /up HTTP/1.1\r\nContent-Length: 5\r\n\r\nab"):
                RawConnection(self.server).send(cut).wire.cut()
                self.server.pump()
        self.assertEqual(events, [])
        self.server.engine.apps = self.server.apps
        self.assertEqual(self.server.tables(), {})

    def test_draining(self) -> None:
        """While shutting down calls are served and their connections closed."""
        connection = RawConnection(self.server)
        connection.ask(b"GET /live HTTP/1.1\r\n\r\n")
        self.server.engine.drain(1.0)
        answer = connection.ask(f"GET {signed('GET', '/apps/app-id/channels')} HTTP/1.1\r\n\r\n".encode())
        self.assertJson(answer, {"channels": {}})
        self.assertEqual(answer.headers["connection"], "close")
        self.assertTrue(connection.ended)

    def test_date(self) -> None:
        """Every answer has the date of the server's clock, as HTTP writes it."""
        dates = set()
        for seconds in (0, 0.5, 0.5):
            self.server.advance(seconds)
            dates.add(self.call("GET", "/live").headers["date"])
        self.assertEqual(dates, {"Tue, 14 Nov 2023 22:13:20 GMT", "Tue, 14 Nov 2023 22:13:21 GMT"})
