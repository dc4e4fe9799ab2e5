"""Health: `/up`, `/up/{appId}` and `/live`."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, capturedLogs

from sockudo_tx.interfaces import BackendError
from sockudo_tx.testing import fixture_app

from .broken import AilingCache, UnreachableApps
from .case import HttpCase, RawConnection


class HealthTests(HttpCase):
    """Cases H-91, H-92 and H-94."""

    def assertHealth(self, path: str, status: int, word: str, *lines: str) -> None:
        response = self.call("GET", path)
        self.assertEqual((response.status, response.headers["x-health-check"]), (status, word))
        self.assertEqual(response.text.split("\n"), [word, *lines])
        self.assertEqual(response.headers["content-type"], "text/plain; charset=utf-8")
        self.assertEqual(response.headers["access-control-allow-origin"], "*")

    def test_H91_up(self) -> None:
        """`/up` with one app: 200 `OK`, header `X-Health-Check: OK`; with no app: 503 `ERROR`."""
        for path in ("/up", "/up/", "/up/app-id", "/up?x=1"):
            self.assertHealth(path, 200, "OK")
        self.assertEqual(self.call("HEAD", "/up").status, 200)
        self.serve([])
        self.assertHealth("/up", 503, "ERROR", "apps: there are none")

    def test_H92_up_app(self) -> None:
        """`/up/unknown`: 404 `NOT_FOUND`; disabled app: 503."""
        self.serve([fixture_app(id="off", enabled=False)])
        for name in ("unknown", "%FF", "a%2Fb"):
            self.assertHealth(f"/up/{name}", 404, "NOT_FOUND")
        self.assertHealth("/up/off", 503, "ERROR", "apps: this app is disabled")

    def test_H94_draining(self) -> None:
        """During shutdown: 503 `DRAINING`."""
        connection = RawConnection(self.server)
        self.server.engine.drain(5.0)
        response = connection.ask(b"GET /up HTTP/1.1\r\n\r\n")
        self.assertEqual((response.status, response.text, response.headers["connection"]), (503, "DRAINING", "close"))
        self.assertTrue(connection.ended)
        self.assertHealth("/up/app-id", 503, "DRAINING")
        self.assertJson(self.get("/channels"), {"channels": {}})
        self.assertEqual(self.call("GET", "/live").status, 200)

    def test_store_down(self) -> None:
        """An app store that does not answer is an ERROR, told without its reason, which is logged."""
        self.server.engine.apps = UnreachableApps()
        with capturedLogs() as events:
            self.assertHealth("/up", 503, "ERROR", "apps: not answering")
            self.assertHealth("/up/app-id", 503, "ERROR", "apps: not answering")
        levels = [(event["log_level"], "connection refused" in event["what"]) for event in events]
        self.assertEqual(levels, [(LogLevel.error, True)])

    def test_cache(self) -> None:
        """A cache that fails, refuses or hangs is DEGRADED, after the timeout at the latest."""
        self.server.engine.cache = AilingCache(False, BackendError("down"), Deferred(), True)
        self.assertHealth("/up", 200, "DEGRADED", "cache: not usable")
        self.assertHealth("/up", 200, "DEGRADED", "cache: not answering")
        connection = RawConnection(self.server)
        connection.send(b"GET /up HTTP/1.1\r\n\r\n")
        self.server.advance(0.39)
        self.assertEqual(connection.take(), [])
        self.server.advance(0.02)
        self.assertEqual([answer.text for answer in connection.take()], ["DEGRADED\ncache: not answering"])
        self.assertHealth("/up", 200, "OK")

    def test_prober_gone(self) -> None:
        """A prober that hangs up while a check hangs leaves nothing in the log and nothing waiting."""
        self.server.engine.cache = AilingCache(Deferred())
        with capturedLogs() as events:
            RawConnection(self.server).send(b"GET /up HTTP/1.1\r\n\r\n").wire.cut()
            self.server.advance(1)
        self.assertEqual(events, [])

    def test_log(self) -> None:
        """The same trouble is logged once a minute, whoever asks how often."""
        self.server.engine.cache = AilingCache(*[False] * 30)
        with capturedLogs() as events:
            for _ in range(20):
                self.call("GET", "/up")
            for number in range(20):
                self.call("GET", f"/up/{number}")
            self.assertEqual([event["log_level"] for event in events], [LogLevel.warn] * 2)
            self.server.advance(61)
            self.call("GET", "/up")
            self.assertEqual(len(events), 3)

    def test_live(self) -> None:
        """`/live` answers whatever is wrong."""
        self.server.engine.apps = UnreachableApps()
        response = self.call("GET", "/live")
        self.assertEqual((response.status, response.body), (200, b""))
