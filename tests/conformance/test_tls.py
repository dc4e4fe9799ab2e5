"""P-149 and H-121 over TLS, which nginx ends in front of the server or the server itself.

Only the clients' TLS flag is another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import self_signed
from tests.conformance.clients import Clients
from tests.conformance.daemon import DIGITS_APP, Daemon
from tests.conformance.proxy import Proxy


@pytest.mark.usefixtures("clients", "folder")
class Tls(SynchronousTestCase):
    """`wss://` and `https://`."""

    clients: Clients
    folder: Path

    @contextmanager
    def proxied(self) -> Iterator[Proxy]:
        """TLS in front of the shared server."""
        with Proxy(self.folder / "proxy", [self.clients.options["port"]], tls=True) as proxy:
            yield proxy

    def test_P149_tls(self) -> None:
        """pusher-js on `wss`, with events from the Node SDK on `https`."""
        with self.proxied() as proxy, Clients(proxy.port, certificate=proxy.certificate) as clients:
            for library in ("pusher-js", "pusher-js-7"):
                found = clients.run("channels.js", "privateChannel", client=library)
                self.assertEqual(found, {"event": {"id": 7}, "subscribed": True, "refusal": 403})

    def test_H121_tls_pysher(self) -> None:
        """pysher on `wss`. (Python's SDK brings its own list of authorities: it cannot trust this certificate.)"""
        with self.proxied() as proxy:
            found = Clients(proxy.port, DIGITS_APP, proxy.certificate).run("pysher_client.py", "presence")
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
