"""nginx in front of a real server, with the very files of deploy/nginx."""

from __future__ import annotations

import json
import select
import shutil
import signal
import ssl
import tempfile
from pathlib import Path

from tests.certificates import self_signed
from tests.deploy.proxies import NGINX as NGINX_FILES
from tests.deploy.proxies import Nginx, Proxy, ask, missing, publish
from tests.deploy.users import NGINX, NGINX_IN_GROUP, SERVER, as_user, can_be
from tests.integration.launch import SOCKUDO, LaunchCase, Process, WebSocket, eventually, free_port

REQUESTS = 5
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
LIMITED = {
    "enabled": True,
    "api_rate_limit": {"max_requests": REQUESTS, "window_seconds": 60, "trust_hops": 1},
}


class ProxyCase(LaunchCase):
    """A certificate, a server with metrics, and a proxy before it."""

    def setUp(self) -> None:
        super().setUp()
        if reason := missing():
            self.skipTest(reason)
        self.metrics = free_port()
        certified = self_signed(self.folder)
        self.context = ssl.create_default_context(cafile=certified.cert)

    def server(self, *, port: int | None = None, **settings: object) -> Process:
        """A started server, as a file configures it."""
        port = port or self.port
        name = f"server{port}.json"
        metrics = self.metrics if port == self.port else 0
        app = {"id": "app-id", "key": "app-key", "secret": "app-secret"}
        told = {"app_manager": {"array": {"apps": [app]}}, "shutdown_grace_period": 2, **settings}
        (self.folder / name).write_text(json.dumps(told))
        return self.launch(SOCKUDO, "-c", name, PORT=str(port), METRICS_PORT=str(metrics))

    def proxy(self, proxy: Proxy) -> Proxy:
        """Starts it."""
        self.assertEqual(proxy.check()[0], 0, proxy.check()[1])
        proxy.start()
        self.addCleanup(proxy.stop)
        return proxy

    def connected(self, port: int, context: ssl.SSLContext | None = None) -> WebSocket:
        """A client that has subscribed to `news`."""
        client = WebSocket(port, context=context)
        self.addCleanup(client.close)
        self.assertEqual(client.event()["event"], "pusher:connection_established")
        client.send({"event": "pusher:subscribe", "data": {"channel": "news"}})
        self.assertEqual(client.event()["event"], "pusher_internal:subscription_succeeded")
        return client


class ProductionTests(ProxyCase):
    """production.conf: TLS, several servers, limits."""

    def production(self, *more: int, **changes: str) -> Proxy:
        servers = "".join(f"server 127.0.0.1:{port} max_fails=2 fail_timeout=5s;" for port in (self.port, *more))
        words = {
            "server 127.0.0.1:6001 max_fails=2 fail_timeout=5s;": servers,
            "127.0.0.1:9601": f"127.0.0.1:{self.metrics}",
            **changes,
        }
        return self.proxy(Nginx(self.folder, (NGINX_FILES / "production.conf").read_text(), words))

    def test_everything_through_tls(self) -> None:
        """WebSocket and signed publish go through; health answers; what is not for the public is 404; plain HTTP is
        sent to HTTPS.
        """
        self.server().up(self.port)
        proxy = self.production()
        client = self.connected(proxy.ports[443], self.context)
        self.assertEqual(publish(proxy.ports[443], "hello", context=self.context).status, 200)
        self.assertEqual(client.event()["data"], "hello")
        for path, status in {"/up": 200, "/up/app-id": 200, "/up/nobody": 404}.items():
            self.assertEqual(ask(proxy.ports[443], path, context=self.context).status, status, path)
        for path in ("/", "/usage", "/live", "/ready", "/ap"):
            found = ask(proxy.ports[443], path, context=self.context)
            self.assertEqual((found.status, found.headers["X-Health-Check"]), (404, None), path)
        moved = ask(proxy.ports[80], "/app/key?auth_signature=x", headers={"Host": "example.org"})
        self.assertEqual(
            (moved.status, moved.headers["Location"]), (308, "https://example.org/app/key?auth_signature=x")
        )
        self.assertNotIn("auth_signature", proxy.log)

    def test_metrics_are_private(self) -> None:
        """/metrics answers private addresses only."""
        self.server().up(self.port)
        proxy = self.production()
        self.assertEqual(ask(proxy.ports[443], "/metrics", context=self.context).status, 200)
        self.assertEqual(ask(proxy.ports[443], "/metrics", context=self.context, source="127.0.0.9").status, 403)

    def test_C92_separate_buckets(self) -> None:
        """With `trust_hops` 1 two clients have separate buckets, whatever they claim in X-Forwarded-For."""
        self.server(rate_limiter=LIMITED).up(self.port)
        proxy = self.production()
        said = {"X-Forwarded-For": "203.0.113.7"}
        for client in ("127.0.0.2", "127.0.0.3"):
            found = [
                ask(proxy.ports[443], "/apps/app-id/channels", headers=said, context=self.context, source=client)
                for _ in range(REQUESTS + 1)
            ]
            self.assertEqual([answer.status for answer in found], [401] * REQUESTS + [429])
            self.assertIn("Retry-After", found[-1].headers)

    def test_C92_one_bucket_without_headers(self) -> None:
        """A proxy that sends no headers makes all its clients one."""
        self.server(rate_limiter=LIMITED).up(self.port)
        proxy = self.production()
        headers = self.folder / "sockudo" / "proxy.conf"
        lines = [line for line in headers.read_text().splitlines() if "X-" not in line]
        headers.write_text("\n".join(lines))
        proxy.stop()
        proxy.start()
        found = [
            ask(proxy.ports[443], "/apps/app-id/channels", context=self.context, source=f"127.0.0.{2 + number % 2}")
            for number in range(REQUESTS + 1)
        ]
        self.assertEqual([answer.status for answer in found], [401] * REQUESTS + [429])

    def test_body_limit(self) -> None:
        """A body over 10 MB is refused by nginx, and the server hears nothing of it."""
        self.server().up(self.port)
        proxy = self.production()
        headers = {"Content-Length": str(10 * 1024 * 1024 + 1)}
        found = ask(proxy.ports[443], "/apps/app-id/events", method="POST", headers=headers, context=self.context)
        self.assertEqual(found.status, 413)

    def test_too_many_connects(self) -> None:
        """An address that connects without end gets 429 before the server is asked; another one does not."""
        self.server().up(self.port)
        proxy = self.production()
        tries = 0
        while ask(proxy.ports[443], "/app/nothing", context=self.context, source="127.0.0.4").status != 429:
            tries += 1
            self.assertLess(tries, 1000)
        self.assertGreaterEqual(tries, 100, "the burst that production.conf allows")
        self.connected(proxy.ports[443], self.context)

    def test_reload_keeps_connections(self) -> None:
        """`nginx -s reload` leaves open WebSockets alone; new clients meet the new workers."""
        self.server().up(self.port)
        proxy = self.production()
        old = self.connected(proxy.ports[443], self.context)
        proxy.reload()
        eventually("a new worker serves", lambda: "signal process started" in proxy.log)
        new = self.connected(proxy.ports[443], self.context)
        self.assertEqual(publish(proxy.ports[443], "both", context=self.context).status, 200)
        self.assertEqual((old.event()["data"], new.event()["data"]), ("both", "both"))

    def test_server_restarts(self) -> None:
        """A server that stops tells its clients to come back (4200); meanwhile the other one takes everybody."""
        other = free_port()
        first, second = self.server(), self.server(port=other)
        first.up(self.port)
        second.up(other)
        proxy = self.production(other)
        clients = [self.connected(proxy.ports[443], self.context) for _ in range(4)]
        first.signal(signal.SIGTERM)
        self.assertEqual(first.status(), 0, first.output)
        told = [client for client in clients if select.select([client.socket], [], [], 0.5)[0]]
        self.assertEqual(len(told), 2, "least_conn gives each server half of four clients")
        for client in told:
            self.assertEqual(client.event()["data"]["code"], 4200)
            close = client.frame()
            assert close is not None
            self.assertEqual((close[0], int.from_bytes(close[1][:2], "big")), (8, 4200))
        for _ in range(4):
            self.connected(proxy.ports[443], self.context)
        self.server().up(self.port)


class OtherSitesTests(ProxyCase):
    """The Unix socket, a path prefix, two nodes, a balancer before nginx."""

    def test_unix_socket(self) -> None:
        """unix-socket.conf: WebSocket and API over a socket of mode 660; each client has its own limiter bucket."""
        path = self.folder / "run" / "sockudo.sock"
        process = self.server(unix_socket={"enabled": True, "path": str(path)}, rate_limiter=LIMITED)
        eventually("the socket is there", path.exists)
        self.assertEqual(path.stat().st_mode & 0o777, 0o660, process.output)
        words = {"/var/run/sockudo/sockudo.sock": str(path)}
        proxy = self.proxy(Nginx(self.folder, (NGINX_FILES / "unix-socket.conf").read_text(), words))
        client = self.connected(proxy.ports[443], self.context)
        self.assertEqual(publish(proxy.ports[443], "hello", context=self.context).status, 200)
        self.assertEqual(client.event()["data"], "hello")
        for source in ("127.0.0.2", "127.0.0.3"):
            found = [
                ask(proxy.ports[443], "/apps/app-id/channels", context=self.context, source=source).status
                for _ in range(REQUESTS + 1)
            ]
            self.assertEqual(found, [401] * REQUESTS + [429])
        self.assertIsNone(process.signal(signal.SIGTERM))
        self.assertEqual(process.status(), 0, process.output)
        self.assertFalse(path.exists())

    def test_unix_socket_is_for_its_group(self) -> None:
        """As in deploy/compose/unix-socket.yml: nginx's user in the server's group is let in by mode 660, nginx's user
        in a group of its own is not.
        """
        public = Path(tempfile.mkdtemp(prefix="sockudo-nginx-"))
        self.addCleanup(shutil.rmtree, public)
        public.chmod(0o777)
        path = public / "run" / "sockudo.sock"
        command = as_user(SERVER, "env", f"--chdir={public}", SOCKUDO)
        process = self.launch(*command, UNIX_SOCKET_ENABLED="true", UNIX_SOCKET_PATH=str(path))
        eventually("the socket is there", lambda: path.exists() or process.output.count("sockudo: "))
        self.assertTrue(path.exists(), process.output)
        for user, status in {NGINX_IN_GROUP: 200, NGINX: 502 if can_be(NGINX) else 200}.items():
            folder = public / f"{user.uid}-{user.gid}"
            folder.mkdir()
            for name in ("server.crt", "server.key"):
                shutil.copy(self.folder / name, folder)
            words = {"/var/run/sockudo/sockudo.sock": str(path)}
            proxy = Nginx(folder, (NGINX_FILES / "unix-socket.conf").read_text(), words, user)
            for each in (folder, *folder.rglob("*")):
                each.chmod(0o777)
            proxy.start()
            self.addCleanup(proxy.stop)
            self.assertEqual(ask(proxy.ports[443], "/up", context=self.context).status, status, user)

    def test_path_prefix(self) -> None:
        """path-prefix.conf: the whole server below one path of another site."""
        process = self.server(path_prefix="/realtime")
        process.up(self.port)
        site = (
            f"include {self.folder}/sockudo/http.conf;\nupstream sockudo {{ server 127.0.0.1:{self.port}; }}\n"
            "server {\n  listen 80;\n  include /etc/nginx/sockudo/path-prefix.conf;\n"
            '  location / { return 200 "the site"; }\n}\n'
        )
        proxy = self.proxy(Nginx(self.folder, site, {}))
        self.assertEqual(ask(proxy.ports[80], "/").body, b"the site")
        self.assertEqual(publish(proxy.ports[80], "hello", prefix="/realtime").status, 200)
        self.assertEqual(ask(proxy.ports[80], "/realtime/app/app-key", headers=UPGRADE).status, 101)

    def test_multinode(self) -> None:
        """multinode.conf: both nodes get clients."""
        other = free_port()
        self.server().up(self.port)
        self.server(port=other).up(other)
        words = {"sockudo-1:6001": f"127.0.0.1:{self.port}", "sockudo-2:6001": f"127.0.0.1:{other}"}
        proxy = self.proxy(Nginx(self.folder, (NGINX_FILES / "multinode.conf").read_text(), words))
        clients = [self.connected(proxy.ports[80]) for _ in range(4)]
        for name, port in {"first": self.port, "second": other}.items():
            self.assertEqual(publish(port, name).status, 200)
        self.assertEqual(sorted(client.event()["data"] for client in clients), ["first", "first", "second", "second"])

    def test_behind_proxy_protocol(self) -> None:
        """behind-proxy-protocol.conf passes nginx's own check."""
        words = {"127.0.0.1:6001": f"127.0.0.1:{self.port}"}
        proxy = Nginx(self.folder, (NGINX_FILES / "behind-proxy-protocol.conf").read_text(), words)
        self.assertEqual(proxy.check()[0], 0, proxy.check()[1])
