"""A certificate that is renewed under a running server with its clients connected."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import ssl
import time
from pathlib import Path

from tests.certificates import Certified, Signed, sign, write
from tests.integration.launch import PATIENCE, Process, eventually
from tests.integration.secure import TlsCase

CROWD = 1000


class ReloadTests(TlsCase):
    """New connections get the new certificate, open ones go on."""

    def setUp(self) -> None:
        super().setUp()
        self.root = sign("Root", ca=True)
        trusted = self.folder / "root.pem"
        trusted.write_bytes(self.root.pem)
        self.trusting = ssl.create_default_context(cafile=str(trusted))
        self.first, self.second, self.third = (sign("localhost", self.root, valid=(-1, 90)) for _ in range(3))
        self.paths = write(self.folder / "tls", "live", self.first)
        self.files = Certified(str(trusted), self.paths.key)

    def run_server(self, interval: int) -> Process:
        """Starts it with these milliseconds between two looks at the files."""
        return self.serve(files=self.paths, SSL_WATCH_INTERVAL_MS=str(interval))

    def put(self, pair: Signed) -> None:
        """Renews as most programs do: each file written beside the old one and moved in its place."""
        new = write(self.folder / "new", "live", pair)
        for source, target in zip(new, self.paths, strict=True):
            Path(source).rename(target)

    def shown(self) -> str:
        """The fingerprint of the certificate a new client gets, with a full handshake that it verifies."""
        with self.secure(self.trusting) as connection:
            return fingerprint(connection)

    def test_under_a_thousand_connections(self) -> None:
        """Renewed twice, by file change and by SIGHUP, under 1,000 WebSockets that receive events: none is lost, nor
        any event; handshakes under way end with what they began with, and all later ones see the new certificate."""
        process = self.run_server(500)
        clients = [self.subscriber(self.trusting) for _ in range(CROWD)]
        self.assertEqual(self.connections(), CROWD)
        sent = 0
        for pair, hang_up in ((self.second, False), (self.third, True)):
            waiting = [Half(self.port, self.trusting) for _ in range(20)]
            before = self.shown()
            self.put(pair)
            if hang_up:
                process.signal(signal.SIGHUP)
            deadline = time.monotonic() + PATIENCE
            while self.shown() != expected(pair):
                self.assertLess(time.monotonic(), deadline)
                self.assertEqual(self.publish(str(sent)), 200)
                sent += 1
            for half in waiting:
                self.assertEqual(half.finish(), before)
            self.assertEqual(self.publish(str(sent)), 200)
            sent += 1
        self.assertEqual(self.connections(), CROWD)
        for client in clients:
            self.assertEqual([client.event()["data"] for _ in range(sent)], [str(number) for number in range(sent)])
            client.send({"event": "pusher:ping", "data": {}})
            self.assertEqual(client.event()["event"], "pusher:pong")
        self.assertEqual(process.output.count("new connections get the certificate of"), 2)
        self.assertNotIn("Traceback", process.output)

    def test_only_on_hangup(self) -> None:
        """With an interval of 0 the files are read on SIGHUP, and a bad pair then is told and changes nothing."""
        process = self.run_server(0)
        self.put(self.second)
        self.assertEqual(self.shown(), expected(self.first))
        process.signal(signal.SIGHUP)
        eventually("the second", lambda: self.shown() == expected(self.second))
        shutil.copy(write(self.folder / "new", "other", self.third).key, self.paths.key)
        process.signal(signal.SIGHUP)
        eventually("it is told", lambda: "does not belong to the certificate" in process.output)
        self.assertIn(self.paths.key, process.output)
        self.assertEqual(self.shown(), expected(self.second))
        self.assertEqual(self.get("/up", self.trusting)[0], 200)

    def test_tickets(self) -> None:
        """A ticket from before the change leads to a whole handshake, in both versions, and to a ticket that works."""
        process = self.run_server(0)
        contexts = []
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = ssl.create_default_context(cafile=self.files.cert)
            context.minimum_version = context.maximum_version = version
            contexts.append((context, self.session(context, None)))
        self.put(self.second)
        process.signal(signal.SIGHUP)
        eventually("the second", lambda: self.shown() == expected(self.second))
        for context, old in contexts:
            new = self.session(context, old, resumed=False)
            self.session(context, new, resumed=True)

    def session(
        self, context: ssl.SSLContext, before: ssl.SSLSession | None, *, resumed: bool = False
    ) -> ssl.SSLSession | None:
        """Asks for `/up` in a connection that offers this session; its own."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        with context.wrap_socket(plain, server_hostname="localhost", session=before) as connection:
            connection.sendall(b"GET /up HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertIn(b" 200 ", connection.recv(65536))
            self.assertEqual(connection.session_reused, resumed)
            return connection.session

    def test_links_of_kubernetes(self) -> None:
        """A volume of Kubernetes, where a link to the folder of both files moves, is noticed."""
        volume = self.folder / "volume"
        for name, pair in (("..2026", self.first), ("..2027", self.second)):
            write(volume / name, "tls", pair)
        (volume / "..data").symlink_to("..2026")
        for suffix in ("crt", "key"):
            (volume / f"tls.{suffix}").symlink_to(f"..data/tls.{suffix}")
        self.paths = Certified(str(volume / "tls.crt"), str(volume / "tls.key"))
        process = self.run_server(100)
        self.assertEqual(self.shown(), expected(self.first))
        (volume / "..new").symlink_to("..2027")
        os.replace(volume / "..new", volume / "..data")
        eventually("the second", lambda: self.shown() == expected(self.second))
        self.assertNotIn("ERROR", process.output)


class Half:
    """A client in the middle of its handshake: it has said its first words and hears the answer later."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        try:
            self.client.do_handshake()
        except ssl.SSLWantReadError:
            hello = self.outgoing.read()
        self.socket.sendall(hello[:100])
        self.rest = hello[100:]

    def finish(self) -> str:
        """Goes on to the end; the fingerprint of the certificate it got."""
        self.socket.sendall(self.rest)
        while True:
            try:
                self.client.do_handshake()
            except ssl.SSLWantReadError:
                self.incoming.write(self.socket.recv(65536))
            else:
                break
        self.socket.close()
        return digest(self.client.getpeercert(binary_form=True))


def digest(certificate: bytes | None) -> str:
    assert certificate is not None
    return hashlib.sha256(certificate).hexdigest()


def fingerprint(connection: ssl.SSLSocket) -> str:
    """Of the certificate a client sees."""
    return digest(connection.getpeercert(binary_form=True))


def expected(pair: Signed) -> str:
    """The fingerprint of a certificate of ours."""
    return digest(ssl.PEM_cert_to_DER_cert(pair.pem.decode()))
