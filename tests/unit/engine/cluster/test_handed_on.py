"""Publishers wait a moment until the other nodes have what they published, and never for long."""

from __future__ import annotations

from sockudo_tx.testing import MemoryServer

from .case import ClusterCase


class HandedOnTests(ClusterCase):
    """A REST call, and the one after it"""

    def test_waits_for_the_others(self) -> None:
        """It fires when the bus has it."""
        found = self.cluster[0].engine.handed_on()
        assert found is not None
        self.assertNoResult(found)
        self.cluster.advance(0)
        self.cluster.advance(0)
        self.assertIsNone(self.successResultOf(found))

    def test_not_for_long(self) -> None:
        """After 0.1 s without a word it fires all the same; in the second behind that nobody waits, then again."""
        self.cluster.hold(0)
        engine = self.cluster[0].engine
        found = engine.handed_on()
        assert found is not None
        self.cluster[0].advance(0.09)
        self.assertNoResult(found)
        self.cluster[0].advance(0.02)
        self.assertIsNone(self.successResultOf(found))
        self.assertIsNone(engine.handed_on())
        self.cluster[0].advance(1.0)
        self.assertIsNotNone(engine.handed_on())

    def test_given_up(self) -> None:
        """A publisher that hangs up meanwhile tells nothing of the bus: the next one waits as before."""
        self.cluster.hold(0)
        engine = self.cluster[0].engine
        found = engine.handed_on()
        assert found is not None
        found.cancel()
        self.assertIsNone(self.successResultOf(found))
        self.assertIsNotNone(engine.handed_on())

    def test_no_bus(self) -> None:
        """Nobody waits while the bus is down."""
        self.cluster.cut(0)
        self.assertIsNone(self.cluster[0].engine.handed_on())

    def test_alone(self) -> None:
        """In one process there is nobody to wait for."""
        self.assertIsNone(MemoryServer().engine.handed_on())
