"""Connections come and go, and the server afterwards is the server before."""

from __future__ import annotations

import gc
import os

import pytest
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.testing import MemoryServer, fixture_app


def resident() -> int:
    """Resident bytes of this process."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class ChurnTests(SynchronousTestCase):
    """Connect, subscribe, sign in, disconnect; in every order a life may end."""

    def setUp(self) -> None:
        self.server = MemoryServer(apps=[fixture_app(enable_subscription_count_events=True)])

    def cycle(self, number: int) -> None:
        """One life."""
        client = self.server.client()
        client.subscribe("news")
        client.subscribe(f"private-{number}")
        client.subscribe("presence-r", f"u{number % 50}", {"n": number})
        client.signin(f"u{number % 50}", watchlist=[f"u{(number + 1) % 50}", f"x{number}"])
        client.send({"event": "client-x", "channel": "presence-r", "data": number})
        if number % 4 == 0:
            client.close()
        elif number % 4 == 1:
            client.cut()
        elif number % 4 == 2:
            self.server.terminate(f"u{number % 50}")
        else:
            client.unsubscribe("presence-r")
            client.cut(clean=True)
        if number % 10 == 0:
            self.server.advance(0.7)
            self.server.facts.take()

    def cycles(self, start: int, end: int) -> None:
        for number in range(start, end):
            self.cycle(number)
        self.server.advance(10)
        self.server.facts.take()
        self.assertEqual(self.server.tables(), {})

    def test_churn(self) -> None:
        """After 500 lives every table is empty and no object of theirs is alive."""
        self.cycles(0, 100)
        gc.collect()
        before = len(gc.get_objects())
        self.cycles(100, 500)
        gc.collect()
        self.assertLess(len(gc.get_objects()) - before, 200)

    @pytest.mark.long
    def test_long_churn(self) -> None:
        """After 10,000 lives memory is at the level it had after 1,000, within 5 %."""
        self.cycles(0, 1000)
        gc.collect()
        objects, memory = len(gc.get_objects()), resident()
        self.cycles(1000, 10_000)
        gc.collect()
        self.assertLess(len(gc.get_objects()) - objects, 500)
        self.assertLess(resident(), memory * 1.05)
