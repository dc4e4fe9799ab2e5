"""A server that speaks TLS, and clients of it."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time

from sockudo_tx.protocol.app import App
from sockudo_tx.testing import signed_target
from tests.certificates import Certified, self_signed
from tests.integration.launch import PATIENCE, SOCKUDO, LaunchCase, Process, WebSocket, eventually


class TlsCase(LaunchCase):
    """A server that speaks TLS."""

    def setUp(self) -> None:
        super().setUp()
        self.files = self_signed(self.folder / "tls")

    def serve(self, *command: str, files: Certified | None = None, **variables: str) -> Process:
        """Starts it, and returns when it answers over TLS."""
        cert, key = files or self.files
        variables = {"SSL_ENABLED": "true", "SSL_CERT_PATH": cert, "SSL_KEY_PATH": key, **variables}
        process = self.launch(*(command or (SOCKUDO,)), **variables)
        eventually("/up over TLS", lambda: self.answered(process))
        return process

    def answered(self, process: Process) -> bool:
        if process._process.poll() is not None:
            raise AssertionError(process.output)
        try:
            return self.get("/up")[0] == 200
        except OSError:
            return False

    def get(self, path: str, context: ssl.SSLContext | None = None) -> tuple[int, bytes]:
        """Status and body of one GET."""
        context = context or self.files.client_context()
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=5, context=context)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def secure(self, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
        """A connection whose handshake is finished."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        try:
            wrapped = (context or self.files.client_context()).wrap_socket(plain, server_hostname="localhost")
        except BaseException:
            plain.close()
            raise
        self.addCleanup(wrapped.close)
        return wrapped

    def subscriber(self, context: ssl.SSLContext | None = None) -> WebSocket:
        """A client over TLS, subscribed to `news`."""
        client = WebSocket(self.port, context=context or self.files.client_context())
        self.addCleanup(client.close)
        self.assertEqual(client.event()["event"], "pusher:connection_established")
        client.send({"event": "pusher:subscribe", "data": {"channel": "news"}})
        self.assertEqual(client.event()["event"], "pusher_internal:subscription_succeeded")
        return client

    def publish(self, data: str) -> int:
        """Publishes to `news` with the demo app's credentials; the status."""
        app = App(id="app-id", key="app-key", secret="app-secret")
        body = json.dumps({"name": "tick", "channel": "news", "data": data}).encode()
        target = signed_target(app, "POST", "/apps/app-id/events", time.time(), body)
        with self.secure() as connection:
            head = f"POST {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
            connection.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
            return int(connection.recv(65536).split(b" ", 2)[1])

    def connections(self) -> int:
        """How many WebSockets there are, by `/stats`."""
        return int(json.loads(self.get("/stats")[1])["totals"]["connections"])
