"""What a node tells of the bus."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.engine.cluster.tally import ClusterTally
from sockudo_tx.transports.metrics import families as f
from sockudo_tx.transports.metrics.cluster import cluster_samples


class ClusterSamplesTests(SynchronousTestCase):
    """`cluster_samples`"""

    def told(self, engine: Any, dropped: int) -> dict[tuple[str, ...], Any]:
        return {
            (family.name, *labels): value
            for piece in cluster_samples(engine, dropped)
            for family, labels, value in piece
        }

    def test_dropped(self) -> None:
        """Frames that never left are told by reason: those the node gave up, and those for which the bus had no room."""
        tally = ClusterTally()
        tally.dropped["age"] += 2
        found = self.told(SimpleNamespace(cluster_tally=tally), 7)
        reasons = {reason: found[f.BUS_DROPPED.name, reason] for reason in ("frames", "bytes", "age", "full")}
        self.assertEqual(reasons, {"frames": 0, "bytes": 0, "age": 2, "full": 7})

    def test_unused(self) -> None:
        """Frames of no use are those that could not be read, and those that came twice."""
        tally = ClusterTally()
        tally.ignored["version"] += 2
        tally.duplicates += 3
        self.assertEqual(self.told(SimpleNamespace(cluster_tally=tally), 0)[f.BUS_IGNORED.name,], 5)

    def test_alone(self) -> None:
        """One process has nothing to tell."""
        self.assertEqual(self.told(SimpleNamespace(cluster_tally=None), 0), {})
