"""Plain HTTP beside TLS: the redirect of a real server."""

from __future__ import annotations

import http.client
import socket

from tests.integration.launch import PATIENCE, SOCKUDO, Process, free_port
from tests.integration.secure import TlsCase


class RedirectTests(TlsCase):
    """`ssl.redirect_http`"""

    def redirecting(self, **variables: str) -> Process:
        """Starts the server with a redirect on a port of its own."""
        self.plain = free_port()
        return self.serve(SSL_REDIRECT_HTTP="true", SSL_HTTP_PORT=str(self.plain), **variables)

    def ask(self, method: str, path: str, host: str | None, body: bytes | None = None) -> tuple[int, str | None, bytes]:
        """Status, `Location` and body of an answer on the port for plain HTTP."""
        connection = http.client.HTTPConnection("127.0.0.1", self.plain, timeout=PATIENCE)
        self.addCleanup(connection.close)
        connection.putrequest(method, path, skip_host=True)
        if host is not None:
            connection.putheader("Host", host)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Location"), answer.read()

    def test_C86_redirect(self) -> None:
        """Every request is sent to HTTPS with path and query; no Host is localhost; a Host that is none is refused."""
        self.redirecting()
        there = f"https://h:{self.port}/app/k?x=1"
        self.assertEqual(self.ask("GET", "/app/k?x=1", f"h:{self.plain}"), (308, there, b""))
        self.assertEqual(self.ask("POST", "/app/k?x=1", "h:80", b"x" * 300_000), (308, there, b""))
        self.assertEqual(self.ask("HEAD", "/app/k?x=1", "h"), (308, there, b""))
        self.assertEqual(self.ask("GET", "/up", None), (308, f"https://localhost:{self.port}/up", b""))
        self.assertEqual(self.ask("GET", "/", "a b"), (400, None, b""))
        status, where, _ = self.ask("GET", "/up", f"localhost:{self.plain}")
        self.assertEqual((status, self.get((where or "").split(str(self.port))[1])[0]), (308, 200))

    def test_C87_taken(self) -> None:
        """When the port for plain HTTP is taken, that is a warning, and HTTPS is served."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            taken = str(other.getsockname()[1])
            process = self.serve(SSL_REDIRECT_HTTP="1", SSL_HTTP_PORT=taken)
        self.assertRegex(process.output, rf"WARN.*ssl\.http_port.*127\.0\.0\.1:{taken}.*another program listens there")
        self.assertEqual(self.get("/up")[0], 200)

    def test_C87_same_port(self) -> None:
        """When both ports are one, HTTPS gets it."""
        process = self.serve(SSL_REDIRECT_HTTP="1", SSL_HTTP_PORT=str(self.port))
        self.assertRegex(process.output, r"WARN.*ssl\.http_port.*another program listens there")

    def test_only_with_tls(self) -> None:
        """Without TLS there is nothing to redirect to, and nobody listens."""
        self.plain = free_port()
        process = self.launch(SOCKUDO, SSL_REDIRECT_HTTP="1", SSL_HTTP_PORT=str(self.plain))
        process.up(self.port)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.plain))

    def test_crowd(self) -> None:
        """A crowd of silent clients on the port for plain HTTP keeps the server neither from serving nor from ending."""
        process = self.redirecting()
        for _ in range(200):
            silent = socket.create_connection(("127.0.0.1", self.plain), timeout=PATIENCE)
            self.addCleanup(silent.close)
            silent.sendall(b"GET / HT")
        self.assertEqual(self.ask("GET", "/", "h")[0], 308)
        process.signal(15)
        self.assertEqual(process.status(), 0)
        self.assertNotIn("Traceback", process.output)
