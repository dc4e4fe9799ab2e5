"""Whose request this is, behind any number of proxies."""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.transports.addresses import client_address, network_of, normalised

PEER = IPv4Address("TCP", "192.0.2.9", 50000)
SOCKET = UNIXAddress(None)


def forwarded(*lines: str, real: str | None = None) -> dict[bytes, list[bytes]]:
    headers = {b"x-forwarded-for": [line.encode("latin-1") for line in lines]} if lines else {}
    if real is not None:
        headers[b"x-real-ip"] = [real.encode()]
    return headers


class ClientAddressTests(SynchronousTestCase):
    """`client_address`"""

    def found(self, headers: dict[bytes, list[bytes]], hops: int, peer: IAddress | None = PEER) -> str:
        return client_address(peer, headers, hops)

    def test_H85_nobody_is_trusted(self) -> None:
        """Without hops only the peer counts, whatever the headers say."""
        self.assertEqual(self.found(forwarded("198.51.100.1", real="198.51.100.2"), 0), "192.0.2.9")

    def test_H86_hops(self) -> None:
        """The entry so many places from the right; the leftmost when there are fewer."""
        headers = forwarded("198.51.100.1, 198.51.100.2")
        self.assertEqual([self.found(headers, hops) for hops in (1, 2, 5)], ["198.51.100.2"] + ["198.51.100.1"] * 2)
        headers = forwarded("198.51.100.1", "198.51.100.2,198.51.100.3")
        self.assertEqual([self.found(headers, hops) for hops in (1, 3)], ["198.51.100.3", "198.51.100.1"])

    def test_H86_garbage(self) -> None:
        """An entry that is no address falls back to the peer: X-Real-IP may be the client's own invention."""
        for entry in ("unknown", "", "1.2.3", "1.2.3.4:http", "[::1", "1.2.3.4, ", "é", "1" * 10_000, "01.2.3.4"):
            self.assertEqual(self.found(forwarded(entry), 1), "192.0.2.9", entry)
            self.assertEqual(self.found(forwarded(entry, real="198.51.100.7"), 1), "192.0.2.9", entry)

    def test_real_ip(self) -> None:
        """X-Real-IP counts where X-Forwarded-For is missing and proxies are trusted."""
        self.assertEqual(self.found(forwarded(real="198.51.100.7"), 1), "198.51.100.7")
        self.assertEqual(self.found(forwarded(real="nobody"), 1), "192.0.2.9")

    def test_unix(self) -> None:
        """Over a Unix socket the proxy in front of it is trusted; without headers all are one."""
        for peer in (SOCKET, None):
            self.assertEqual(self.found(forwarded("198.51.100.1, 198.51.100.2"), 0, peer), "198.51.100.2")
            self.assertEqual(self.found(forwarded("198.51.100.1, 198.51.100.2"), 2, peer), "198.51.100.1")
            self.assertEqual(self.found(forwarded(real="198.51.100.7"), 0, peer), "198.51.100.7")
            self.assertEqual(self.found({}, 0, peer), "unix")
            self.assertEqual(self.found(forwarded("unknown"), 0, peer), "unix")
            self.assertEqual(self.found(forwarded("unix:", real="198.51.100.7"), 1, peer), "unix")

    def test_H89_one_client_one_text(self) -> None:
        """An address is the same however it is spelled, by the kernel or by a proxy."""
        for spelled in ("1.2.3.4", "::ffff:1.2.3.4", "::FFFF:102:304", "[::ffff:1.2.3.4]:80", "1.2.3.4:5678"):
            self.assertEqual(self.found(forwarded(f" {spelled} "), 1), "1.2.3.4", spelled)
        for spelled in (
            "2001:DB8::1",
            "2001:db8:0:0:0:0:0:1",
            "[2001:db8::1]",
            "[2001:db8::1]:443",
            "2001:db8::1%eth0",
        ):
            self.assertEqual(self.found(forwarded(spelled), 1), "2001:db8::1", spelled)
        mapped = IPv6Address("TCP", "::ffff:1.2.3.4", 50000)
        self.assertEqual(self.found({}, 0, mapped), self.found({}, 0, IPv4Address("TCP", "1.2.3.4", 1)))
        self.assertEqual(self.found({}, 0, IPv6Address("TCP", "fe80::1%lo", 1)), "fe80::1")

    def test_not_an_address(self) -> None:
        """Names, numbers and half addresses are none."""
        for text in (
            "localhost",
            "1",
            "0x7f.1",
            "1.2.3.4.5",
            "[1.2.3.4",
            "::1::2",
            "1.2.3.4:",
            "[::1]x",
            "[::1]:x",
            "",
        ):
            self.assertIsNone(normalised(text), text)

    def test_network(self) -> None:
        """IPv6 addresses of one customer's network are counted as one, IPv4 addresses alone."""
        self.assertEqual(network_of("2001:db8:1:2:3:4:5:6"), network_of("2001:db8:1:2::1"))
        self.assertNotEqual(network_of("2001:db8:1:2::1"), network_of("2001:db8:1:3::1"))
        self.assertEqual(network_of("1.2.3.4"), "1.2.3.4")
        self.assertEqual(network_of("unix"), "unix")
