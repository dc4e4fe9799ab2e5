"""The main TCP port of real servers: both IP families, a taken port, a path prefix, and which listener is used."""

from __future__ import annotations

import http.client
import re
import socket
import tempfile
from pathlib import Path

from tests.integration.launch import SOCKUDO, TWISTD, LaunchCase, WebSocket, get
from tests.integration.over_unix import UnixCase
from tests.integration.proxies import Nginx

LIMIT = 100
APPS = {"array": {"apps": [{"id": "app-id", "key": "app-key", "secret": "app-secret"}]}}


class TcpTests(LaunchCase):
    """`host` and `port`"""

    def used(self, host: str, forwarded: str | None = None) -> int:
        """How many requests this client has made by now, as the rate limiter counts."""
        connection = http.client.HTTPConnection(host, self.port, timeout=5)
        try:
            connection.request("GET", "/apps/app-id/channels", headers={"X-Forwarded-For": forwarded or ""})
            return LIMIT - int(connection.getresponse().headers["X-RateLimit-Remaining"])
        finally:
            connection.close()

    def limited(self, **limits: int) -> str:
        """Writes a configuration that counts requests."""
        return self.config(
            app_manager=APPS,
            rate_limiter={"enabled": True, "api_rate_limit": {"max_requests": LIMIT, "window_seconds": 600, **limits}},
        )

    def test_H89_dual_stack(self) -> None:
        """`::` answers on IPv4 and IPv6, HTTP and WebSocket; an IPv4 client is the same however it is written."""
        if not socket.has_dualstack_ipv6():
            self.skipTest("this machine has no IPv6")
        self.launch(SOCKUDO, "-c", self.limited(trust_hops=1), HOST="::").up(self.port)
        for host in ("127.0.0.1", "::1"):
            self.assertEqual(get(self.port, host=host), 200)
            client = WebSocket(self.port, host=host)
            self.addCleanup(client.close)
            self.assertEqual(client.event()["event"], "pusher:connection_established")
        self.assertEqual(self.used("127.0.0.1", "::ffff:1.2.3.4"), 1)
        self.assertEqual(self.used("::1", "1.2.3.4"), 2)
        self.assertEqual(self.used("::1", "1.2.3.5"), 1)

    def test_H89_peer_over_dual_stack(self) -> None:
        """A peer that comes over IPv4 is counted as IPv4, whichever socket it came through."""
        if not socket.has_dualstack_ipv6():
            self.skipTest("this machine has no IPv6")
        self.launch(SOCKUDO, "-c", self.limited(trust_hops=1), HOST="::").up(self.port)
        before = self.used("127.0.0.1")
        self.assertEqual(self.used("::1", "127.0.0.1"), before + 1)

    def test_C94_taken_port(self) -> None:
        """A taken port ends every way to start with status 1, at once, and the cure in one line."""
        with socket.create_server(("127.0.0.1", self.port)):
            for command in ((SOCKUDO, "run"), (TWISTD, "-n", "--pidfile=", "sockudo"), (TWISTD, "sockudo")):
                status, output = self.run_to_end(*command)
                self.assertEqual(status, 1, output)
                self.assertRegex(output, rf"cannot listen on 127\.0\.0\.1:{self.port} .*PORT=")
                self.assertNotIn("Traceback", output)

    def test_prefix_behind_nginx(self) -> None:
        """With `path_prefix` the server lives below a path that nginx passes on whole; probes need no prefix."""
        name = self.config(path_prefix="/realtime", app_manager=APPS)
        self.launch(SOCKUDO, "-c", name).up(self.port)
        with Nginx(self.folder / "nginx", f"127.0.0.1:{self.port}", location="/realtime/") as proxy:
            client = WebSocket(proxy.port, prefix="/realtime")
            self.addCleanup(client.close)
            self.assertEqual(client.event()["event"], "pusher:connection_established")
            self.assertEqual(get(proxy.port, "/realtime/up/app-id"), 200)
            self.assertEqual(get(proxy.port, "/realtime/apps/app-id/channels"), 401)
        for probe in ("/up", "/up/app-id", "/live", "/ready"):
            self.assertEqual((get(self.port, probe), get(self.port, f"/realtime{probe}")), (200, 200), probe)
        for path in ("/app/app-key", "/apps/app-id/channels", "/usage", "/realtimes/up"):
            self.assertEqual(get(self.port, path), 404, path)


class WarningTests(UnixCase):
    """What is odd about a Unix socket and does not stop the start"""

    def test_C91_one_line_each(self) -> None:
        """Under /tmp in production, open to everybody, together with TLS: one warning each, and it serves."""
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            self.path = Path(folder) / "s.sock"
            name = self.config(
                mode="production",
                app_manager=APPS,
                unix_socket={"permission_mode": "666"},
                ssl={"enabled": True, "cert_path": "/nowhere.crt", "key_path": "/nowhere.key"},
            )
            process = self.serve(SOCKUDO, "run", "-c", name)
            self.up()
            self.assertEqual(self.path.stat().st_mode & 0o777, 0o666)
            for key in ("unix_socket.path", "unix_socket.permission_mode", "ssl.enabled"):
                lines = re.findall(rf"WARN.*{re.escape(key)}", process.output)
                self.assertEqual(len(lines), 1, (key, process.output))
