"""Processes and addresses for so many connections."""

from __future__ import annotations

from twisted.trial import unittest

from sockudo_tx.bench.capacity import CapacityError, processes_for, sources_for
from sockudo_tx.bench.target import Target


def target(address: str) -> Target:
    """A server there."""
    return Target(host=address, port=6001, app_id="a", key="k", secret="s", address=(address, 6001))


class CapacityTests(unittest.TestCase):
    """Limits of the machine."""

    def test_spread_over_the_limit(self) -> None:
        """More connections than a process may open files are spread over more processes."""
        self.assertEqual(processes_for(10_000, limit=1064), 10)
        self.assertEqual(processes_for(1, limit=1064), 1)

    def test_asked_for(self) -> None:
        """A number that was asked for is taken, or refused with the limit and the cure."""
        self.assertEqual(processes_for(100, 7, limit=1064), 7)
        error = self.assertRaises(CapacityError, processes_for, 5000, 2, 1064)
        self.assertIn("1064", str(error))
        self.assertIn("--processes 5", str(error))

    def test_impossible(self) -> None:
        """What would take hundreds of processes is refused with the limit and the cure."""
        error = self.assertRaises(CapacityError, processes_for, 1_000_000, None, 1064)
        self.assertIn("ulimit", str(error))
        self.assertRaises(CapacityError, processes_for, 1, None, 10)

    def test_source_addresses(self) -> None:
        """On the loopback network many connections come from several addresses, few from none in particular."""
        self.assertEqual(sources_for(target("127.0.0.1"), 100), ())
        found = sources_for(target("127.0.0.1"), 200_000)
        self.assertGreater(len(found), 2)
        self.assertTrue(all(address.startswith("127.0.0.") for address in found))

    def test_no_ports_left(self) -> None:
        """Elsewhere more connections than ports are refused with the reason."""
        for address in ("192.0.2.1", "::1"):
            error = self.assertRaises(CapacityError, sources_for, target(address), 200_000)
            self.assertIn("ports", str(error))
