"""Webhooks to https addresses: whose certificates are believed (http-api.md 12.5)."""

from __future__ import annotations

import os
import socket
import ssl
from pathlib import Path

from sockudo_tx.interfaces import Outcome
from sockudo_tx.protocol.app import Webhook
from tests.certificates import Certified, Signed, sign, write
from tests.integration.receiver import Receiver
from tests.integration.sending import APP, SenderCase, job

DISTRUSTED = Outcome(False, None, "TLS failed: certificate verify failed")


def serving(files: Certified) -> ssl.SSLContext:
    """How a server shows this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.cert, files.key)
    return context


def set_variable(name: str, value: str | None) -> None:
    """Where OpenSSL sees it too; None takes it away."""
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


class TlsTests(SenderCase):
    """An authority of ours, named by SSL_CERT_FILE, and what its servers show"""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.authority = sign("Test authority", ca=True)
        bundle = write(self.folder, "authority", self.authority)
        for name, value in {"SSL_CERT_FILE": bundle.cert, "SSL_CERT_DIR": str(self.folder / "none")}.items():
            self.addCleanup(set_variable, name, os.environ.get(name))
            set_variable(name, value)

    def secure(self, name: str, certificate: Signed) -> Receiver:
        return self.receiver(context=serving(write(self.folder, name, certificate)))

    async def delivered(self, certificate: Signed, host: str = "localhost") -> Outcome:
        """What becomes of an attempt at a server that shows this one."""
        receiver = self.secure("server", certificate)
        url = receiver.url.replace("localhost", host)
        outcome = await self.sender().send(job(), APP, Webhook(url=url))
        self.assertEqual(len(receiver.requests), int(outcome.ok))
        return outcome

    async def test_good(self) -> None:
        """A certificate of an authority of SSL_CERT_FILE is believed, for a name and for an address."""
        certificate = sign("localhost", self.authority)
        for host in ("localhost", "127.0.0.1"):
            self.assertEqual(await self.delivered(certificate, host), Outcome(True, 200, ""))

    async def test_bad(self) -> None:
        """One signed by itself, by another authority, expired, or not yet valid: nothing is sent."""
        for certificate in (
            sign("localhost"),
            sign("localhost", sign("Another authority", ca=True)),
            sign("localhost", self.authority, valid=(-2, -1)),
            sign("localhost", self.authority, valid=(1, 2)),
        ):
            self.assertEqual(await self.delivered(certificate), DISTRUSTED)

    async def test_wrong_host(self) -> None:
        """One of a trusted authority for another host: nothing is sent."""
        outcome = await self.delivered(sign("other.example", self.authority, names=("other.example",)))
        self.assertEqual(outcome, Outcome(False, None, "the certificate is for another host"))

    async def test_no_host(self) -> None:
        """One of a trusted authority that names no host but in its common name, or none that can be read, is for none."""
        for host in ("localhost", "127.0.0.1"):
            outcome = await self.delivered(sign(host, self.authority, names=None), host)
            self.assertEqual(outcome.reason, "the certificate does not say for which host it is (no subjectAltName)")
        outcome = await self.delivered(sign("localhost", self.authority, names=b"\x30\x03\x82\x01\xff"))
        self.assertFalse(outcome.ok)

    async def test_plain_http_behind_https(self) -> None:
        """A server without TLS behind an https address is a failure in words."""
        receiver = self.receiver()
        outcome = await self.sender(1).send(job(), APP, Webhook(url=receiver.url.replace("http:", "https:")))
        self.assertFalse(outcome.ok)
        self.assertEqual(receiver.requests, [])

    async def test_used_again(self) -> None:
        """Attempts one after the other share one connection and its handshake."""
        receiver, sender = self.secure("server", sign("localhost", self.authority)), self.sender()
        for _ in range(5):
            self.assertTrue((await sender.send(job(), APP, Webhook(url=receiver.url))).ok)
        self.assertEqual(receiver.connections, 1)

    async def test_handshake_never_ends(self) -> None:
        """A server that accepts and says nothing costs no more than the attempt's time."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        url = f"https://localhost:{listener.getsockname()[1]}/"
        silent = await self.sender(0.3).send(job(), APP, Webhook(url=url))
        self.assertEqual(silent, Outcome(False, None, "no answer within 0.3 s"))
