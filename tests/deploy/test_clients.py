"""pusher-js and Pusher's Node SDK through the shipped proxies, over TLS, while the server they are on goes away."""

from __future__ import annotations

import signal
from typing import Any

from tests.conformance.clients import Clients
from tests.conformance.clients import missing as clients_missing
from tests.conformance.daemon import DEMO_APP
from tests.deploy.proxies import NGINX, HaProxy, Nginx, Proxy
from tests.deploy.test_haproxy import BEHIND, DRAIN, GRACE
from tests.deploy.test_nginx import ProxyCase
from tests.integration.launch import Process, eventually, free_port


class RollingTests(ProxyCase):
    """Two servers, one after the other replaced: every client is back at once, signed in and subscribed."""

    def setUp(self) -> None:
        super().setUp()
        if reason := clients_missing():
            self.skipTest(reason)
        self.other = free_port()

    def node(self, port: int, **settings: Any) -> Process:
        """A server with everything pusher-js can ask for."""
        apps = {"array": {"apps": [DEMO_APP]}}
        shutdown = {"shutdown_grace_period": GRACE, "shutdown": {"drain_ms": DRAIN * 1000}}
        return self.server(port=port, app_manager=apps, **shutdown, **settings)

    def roll(self, proxy: Proxy, first: Process) -> None:
        """The first server is told to stop as soon as the client has everything it wants."""
        with (
            Clients(proxy.ports[443], certificate=self.folder / "server.crt") as clients,
            clients.start("users.js", "reconnect", client="pusher-js") as script,
        ):
            self.assertEqual(script.line(), {"ready": True})
            first.signal(signal.SIGTERM)
            self.assertEqual(first.status(), 0, first.output)
            found = script.result()
        names = ["news", "private-orders", "presence-room", "private-encrypted-secrets"]
        self.assertEqual(found["heard"], [{"to": name} for name in names])
        self.assertEqual((found["personal"], found["members"]), ({"to": "ann"}, 1))
        self.assertEqual(found["states"], ["connecting", "connected", "connecting", "connected"])

    def test_P149_behind_nginx(self) -> None:
        """Behind production.conf."""
        first, second = self.node(self.port), self.node(self.other)
        first.up(self.port)
        second.up(self.other)
        # `backup`: the SDK's calls have to reach the node that pusher-js is on; these two do not know of each other.
        servers = f"server 127.0.0.1:{self.port} max_fails=1; server 127.0.0.1:{self.other} backup;"
        words = {
            "server 127.0.0.1:6001 max_fails=2 fail_timeout=5s;": servers,
            "127.0.0.1:9601": f"127.0.0.1:{self.metrics}",
        }
        self.roll(self.proxy(Nginx(self.folder, (NGINX / "production.conf").read_text(), words)), first)

    def test_P149_behind_haproxy(self) -> None:
        """Behind haproxy.cfg."""
        servers = f"    server first 127.0.0.1:{self.port}\n    server second 127.0.0.1:{self.other} backup"
        words = {"    server sockudo-1 127.0.0.1:6001": servers, "inter 2s": "inter 200ms"}
        proxy = self.proxy(HaProxy(self.folder, words))  # first: it tells only of changes
        first = self.node(self.port, listener=BEHIND)
        self.node(self.other, listener=BEHIND)

        def up(name: str) -> bool:
            """By the last word on it: it may have been down before it was up."""
            told = [line for line in proxy.log.splitlines() if f"sockudo/{name} is " in line]
            return bool(told) and " is UP" in told[-1]

        eventually("both are up", lambda: up("first") and up("second"))
        self.roll(proxy, first)
