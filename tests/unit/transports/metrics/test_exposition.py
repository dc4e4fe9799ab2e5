"""The text format, and where values of the process come from."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.engine.tally import Histogram
from sockudo_tx.transports.metrics.exposition import Exposition
from sockudo_tx.transports.metrics.families import FAMILIES, Family
from sockudo_tx.transports.metrics.lag import INTERVAL, ReactorLag
from sockudo_tx.transports.metrics.process import process_samples

REFERENCE = [
    "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
    "process_cpu_seconds_total",
    "process_start_time_seconds",
    "process_open_fds",
    "process_max_fds",
    "connected",
    "new_connections_total",
    "new_disconnections_total",
    "connection_errors_total",
    "socket_received_bytes",
    "socket_transmitted_bytes",
    "ws_messages_received_total",
    "ws_messages_sent_total",
    "http_received_bytes",
    "http_transmitted_bytes",
    "http_calls_received_total",
    "horizontal_adapter_resolve_time",
    "horizontal_adapter_resolved_promises",
    "horizontal_adapter_uncomplete_promises",
    "horizontal_adapter_sent_requests",
    "horizontal_adapter_received_requests",
    "horizontal_adapter_received_responses",
    "rate_limit_checks_total",
    "rate_limit_triggered_total",
    "channel_subscriptions_total",
    "channel_unsubscriptions_total",
    "active_channels",
    "broadcast_latency_ms",
    "horizontal_delta_compression_enabled_total",
    "delta_compression_bandwidth_saved_bytes",
    "delta_compression_bandwidth_original_bytes",
    "delta_compression_full_messages_total",
    "delta_compression_delta_messages_total",
    "redis_cluster_channel_queue_size",
    "redis_cluster_channel_messages_dropped_total",
    "redis_cluster_reconnections_total",
]


class ExpositionTests(SynchronousTestCase):
    """`Exposition`"""

    def test_page(self) -> None:
        """Families by name, each with HELP and TYPE; whole numbers without a point; label values and help escaped."""
        page = Exposition("p_")
        page.add(Family("b_total", "counter", "two\nlines \\", ("app_id", "port")), ['x"\\\n', "1"], 3.0)
        page.add(Family("process_a", "gauge", "A."), [], 0.25)
        page.add(Family("a", "gauge", "A."), [], float("inf"))
        self.assertEqual(
            page.text().decode(),
            "# HELP p_a A.\n# TYPE p_a gauge\np_a +Inf\n"
            "# HELP p_b_total two\\nlines \\\\\n# TYPE p_b_total counter\n"
            'p_b_total{app_id="x\\"\\\\\\n",port="1"} 3\n'
            "# HELP process_a A.\n# TYPE process_a gauge\nprocess_a 0.25\n",
        )

    def test_histogram(self) -> None:
        """Buckets count what is not above their bound, each with those before it."""
        histogram = Histogram((0.5, 1, 10))
        for value in (0.5, 0.6, 1, 10, 11):
            histogram.observe(value)
        page = Exposition("")
        page.add(Family("h", "histogram", "H.", ("port",), (0.5, 1, 10)), ["9"], histogram)
        self.assertEqual(
            page.text().decode().splitlines()[2:],
            [
                'h_bucket{port="9",le="0.5"} 1',
                'h_bucket{port="9",le="1"} 3',
                'h_bucket{port="9",le="10"} 4',
                'h_bucket{port="9",le="+Inf"} 5',
                'h_sum{port="9"} 23.1',
                'h_count{port="9"} 5',
            ],
        )

    def test_names(self) -> None:
        """The families begin with those of http-api.md 11.4; no name is declared twice."""
        names = [family.name for family in FAMILIES]
        self.assertEqual(names[: len(REFERENCE)], REFERENCE)
        self.assertEqual(len(set(names)), len(names))


class ProcessTests(SynchronousTestCase):
    """`process_samples`"""

    def found(self, proc: Path) -> dict[str, float]:
        return {
            family.name: value
            for samples in process_samples(proc)
            for family, _, value in samples
            if not isinstance(value, Histogram)
        }

    def test_this_process(self) -> None:
        """Six values; an open file counts."""
        before = self.found(Path("/proc"))
        self.assertEqual(set(before), {name for name in REFERENCE if name.startswith("process_")})
        with open("/dev/null"):
            self.assertEqual(self.found(Path("/proc"))["process_open_fds"], before["process_open_fds"] + 1)

    def test_older_kernel(self) -> None:
        """Where the folder of descriptors has no size it is listed, some hundred a turn."""
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
            proc = Path(folder)
            (proc / "self" / "fd").mkdir(parents=True)
            (proc / "stat").write_text("cpu 1\nbtime 1000\n")
            (proc / "self" / "stat").write_text("1 (a) b) " + " ".join(map(str, range(3, 60))))
            for number in range(1200):
                (proc / "self" / "fd" / str(number)).touch()
            if (proc / "self" / "fd").stat().st_size:
                self.assertGreater(len(list(process_samples(proc))), 1)
                return
            self.assertEqual(self.found(proc)["process_open_fds"], 1200)

    def test_no_proc(self) -> None:
        """Without /proc there is nothing to tell, and no error."""
        self.assertEqual(self.found(Path(os.devnull)), {})


class LagTests(SynchronousTestCase):
    """`ReactorLag`"""

    def test_late(self) -> None:
        """A timer that comes late is counted by how late; stopped, nothing is looked at any more."""
        clock = MemoryReactorClock()
        lag = ReactorLag(clock)
        lag.startService()
        clock.run()
        clock.advance(INTERVAL)
        clock.advance(INTERVAL + 0.3)
        self.assertEqual((sum(lag.histogram.counts), round(lag.histogram.sum)), (2, 300))
        lag.stopService()
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_clock_set_back(self) -> None:
        """A clock that is set back is no lag."""
        clock = MemoryReactorClock()
        lag = ReactorLag(clock)
        lag.startService()
        clock.run()
        lag._due += 1000
        clock.advance(INTERVAL)
        self.assertEqual(lag.histogram.sum, 0)
