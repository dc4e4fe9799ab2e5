"""From `host` to an address, and what is said when it cannot be had."""

from __future__ import annotations

import socket

from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor
from twisted.trial import unittest

from sockudo_tx.listening import ListenError, TcpListener, resolve


class ResolveTests(unittest.TestCase):
    """Host names and literals (http-api.md 1.1)."""

    def test_literals(self) -> None:
        """IPv4 and IPv6 literals, the latter with or without brackets."""
        for host, family, literal in (
            ("0.0.0.0", socket.AF_INET, "0.0.0.0"),
            ("::", socket.AF_INET6, "::"),
            ("[::]", socket.AF_INET6, "::"),
            ("[::1]", socket.AF_INET6, "::1"),
        ):
            self.assertEqual(resolve(host, 6001), (family, literal, 6001, None))

    def test_netloc(self) -> None:
        """An address as it stands in a URL."""
        self.assertEqual(resolve("::1", 6001).netloc, "[::1]:6001")
        self.assertEqual(resolve("127.0.0.1", 6001).netloc, "127.0.0.1:6001")

    def test_name(self) -> None:
        """A name becomes its first IPv4 address, or with a note its first IPv6 one."""
        rows = [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", 6001, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 6001)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.2", 6001)),
        ]
        self.patch(socket, "getaddrinfo", lambda *_, **__: rows)
        self.assertEqual(resolve("both.example", 6001), (socket.AF_INET, "192.0.2.1", 6001, None))
        del rows[1:]
        address = resolve("six.example", 6001)
        self.assertEqual((address.host, "six.example" in (address.note or "")), ("2001:db8::1", True))

    def test_names_that_lead_nowhere(self) -> None:
        """An unknown or illegal name is an error that names the setting; never a fallback to loopback."""
        for host in ("no-such-host.invalid", "x" * 300, "[::1", "1.2.3.4.5"):
            with self.assertRaises(ListenError) as caught:
                resolve(host, 6001)
            self.assertIn("HOST", str(caught.exception))


class ListenerTests(unittest.TestCase):
    """A socket opened early, adopted later."""

    def test_taken_port(self) -> None:
        """A port in use is an error that names the settings and another port."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            with self.assertRaises(ListenError) as caught:
                TcpListener(MemoryReactor(), Factory(), "127.0.0.1", port).open()
        self.assertIn(f"127.0.0.1:{port}", str(caught.exception))
        self.assertIn("PORT=", str(caught.exception))

    def test_life(self) -> None:
        """`open` may be called early and twice; the started service accepts; the stopped one holds nothing."""
        reactor = MemoryReactor()
        listener = TcpListener(reactor, Factory(), "127.0.0.1", 0)
        listener.open()
        port = listener.address.port
        self.assertGreater(port, 0)
        listener.privilegedStartService()
        listener.startService()
        self.assertEqual(listener.address.port, port)
        ((_, family, _),) = reactor.adoptedPorts
        self.assertEqual(family, socket.AF_INET)
        self.successResultOf(listener.stopService())
        socket.create_server(("127.0.0.1", port)).close()
