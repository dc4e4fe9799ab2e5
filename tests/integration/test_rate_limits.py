"""Whose counter it is when real proxies stand in front, and what the log says of limits."""

from __future__ import annotations

import http.client
import os

from tests.integration.hostile import signed
from tests.integration.launch import SOCKUDO, Process
from tests.integration.over_unix import UnixCase
from tests.integration.proxies import Nginx

APPS = {"array": {"apps": [{"id": "app-id", "key": "app-key", "secret": "app-secret"}]}}


class SilentNginx(Nginx):
    """nginx that does not say for whom it asks."""

    def command(self) -> list[str]:
        command = super().command()
        config = self.folder / "nginx.conf"
        lines = config.read_text().splitlines(keepends=True)
        config.write_text("".join(line for line in lines if "X-" not in line))
        return command


class ProxiedTests(UnixCase):
    """Clients behind nginx"""

    def limited(self, **variables: str) -> Process:
        """A server with a limit of three calls a minute, and one proxy in front of it."""
        limits = {"enabled": True, "api_rate_limit": {"max_requests": 3, "trust_hops": 1}}
        name = self.config(rate_limiter=limits, app_manager=APPS)
        return self.launch(SOCKUDO, "run", "-c", name, passed=(), **variables)

    def status(self, port: int, client: str) -> int:
        """That of one signed call, from this address."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10, source_address=(client, 0))
        try:
            connection.request("GET", signed("GET", "/apps/app-id/channels"))
            return connection.getresponse().status
        finally:
            connection.close()

    def buckets(self, port: int) -> list[list[int]]:
        """What two clients are answered, four calls of the first and then one of the second."""
        return [
            [self.status(port, client) for _ in range(times)] for client, times in (("127.0.0.2", 4), ("127.0.0.3", 1))
        ]

    def proxied(self, server: str) -> None:
        with Nginx(self.folder / "telling", server) as nginx:
            self.assertEqual(self.buckets(nginx.port), [[200, 200, 200, 429], [200]])
        with SilentNginx(self.folder / "silent", server) as nginx:
            self.assertEqual(self.buckets(nginx.port), [[200, 200, 200, 429], [429]])

    def test_C92_over_tcp(self) -> None:
        """With `trust_hops` 1 each client has its own counter; of a proxy that does not name them all share its own."""
        self.limited().up(self.port)
        self.proxied(f"127.0.0.1:{self.port}")

    def test_C92_over_a_unix_socket(self) -> None:
        """The same where the proxy has no address."""
        self.path.parent.parent.chmod(0o755)
        mode = "660" if os.getuid() else "666"  # nginx of root works as another user
        self.limited(UNIX_SOCKET_ENABLED="1", UNIX_SOCKET_PATH=str(self.path), UNIX_SOCKET_PERMISSION_MODE=mode)
        self.up()
        self.proxied(f"unix:{self.path}")
