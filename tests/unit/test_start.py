"""What a process does for itself before it serves."""

from __future__ import annotations

import gc

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.start import spare_collector


class CollectorTests(SynchronousTestCase):
    """`spare_collector`"""

    def test_frozen(self) -> None:
        """What exists at the start is never looked at again; what comes later is, and its cycles go."""
        self.addCleanup(gc.unfreeze)
        spare_collector()
        self.assertGreater(gc.get_freeze_count(), 10_000)
        cycle: list[object] = []
        cycle.append(cycle)
        del cycle
        self.assertGreaterEqual(gc.collect(), 1)
