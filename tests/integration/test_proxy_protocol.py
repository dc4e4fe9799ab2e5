"""Real HAProxy before a server that expects PROXY headers, and clients that come without one."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import struct
from pathlib import Path

from tests.certificates import self_signed
from tests.integration.launch import PATIENCE, SOCKUDO, LaunchCase, Process, WebSocket, eventually
from tests.integration.over_unix import UnixCase, connected
from tests.integration.proxies import Haproxy

LIMIT = 100
APPS = {"array": {"apps": [{"id": "app-id", "key": "app-key", "secret": "app-secret"}]}}
LIMITED = {"enabled": True, "api_rate_limit": {"max_requests": LIMIT, "window_seconds": 600}}


def v1(host: str) -> bytes:
    """A header of version 1 for a client at this address."""
    kind, other = ("TCP6", "::1") if ":" in host else ("TCP4", "127.0.0.1")
    return f"PROXY {kind} {host} {other} 50000 6001\r\n".encode()


def v2(host: str) -> bytes:
    """The same of version 2."""
    family, kind = (socket.AF_INET6, 0x21) if ":" in host else (socket.AF_INET, 0x11)
    body = socket.inet_pton(family, host) * 2 + struct.pack("!HH", 50000, 6001)
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, kind, len(body)) + body


def ask(connection: socket.socket, target: str = "/up") -> http.client.HTTPResponse:
    """The answer to a GET over this connection, which ends with it."""
    client = http.client.HTTPConnection("localhost")
    client.sock = connection
    try:
        client.request("GET", target, headers={"Connection": "close"})
        answer = client.getresponse()
        answer.read()
        return answer
    finally:
        client.close()


def used(connection: socket.socket) -> int:
    """How many requests this client has made by now, as the rate limiter counts."""
    return LIMIT - int(ask(connection, "/apps/app-id/channels").headers["X-RateLimit-Remaining"])


class ProxyCase(LaunchCase):
    """A server that expects a header on each connection"""

    def serve(self, port: int | None = None, **settings: object) -> Process:
        """Starts it and returns when it answers."""
        listener = {"proxy_protocol": True}
        given = settings.pop("listener", {})
        assert isinstance(given, dict)
        name = self.config(app_manager=APPS, rate_limiter=LIMITED, listener={**listener, **given}, **settings)
        return self.launch(SOCKUDO, "run", "-c", name)

    def open(self, header: bytes = b"", source: str = "127.0.0.1", port: int | None = None) -> socket.socket:
        """A connection on which this header was sent."""
        connection = socket.create_connection((("127.0.0.1"), port or self.port), PATIENCE, source_address=(source, 0))
        connection.sendall(header)
        return connection

    def up(self, source: str = "127.0.0.1") -> None:
        """Returns when `/up` answers 200 behind a header."""

        def answers() -> bool:
            with contextlib.suppress(OSError):
                return ask(self.open(v1("192.0.2.99"), source)).status == 200
            return False

        eventually("/up behind a header", answers)

    def refused(self, connection: socket.socket) -> bool:
        """Whether it is closed without a word."""
        with connection, contextlib.suppress(ConnectionResetError):
            return connection.recv(1) == b""
        return True


class HeaderTests(ProxyCase):
    """What the server makes of headers"""

    def test_addresses(self) -> None:
        """The client's address is that of the header, of either version and family, however it is cut."""
        self.serve()
        self.up()
        for host in ("192.0.2.1", "2001:db8::1"):
            self.assertEqual(used(self.open(v1(host))), 1)
            self.assertEqual(used(self.open(v2(host))), 2)
            connection = self.open()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in v2(host):
                connection.sendall(bytes([byte]))
            self.assertEqual(used(connection), 3)

    def test_H89_mapped(self) -> None:
        """IPv4 written as IPv6 in a header is the IPv4 client."""
        self.serve()
        self.up()
        self.assertEqual(used(self.open(v1("192.0.2.1"))), 1)
        self.assertEqual(used(self.open(v1("::ffff:192.0.2.1"))), 2)
        self.assertEqual(used(self.open(v2("::ffff:192.0.2.1"))), 3)

    def test_without_header(self) -> None:
        """A client that comes without one is disconnected without an answer; the log says so once, with the key."""
        process = self.serve()
        self.up()
        for _ in range(3):
            self.assertTrue(self.refused(self.open(b"GET /up HTTP/1.1\r\nHost: localhost\r\n\r\n")))
        self.up()
        self.assertEqual(process.output.count("listener.proxy_protocol"), 1, process.output)
        self.assertNotIn("Traceback", process.output)

    def test_strangers(self) -> None:
        """With `proxy_protocol_from` headers of others are not even read."""
        process = self.serve(listener={"proxy_protocol_from": ["127.0.0.2/32", "10.0.0.0/8"]})
        self.up("127.0.0.2")
        for _ in range(3):
            self.assertTrue(self.refused(self.open(v1("192.0.2.1"))))
        self.assertEqual(process.output.count("listener.proxy_protocol_from"), 1, process.output)

    def test_late(self) -> None:
        """A header that does not come ends the connection after the time for a head."""
        self.serve(listener={"header_timeout_ms": 200})
        self.up()
        self.assertTrue(self.refused(self.open()))
        self.assertTrue(self.refused(self.open(v1("192.0.2.1")[:-1])))


class HaproxyTests(ProxyCase):
    """HAProxy of Debian in between, passing connections on unread"""

    def haproxy(self, options: str, server: str = "") -> Haproxy:
        proxy = Haproxy(self.folder / "haproxy", server or f"127.0.0.1:{self.port}", options)
        proxy.__enter__()
        self.addCleanup(proxy.__exit__, None, None, None)
        return proxy

    def check(self, port: int) -> None:
        """Two clients through the proxy have a counter each, and a WebSocket works."""
        self.assertEqual(used(self.open(port=port)), 1)
        self.assertEqual(used(self.open(source="127.0.0.3", port=port)), 1)
        self.assertEqual(used(self.open(source="127.0.0.3", port=port)), 2)
        client = WebSocket(port)
        self.addCleanup(client.close)
        self.assertEqual(client.event()["event"], "pusher:connection_established")
        client.send({"event": "pusher:ping", "data": {}})
        self.assertEqual(client.event()["event"], "pusher:pong")

    def test_version_1(self) -> None:
        """`send-proxy`"""
        self.serve()
        self.up()
        self.check(self.haproxy("send-proxy").port)

    def test_version_2(self) -> None:
        """`send-proxy-v2` with all it can add, and its health checks, which tell of no client."""
        process = self.serve()
        self.up()
        options = "send-proxy-v2 proxy-v2-options crc32c,unique-id check check-send-proxy inter 100ms"
        self.check(self.haproxy(options).port)
        self.assertNotIn("disconnected", process.output)

    def test_under_tls(self) -> None:
        """The header comes before TLS, which the server ends."""
        files = self_signed(self.folder)
        self.serve(ssl={"enabled": True, "cert_path": files.cert, "key_path": files.key})
        context = ssl.create_default_context(cafile=files.cert)

        def encrypted(source: str = "127.0.0.1") -> socket.socket:
            return context.wrap_socket(self.open(source=source, port=proxy.port), server_hostname="localhost")

        def answers() -> bool:
            with contextlib.suppress(OSError):
                return ask(encrypted()).status == 200
            return False

        proxy = self.haproxy("send-proxy-v2")
        eventually("/up", answers)
        self.assertEqual(used(encrypted()), 1)
        self.assertEqual(used(encrypted("127.0.0.3")), 1)
        client = WebSocket(proxy.port, context=context)
        self.addCleanup(client.close)
        self.assertEqual(client.event()["event"], "pusher:connection_established")


class UnixTests(UnixCase, HaproxyTests):
    """HAProxy before a Unix socket"""

    def test_version_1(self) -> None:
        """`send-proxy`: clients of a Unix socket have addresses."""
        self.over_unix("send-proxy")

    def test_version_2(self) -> None:
        """`send-proxy-v2`"""
        self.over_unix("send-proxy-v2")

    def test_under_tls(self) -> None:
        """`send-proxy-v2-ssl-cn`: what it adds for a connection without TLS is of no account."""
        self.over_unix("send-proxy-v2-ssl-cn")

    def over_unix(self, options: str) -> None:
        given = {"enabled": True, "path": str(self.path)}
        self.launch(
            SOCKUDO,
            "run",
            "-c",
            self.config(app_manager=APPS, rate_limiter=LIMITED, listener={"proxy_protocol": True}, unix_socket=given),
        )

        def answers() -> bool:
            with contextlib.suppress(OSError):
                connection = connected(Path(self.path))
                connection.sendall(v1("192.0.2.99"))
                return ask(connection).status == 200
            return False

        eventually("/up over the socket", answers)
        self.check(self.haproxy(options, f"unix@{self.path}").port)
