"""Samples of several processes: how they travel, and how they become one."""

from __future__ import annotations

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.engine.tally import Histogram
from sockudo_tx.transports.metrics import families as f
from sockudo_tx.transports.metrics import merging
from sockudo_tx.transports.metrics.exposition import Exposition, Value
from sockudo_tx.transports.metrics.merging import Ended, Merged
from sockudo_tx.transports.metrics.packing import Packer, pack, unpack
from sockudo_tx.transports.metrics.sources import Sample


def lag(*values: float) -> Histogram:
    histogram = Histogram(f.LAG_MS)
    for value in values:
        histogram.observe(value)
    return histogram


def page(samples: Merged) -> str:
    exposition = Exposition("", "9601")
    for sample in samples.samples():
        exposition.add(*sample)
    return exposition.text().decode()


def merged(*samples: Sample) -> dict[tuple[str, tuple[str, ...]], Value]:
    """What becomes of these."""
    both = Merged()
    for sample in samples:
        both.add(*sample)
    return {(family.name, labels): value for family, labels, value in both.samples()}


class MergedTests(SynchronousTestCase):
    """`Merged`"""

    def test_rules(self) -> None:
        """Counters and most gauges are sums; what no sum makes sense of is the largest or smallest."""
        for family, expected in (
            (f.CONNECTIONS, 5),
            (f.CONNECTED, 5),
            (f.RESIDENT_MEMORY, 5),
            (f.QUOTA, 3),
            (f.OPEN_FDS, 3),
            (f.CONFIG_RELOADED, 3),
            (f.MAX_FDS, 2),
            (f.START_TIME, 2),
            (f.CERTIFICATE_EXPIRY, 2),
            (f.DRAINING, 2),
            (f.BUILD, 3),
        ):
            with self.subTest(family.name):
                self.assertEqual(merged((family, (), 3), (family, (), 2)), {(family.name, ()): expected})

    def test_labels(self) -> None:
        """Only samples with the same labels become one."""
        found = merged((f.CONNECTED, ("a",), 1), (f.CONNECTED, ("b",), 2), (f.CONNECTED, ("a",), 4))
        self.assertEqual(found, {("connected", ("a",)): 5, ("connected", ("b",)): 2})

    def test_histograms(self) -> None:
        """Buckets and sums are added, and those that were given are not touched."""
        one, other = lag(0.5, 30), lag(0.7, 9000)
        both = Merged()
        both.add(f.REACTOR_LAG, (), one)
        both.add(f.REACTOR_LAG, (), other)
        text = page(both)
        self.assertIn('reactor_lag_ms_bucket{port="9601",le="1"} 2\n', text)
        self.assertIn('reactor_lag_ms_bucket{port="9601",le="5000"} 3\n', text)
        self.assertIn('reactor_lag_ms_bucket{port="9601",le="+Inf"} 4\n', text)
        self.assertIn('reactor_lag_ms_sum{port="9601"} 9031.2\n', text)
        self.assertEqual((sum(one.counts), sum(other.counts)), (2, 2))

    def test_ended(self) -> None:
        """Of a process that has ended stays what it counted, its CPU time too, and no gauge."""
        ended = Ended()
        ended.take([(f.CONNECTIONS, ("a",), 7), (f.CONNECTED, ("a",), 3), (f.CPU_SECONDS, (), 1.5)])
        ended.take([(f.CONNECTIONS, ("a",), 2), (f.REACTOR_LAG, (), lag(3))])
        found = {family.name: value for family, _, value in ended.samples()}
        self.assertEqual(set(found), {"new_connections_total", "process_cpu_seconds_total", "reactor_lag_ms"})
        self.assertEqual(found["new_connections_total"], 9)

    def test_ended_bounded(self) -> None:
        """Beyond so many counts, those of further apps and channels are added up under one name."""
        self.patch(merging, "LEFT_AT_MOST", 2)
        ended = Ended()
        ended.take([(f.CONNECTIONS, (app,), 1) for app in "abcda"])
        ended.take([(f.DELTA_FULL, ("e", "secret"), 1)])
        found = {labels: value for _, labels, value in ended.samples()}
        self.assertEqual(found, {("a",): 2, ("b",): 1, ("unknown",): 2, ("unknown", "all"): 1})


class PackingTests(SynchronousTestCase):
    """`Packer` and `unpack`"""

    def test_there_and_back(self) -> None:
        """What is packed is read again, number for number, in its pieces."""
        clock = MemoryReactorClock()
        first: list[Sample] = [(f.CONNECTED, ("ä",), 2**53 + 1), (f.MAX_FDS, (), float("inf"))]
        second: list[Sample] = [(f.REACTOR_LAG, (), lag(1, 2, 70))]
        packing = Packer(clock, [lambda: [first, []], lambda: [second]]).page()
        while not packing.called:
            clock.advance(0)
        found = list(unpack(self.successResultOf(packing)))
        self.assertEqual(found[0], first)
        [(family, labels, value)] = found[1]
        assert isinstance(value, Histogram)
        self.assertEqual((family, labels, value.sum), (f.REACTOR_LAG, (), 73))
        self.assertEqual(value.counts, lag(1, 2, 70).counts)

    def test_other_version(self) -> None:
        """Families that are not known, or known with other labels or buckets, are left out."""
        strange: list[Sample] = [
            (f.CONNECTED._replace(name="brand_new"), ("a",), 1),
            (f.CONNECTED, ("a", "b"), 1),
            (f.REACTOR_LAG, (), Histogram((1, 2))),
            (f.CONNECTED, ("a",), 1),
        ]
        self.assertEqual(list(unpack(pack(strange))), [[(f.CONNECTED, ("a",), 1)]])

    def test_everything(self) -> None:
        """Every family there is arrives."""
        for family in f.FAMILIES:
            labels = ("x",) * (len(family.labels) - ("port" in family.labels))
            value: Value = Histogram(family.bounds) if family.type == "histogram" else 1
            [[sample]] = unpack(pack([(family, labels, value)]))
            self.assertEqual(sample[:2], (family, labels))
