"""The link between hub and workers on the reactor of production, and with processes that really die."""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

_TESTS = ("tests/unit/hub/test_link.py", "tests/unit/hub/test_exchange.py", "tests/unit/hub/test_shared_queue.py")
_ON_OUR_REACTOR = """
import sys
from sockudo_tx.reactor import install_reactor
install_reactor()
import pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]]))
"""
_DIES = """
import os, signal, socket, sys
from sockudo_tx.reactor import install_reactor, soon
install_reactor()
from twisted.internet import reactor
from sockudo_tx.backends.hub.authority import HubAuthority
from sockudo_tx.backends.hub.link import HubLink
from sockudo_tx.backends.hub.pair import adopt
from sockudo_tx.backends.memory.authority import MemoryAuthority
from sockudo_tx.hub.exchange import Exchange
from sockudo_tx.hub.station import Station

class Events:
    def ready(self, station):
        print("has", authority.counts("a", "c").subscriptions, flush=True)
        os.kill(station.pid, signal.SIGKILL)
    def leaving(self, station): ...
    def overflowing(self, station): ...
    def gone(self, station):
        print("gone", station.slot, station.left, flush=True)
        reactor.callLater(0.05, reactor.stop)

ours, theirs = socket.socketpair()
if os.fork():
    theirs.close()
    authority = MemoryAuthority(reactor)
    adopt(reactor, ours, Station(Exchange(reactor, {}, authority, soon(reactor)), 0, Events()))
    reactor.run()
    print("left", authority.counts("a", "c").subscriptions)
else:
    ours.close()
    link = HubLink(0, os.getpid(), "n", reactor, soon(reactor))
    adopt(reactor, theirs, link)
    held = HubAuthority(link)
    held.occupy("a", "c", "n")
    held.count("a", "c", "n", 7).addCallback(lambda _: link.ready())
    reactor.run()
"""


class OnOurReactorTests(SynchronousTestCase):
    """What `tests/unit/hub` promises does not depend on the reactor of the test runner."""

    def test_unit_tests(self) -> None:
        """Links, exchange and queue are the same on the reactor that we install."""
        ran = subprocess.run(
            [sys.executable, "-c", _ON_OUR_REACTOR, *_TESTS], capture_output=True, check=False, text=True, timeout=120
        )
        self.assertEqual(ran.returncode, 0, ran.stdout[-3000:] + ran.stderr[-3000:])

    def test_killed(self) -> None:
        """A worker that is killed is gone for the hub at once, with everything it had."""
        ran = subprocess.run([sys.executable, "-c", _DIES], capture_output=True, check=False, text=True, timeout=30)
        self.assertEqual(ran.stdout.split("\n")[:3], ["has 7", "gone 0 False", "left 0"], ran.stderr)
