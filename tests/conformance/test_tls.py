"""P-149 and H-121 over TLS, which nginx ends in front of the server or the server itself.

Only the clients' TLS flag is another.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import self_signed, sign, write
from tests.conformance.clients import Clients, ScriptFailure
from tests.conformance.daemon import DIGITS_APP, Daemon
from tests.integration.proxies import Nginx


@pytest.mark.usefixtures("clients", "folder")
class Tls(SynchronousTestCase):
    """`wss://` and `https://`."""

    clients: Clients
    folder: Path

    @contextmanager
    def proxied(self) -> Iterator[tuple[int, Path]]:
        """TLS in front of the shared server; its port and the certificate to trust."""
        files = self_signed(self.folder / "tls")
        with Nginx(self.folder / "proxy", f"127.0.0.1:{self.clients.options['port']}", files=files) as proxy:
            yield proxy.port, Path(files.cert)

    def test_P149_tls(self) -> None:
        """pusher-js on `wss`, with events from the Node SDK on `https`."""
        with self.proxied() as (port, certificate), Clients(port, certificate=certificate) as clients:
            for library in ("pusher-js", "pusher-js-7"):
                found = clients.run("channels.js", "privateChannel", client=library)
                self.assertEqual(found, {"event": {"id": 7}, "subscribed": True, "refusal": 403})

    def test_H121_tls_pysher(self) -> None:
        """pysher on `wss`. (Python's SDK brings its own list of authorities: it cannot trust this certificate.)"""
        with self.proxied() as (port, certificate):
            found = Clients(port, DIGITS_APP, certificate).run("pysher_client.py", "presence")
        self.assertEqual(found["bob"]["presence-room"]["presence"]["ids"], ["ann", "bob"])

    def test_P149_tls_in_process(self) -> None:
        """The same clients, and the same SDK, with the server's own TLS: connect, authorise, publish, client events."""
        files = self_signed(self.folder / "tls")
        with (
            Daemon(self.folder / "server", files=files) as daemon,
            Clients(daemon.port, certificate=Path(files.cert)) as clients,
        ):
            for library in ("pusher-js", "pusher-js-7"):
                found = clients.run("channels.js", "privateChannel", client=library)
                self.assertEqual(found, {"event": {"id": 7}, "subscribed": True, "refusal": 403})
            found = Clients(daemon.port, DIGITS_APP, Path(files.cert)).run("pysher_client.py", "presence")
            self.assertEqual(found["bob"]["presence-room"]["presence"]["ids"], ["ann", "bob"])


@pytest.mark.usefixtures("browser", "folder")
class Browser(SynchronousTestCase):
    """Clients that judge certificates as browsers do: a chain that leads to an authority they trust."""

    folder: Path

    @contextmanager
    def served(self) -> Iterator[Clients]:
        """Clients of a server whose certificate an intermediate authority has signed; another one lies ready."""
        root = sign("Root", ca=True)
        middle = sign("Middle", root, ca=True)
        trusted = self.folder / "root.pem"
        trusted.write_bytes(root.pem)
        files = write(self.folder / "live", "server", sign("localhost", middle), middle)
        new = write(self.folder / "new", "server", sign("localhost", middle), middle)
        # Of what the server sends, which the root is not.
        key = middle.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        with (
            Daemon(self.folder / "server", files=files, authority=trusted) as daemon,
            Clients(daemon.port, certificate=trusted) as clients,
        ):
            clients.options["authority"] = b64encode(sha256(key).digest()).decode()
            clients.options["renewal"] = list(zip(new, files, strict=True))
            yield clients

    def test_P149_tls_browser(self) -> None:
        """pusher-js in Chromium on `wss`, through every kind of channel."""
        with self.served() as clients:
            found = clients.run("browser.js", "pusher")
        self.assertEqual((found["transport"], found["typing"], found["left"]), ("ws", {"on": True}, "bob"))

    def test_P149_tls_renewed(self) -> None:
        """The certificate is replaced: who is connected hears what comes next, and so does who connects afterwards."""
        expected = {"heard": [{"to": "both"}] * 2, "states": []}
        with self.served() as clients:
            self.assertEqual(clients.run("browser.js", "renewed"), expected)
        with self.served() as clients:
            self.assertEqual(clients.run("channels.js", "renewed", client="pusher-js"), expected)

    def test_P149_tls_stranger(self) -> None:
        """Chromium connects because it trusts the authority, and not because it trusts everybody."""
        with self.served() as clients:
            clients.options["authority"] = ""
            with self.assertRaises(ScriptFailure) as caught:
                clients.run("browser.js", "renewed")
        self.assertIn("ERR_CERT_AUTHORITY_INVALID", str(caught.exception))
