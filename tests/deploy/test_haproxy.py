"""HAProxy in front of real servers, with the very file of deploy/haproxy."""

from __future__ import annotations

import re
import signal

from tests.deploy.proxies import HaProxy, Proxy, ask, publish
from tests.deploy.test_nginx import LIMITED, REQUESTS, ProxyCase
from tests.integration.launch import Process, eventually, free_port

BEHIND = {"proxy_protocol": True, "proxy_protocol_from": ["127.0.0.1"]}
GRACE, DRAIN = 6, 3  # seconds


class HaProxyTests(ProxyCase):
    """haproxy.cfg: TLS, PROXY v2 to the servers, /ready decides who gets clients."""

    def behind(self, port: int | None = None, **settings: object) -> Process:
        """A server whose port wants PROXY headers."""
        shutdown = {"shutdown_grace_period": GRACE, "shutdown": {"drain_ms": DRAIN * 1000}}
        return self.server(port=port, listener=BEHIND, **shutdown, **settings)

    def haproxy(self, *more: int, **changes: str) -> Proxy:
        servers = "\n".join(f"    server node{port} 127.0.0.1:{port}" for port in (self.port, *more))
        words = {"    server sockudo-1 127.0.0.1:6001": servers, "inter 2s": "inter 200ms", **changes}
        return self.proxy(HaProxy(self.folder, words))

    def ready(self, proxy: Proxy) -> None:
        """Returns when the first check has passed."""
        eventually("a server is up", lambda: ask(proxy.ports[443], "/up", context=self.context).status == 200)

    def test_everything_through_tls(self) -> None:
        """WebSocket and signed publish go through; what is not for the public is 404; plain HTTP is sent to HTTPS; a
        body over 10 MB is refused before the server hears of it.
        """
        process = self.behind()
        proxy = self.haproxy()
        self.ready(proxy)
        client = self.connected(proxy.ports[443], self.context)
        self.assertEqual(publish(proxy.ports[443], "hello", context=self.context).status, 200)
        self.assertEqual(client.event()["data"], "hello")
        for path in ("/", "/usage", "/metrics", "/live", "/ready", "/upper"):
            self.assertEqual(ask(proxy.ports[443], path, context=self.context).status, 404, path)
        moved = ask(proxy.ports[80], "/app/key?x=1", headers={"Host": "example.org"})
        self.assertEqual((moved.status, moved.headers["Location"]), (308, "https://example.org/app/key?x=1"))
        headers = {"Content-Length": str(10 * 1024 * 1024 + 1)}
        large = ask(proxy.ports[443], "/apps/app-id/events", method="POST", headers=headers, context=self.context)
        self.assertEqual(large.status, 413)
        self.assertNotIn("auth_signature", proxy.log)
        self.assertNotIn("rror", process.output)

    def test_separate_buckets(self) -> None:
        """The PROXY header tells the server each client's address, whatever the client claims."""
        self.behind(rate_limiter=LIMITED)
        proxy = self.haproxy()
        self.ready(proxy)
        said = {"X-Forwarded-For": "203.0.113.7"}
        for client in ("127.0.0.2", "127.0.0.3"):
            found = [
                ask(proxy.ports[443], "/apps/app-id/channels", headers=said, context=self.context, source=client).status
                for _ in range(REQUESTS + 1)
            ]
            self.assertEqual(found, [401] * REQUESTS + [429])

    def test_draining_server_gets_nothing_new(self) -> None:
        """While a server drains, its check fails before it stops accepting: no client and no request meets an error,
        and when it is back it gets clients again.
        """
        other = free_port()
        first = self.behind()
        self.behind(other)
        proxy = self.haproxy(other)
        eventually("both are up", lambda: self.nodes(proxy) == {self.port, other})
        seen = len(proxy.log)  # before the servers were up, their checks had failed too
        first.signal(signal.SIGTERM)
        eventually("the check has failed", lambda: f"node{self.port} is DOWN" in proxy.log[seen:], DRAIN)
        self.assertEqual(self.nodes(proxy), {other})
        self.connected(proxy.ports[443], self.context)
        self.assertEqual(first.status(), 0, first.output)
        self.assertEqual(ask(proxy.ports[443], "/up", context=self.context).status, 200)
        self.behind()
        # The other one holds a client: the one that is back has fewer, and gets what comes.
        eventually("it is back", lambda: self.port in self.nodes(proxy))

    def nodes(self, proxy: Proxy) -> set[int]:
        """Who answers a handful of requests with 200."""
        seen = len(proxy.log)
        for _ in range(6):
            ask(proxy.ports[443], "/up", context=self.context)
        return {int(port) for port in re.findall(r"sockudo/node(\d+) \S+ 200 ", proxy.log[seen:])}
