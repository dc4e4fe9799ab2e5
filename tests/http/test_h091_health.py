"""Health: `/up`, `/up/{appId}`, `/ready` and `/live`."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, capturedLogs

from sockudo_tx.interfaces import Answer, BackendError
from sockudo_tx.testing import fixture_app
from sockudo_tx.transports.rest.checks import Check, well
from sockudo_tx.transports.rest.settings import RestSettings

from .broken import AilingCache, UnreachableApps
from .case import HttpCase, RawConnection


class HealthCase(HttpCase):
    """Asks for health."""

    def assertHealth(self, path: str, status: int, word: str, *lines: str) -> None:
        response = self.call("GET", path)
        self.assertEqual((response.status, response.headers["x-health-check"]), (status, word))
        self.assertEqual(response.text.split("\n"), [word, *lines])
        self.assertEqual(response.headers["content-type"], "text/plain; charset=utf-8")
        self.assertEqual(response.headers["access-control-allow-origin"], "*")


class HealthTests(HealthCase):
    """Cases H-91, H-92 and H-94: the apps, and the end."""

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
        self.assertHealth("/ready", 503, "DRAINING")
        self.assertJson(self.get("/channels"), {"channels": {}})
        self.assertEqual(self.call("GET", "/live").status, 200)

    def test_announced(self) -> None:
        """While balancers learn of it (`shutdown.drain_ms`), clients are still served, and answers end connections."""
        self.server.engine.announce_end()
        self.assertHealth("/up", 503, "DRAINING")
        self.assertHealth("/ready", 503, "DRAINING")
        self.assertEqual(self.get("/channels").headers["connection"], "close")
        self.assertTrue(self.server.client("app-key").established)

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

    def test_ready(self) -> None:
        """`/ready` is 503 until the listeners are open, and then asks nobody."""
        self.server.site.health.ready = False
        self.assertHealth("/ready", 503, "STARTING")
        self.server.site.health.ready = True
        self.server.engine.apps = UnreachableApps()
        self.assertHealth("/ready", 200, "READY")

    def test_without_prefix(self) -> None:
        """Health answers below the path prefix and outside it: probers know nothing of prefixes."""
        self.serve(rest=RestSettings(path_prefix="/ws"))
        for path in ("/up", "/up/app-id", "/ready", "/live"):
            self.assertEqual([self.call("GET", prefix + path).status for prefix in ("", "/ws")], [200, 200], path)

    def test_live(self) -> None:
        """`/live` answers whatever is wrong."""
        self.server.engine.apps = UnreachableApps()
        response = self.call("GET", "/live")
        self.assertEqual((response.status, response.body), (200, b""))


class CheckTests(HealthCase):
    """Case H-93: what may be impaired besides the apps."""

    def probe(self, check: Check) -> tuple[int, str]:
        """What `/up` says, within the timeout, of a server with this check."""
        self.serve(checks=[Check("cache", well), check])
        connection = RawConnection(self.server)
        connection.send(b"GET /up HTTP/1.1\r\n\r\n")
        self.server.advance(0.41)
        (answer,) = connection.take()
        return answer.status, answer.text

    def test_H93_adapter(self) -> None:
        """Adapter failing or hanging: 200 `DEGRADED` within about the timeout, 503 with `adapter_loss: error`."""
        for broken in (failing, hanging):
            trouble = "adapter: not answering"
            self.assertEqual(self.probe(Check("adapter", broken)), (200, f"DEGRADED\n{trouble}"))
            self.assertEqual(self.probe(Check("adapter", broken, critical=True)), (503, f"ERROR\n{trouble}"))

    def test_H93_queue(self) -> None:
        """Queue failing: 200 `DEGRADED`."""
        for broken in (failing, hanging):
            self.assertEqual(self.probe(Check("queue", broken)), (200, "DEGRADED\nqueue: not answering"))

    def test_all_at_once(self) -> None:
        """Checks run side by side: three that hang cost one timeout, and each has its line, in order."""
        self.serve(checks=[Check(name, hanging) for name in ("adapter", "cache", "queue")])
        connection = RawConnection(self.server)
        connection.send(b"GET /up HTTP/1.1\r\n\r\n")
        self.server.advance(0.41)
        lines = [f"{name}: not answering" for name in ("adapter", "cache", "queue")]
        self.assertEqual([answer.text.split("\n") for answer in connection.take()], [["DEGRADED", *lines]])

    def test_no_address(self) -> None:
        """Strangers learn the component's name; the backend's own words are for the log."""
        with capturedLogs() as events:
            self.assertNotIn("10.0.0.7", self.probe(Check("adapter", failing))[1])
        self.assertIn("10.0.0.7", events[0]["what"])


def failing() -> Answer[str | None]:
    """A probe of a backend that refuses."""
    raise BackendError("10.0.0.7:6379: connection refused")


def hanging() -> Answer[str | None]:
    """A probe of a backend that says nothing."""
    return Deferred()
