"""TLS as clients meet it: the daemon with a certificate of its own, and all that can go wrong with one."""

from __future__ import annotations

import http.client
import os
import random
import re
import socket
import ssl
import struct
import warnings
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen, run
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa

from tests.certificates import Certified, self_signed, sign, write
from tests.integration.launch import PATIENCE, SOCKUDO, TWISTD, eventually
from tests.integration.secure import TlsCase

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: `close` sends a reset."""
APPS = {"array": {"apps": [{"id": "1", "key": "one", "secret": "s"}]}}
UP = b"GET /up HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def openssl(*arguments: str | Path, input: bytes = b"") -> str:  # noqa: A002  # the word of `subprocess.run`
    """All that the program says."""
    done = run(["openssl", *arguments], input=input, stdout=PIPE, stderr=STDOUT, timeout=PATIENCE, check=False)
    return done.stdout.decode(errors="replace")


class ServingTests(TlsCase):
    """With a good certificate"""

    def test_C82_versions(self) -> None:
        """HTTP and WebSocket work over TLS 1.2 and 1.3; TLS 1.1 is refused; ALPN answers http/1.1."""
        process = self.serve(TWISTD, "-n", "--pidfile=", "sockudo")
        self.assertIn(f"ready at https://127.0.0.1:{self.port}", process.output)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.files.client_context()
            context.minimum_version = context.maximum_version = version
            self.assertEqual(self.get("/up", context)[0], 200)
            self.subscriber(context)
            context.set_alpn_protocols(["h2", "http/1.1"])
            found = self.secure(context)
            self.assertEqual(found.version(), version.name.replace("_", "."))
            self.assertEqual(found.selected_alpn_protocol(), "http/1.1")
            context.set_alpn_protocols(["h2"])
            self.assertIsNone(self.secure(context).selected_alpn_protocol())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            old = self.files.client_context()
            old.set_ciphers("ALL:@SECLEVEL=0")
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises(ssl.SSLError):
            self.secure(old)

    def test_on_every_reactor(self) -> None:
        """Without uvloop, and on Twisted's epoll reactor."""
        (self.folder / "uvloop.py").write_text("raise ImportError('not here')")
        for options in ((), ("--reactor=epoll",)):
            process = self.serve(TWISTD, "-n", "--pidfile=", *options, "sockudo", PYTHONPATH=str(self.folder))
            self.subscriber().close()
            process.signal(15)
            self.assertEqual(process.status(), 0)

    def test_many(self) -> None:
        """A thousand clients get every event once and in order, short ones and long ones, and leave nothing behind."""
        process = self.serve()
        before = len(os.listdir(f"/proc/{process.pid}/fd"))
        context = self.files.client_context()
        clients = [self.subscriber(context) for _ in range(1000)]
        self.assertEqual(self.connections(), 1000)
        published = [f"{number} " + "x" * (50_000 if number == 3 else number) for number in range(10)]
        for data in published:
            self.assertEqual(self.publish(data), 200)
        for client in clients:
            self.assertEqual([client.event()["data"] for _ in published], published)
            client.close()
        eventually("all are gone", lambda: not self.connections())
        eventually("all are closed", lambda: len(os.listdir(f"/proc/{process.pid}/fd")) <= before + 1)
        self.assertNotIn("Traceback", process.output)

    def test_key_update(self) -> None:
        """New keys in the middle of a connection, asked for by the client, change nothing (RFC 8446 4.6.3)."""
        self.serve()
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-tls1_3", "-no_ign_eof"]
        with Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, bufsize=0) as client:
            assert client.stdin is not None
            assert client.stdout is not None
            assert client.stderr is not None
            for _ in range(2):
                client.stdin.write(b"K\n")
                while b"KEYUPDATE" not in client.stderr.readline():
                    self.assertIsNone(client.poll())
            client.stdin.write(UP)
            self.assertIn(b"HTTP/1.1 200 ", client.stdout.read())

    def test_resumption_by_openssl(self) -> None:
        """A session that `openssl s_client` has written to a file is taken up later, and five times in one run."""
        self.serve()
        saved = self.folder / "session.pem"
        here = ("s_client", "-connect", f"127.0.0.1:{self.port}")
        for version in ("-tls1_2", "-tls1_3"):
            self.assertIn("New, TLSv1", openssl(*here, version, "-sess_out", saved, "-ign_eof", input=UP))
            self.assertIn("Reused, TLSv1", openssl(*here, version, "-sess_in", saved, "-ign_eof", input=UP))
        self.assertEqual(openssl(*here, "-tls1_2", "-reconnect").count("Reused, TLSv1.2"), 5)

    def test_resumption(self) -> None:
        """A client that comes back saves the costly half of the handshake."""
        self.serve()
        context = self.files.client_context()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_2, version
            first = self.secure(context)
            first.sendall(UP)
            self.assertIn(b"200", first.recv(65536))
            plain = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
            with context.wrap_socket(plain, server_hostname="localhost", session=first.session) as second:
                self.assertTrue(second.session_reused)

    def test_C82_any_name(self) -> None:
        """Whatever name a client asks for (SNI), it gets the one certificate; so does one that names none."""
        self.serve()
        context = self.files.client_context()
        context.check_hostname = False
        for name in ("localhost", "other.example", "xn--bcher-kva.example", None):
            plain = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
            with context.wrap_socket(plain, server_hostname=name) as secure:
                self.assertEqual(secure.getpeercert(binary_form=True), context.get_ca_certs(binary_form=True)[0])

    def test_kinds_of_keys(self) -> None:
        """ECDSA, RSA and Ed25519: clients that know the authority connect in both versions."""
        for key in (ec.generate_private_key(ec.SECP384R1()), generate_rsa(65537, 2048), Ed25519PrivateKey.generate()):
            process = self.serve(files=self_signed(self.folder / "tls", key=key))
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                context = self.files.client_context()
                context.minimum_version = context.maximum_version = version
                self.assertEqual(self.get("/up", context)[0], 200)
            process.signal(15)
            self.assertEqual(process.status(), 0)

    def test_chain(self) -> None:
        """Intermediate certificates, one from the certificate's file and one from `ssl.ca_path`, reach the client."""
        root = sign("Root", ca=True)
        second = sign("Second", root, ca=True)
        first = sign("First", second, ca=True)
        trusted = self.folder / "root.pem"
        trusted.write_bytes(root.pem)
        extra = self.folder / "extra.pem"
        extra.write_bytes(root.pem + second.pem)
        cert, key = write(self.folder / "chain", "server", sign("localhost", first), first)
        ssl_settings = {"enabled": True, "cert_path": cert, "key_path": key, "ca_path": str(extra)}
        process = self.launch(SOCKUDO, "-c", self.config(ssl=ssl_settings, app_manager=APPS))
        self.files = Certified(str(trusted), key)
        eventually("/up over TLS", lambda: self.answered(process))
        for version in ("-tls1_2", "-tls1_3"):
            told = openssl("s_client", version, "-connect", f"127.0.0.1:{self.port}", "-showcerts", "-CAfile", trusted)
            subjects = re.findall(r"s:CN ?= ?(\w+)", told)
            self.assertEqual(subjects, ["localhost", "First", "Second"])
            self.assertIn("Verify return code: 0 (ok)", told)


class HostileTests(TlsCase):
    """Who does not play by the rules leaves nothing behind"""

    def test_plain_http(self) -> None:
        """A plain request is told to use TLS."""
        self.serve()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        self.addCleanup(connection.close)
        connection.request("GET", "/up")
        answer = connection.getresponse()
        self.assertEqual((answer.status, b"https://" in answer.read()), (400, True))

    def test_noise(self) -> None:
        """Random bytes, half a handshake, noise inside TLS, resets at any time: the server serves as before."""
        process = self.serve()
        before = len(os.listdir(f"/proc/{process.pid}/fd"))
        noise = random.Random(7)
        for number in range(300):
            plain = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
            outgoing = ssl.MemoryBIO()
            client = self.files.client_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
            if number % 3:
                with self.assertRaises(ssl.SSLWantReadError):
                    client.do_handshake()
                hello = outgoing.read()
                plain.sendall(hello[: noise.randrange(1, len(hello))] if number % 3 == 1 else hello)
            if number % 2:
                plain.sendall(noise.randbytes(noise.randrange(1, 2000)))
            if number % 5 == 0:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            plain.close()
        for number in range(60):
            secure = self.secure()
            secure.sendall(noise.randbytes(noise.randrange(1, 2000)))
            if number % 2:
                secure.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            secure.close()
        eventually("all are closed", lambda: len(os.listdir(f"/proc/{process.pid}/fd")) <= before + 1)
        self.subscriber()
        self.assertNotIn("Traceback", process.output)

    def test_P145_resets(self) -> None:
        """Clients that vanish with a reset right behind their last message are gone from every table."""
        process = self.serve()
        context = self.files.client_context()
        for _ in range(60):
            client = self.subscriber(context)
            client.send({"event": "pusher:ping", "data": {}})
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
        eventually("all are gone", lambda: not self.connections(), 5)
        self.assertNotIn("Traceback", process.output)


class RefusalTests(TlsCase):
    """With a certificate that cannot be used"""

    def refused(self, *words: str, **ssl_settings: Any) -> None:
        """Each way to start ends with status 1 and names these, and so does the check."""
        settings = {"enabled": True, "cert_path": self.files.cert, "key_path": self.files.key, **ssl_settings}
        name = self.config(ssl=settings)
        for command in (
            (SOCKUDO, "-c", name),
            (SOCKUDO, "check-config", "-c", name),
            (TWISTD, "sockudo", "-c", name),
        ):
            status, output = self.run_to_end(*command)
            self.assertEqual(status, 1, output)
            for word in words:
                self.assertIn(word, output)
            self.assertNotIn("Traceback", output)
            (self.folder / "output.txt").unlink()

    def test_C85_missing(self) -> None:
        """A file that is not there ends the start at once, daemon or not, and is named."""
        self.refused("ssl.cert_path", "/nowhere/server.crt", "No such file", cert_path="/nowhere/server.crt")

    def test_C83_passphrase(self) -> None:
        """An encrypted key works with its passphrase; with a wrong one the start is refused, and nothing quotes it."""
        self.files = self_signed(self.folder / "tls", "locked", passphrase="sesame")
        self.refused("ssl.passphrase", "locked.key", passphrase="wrong")
        settings = {"enabled": True, "cert_path": self.files.cert, "key_path": self.files.key, "passphrase": "sesame"}
        process = self.launch(SOCKUDO, "-c", self.config(ssl=settings, app_manager=APPS))
        eventually("/up over TLS", lambda: self.answered(process))
        self.assertNotIn("sesame", process.output)

    def test_C84_without_paths(self) -> None:
        """TLS without paths is plain HTTP and an ERROR line; strict, status 1."""
        process = self.launch(SOCKUDO, SSL_ENABLED="1")
        process.up(self.port)
        self.assertRegex(process.output, r"ERROR .*ssl.enabled: is on without cert_path and key_path")
        self.assertIn("ready at http://", process.output)
        status, output = self.run_to_end(SOCKUDO, "--strict", SSL_ENABLED="1")
        self.assertEqual((status, "ssl.enabled" in output), (1, True))
