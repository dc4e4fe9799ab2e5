"""What a run will tell, known before it, so that --require can be checked before anything is measured."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["EVENTS", "PERCENTILES", "PUBLISHED", "Told", "percentiles"]

PERCENTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))


class Told(NamedTuple):
    """Names of figures, and kinds of latencies."""

    figures: tuple[str, ...]
    latencies: tuple[str, ...] = ()

    def plus(self, *figures: str, latencies: tuple[str, ...] = ()) -> Told:
        """These and more."""
        return Told(self.figures + figures, self.latencies + latencies)


def percentiles(prefix: str = "") -> tuple[str, ...]:
    """The figures of a latency."""
    return tuple(f"{prefix}{name}_ms" for name in ("mean", *(name for name, _ in PERCENTILES)))


EVENTS = Told(
    (
        "published", "delivered", "expected", "lost", "duplicates", "disorder", "strays", "refused", "errors",
        "disconnected", "deliveries_per_second", "unsent", *percentiles(),
        "server_cpu_us_per_delivery", "server_cpu_percent", "server_rss_bytes", "generator_cpu_us_per_delivery",
        "send_lag_p99_ms", "send_lag_max_ms",
    ),
    ("delivery",),
)  # fmt: skip
"""What every flow of events tells: `Flow.tell`."""
PUBLISHED = EVENTS.plus(*percentiles("publish_"), latencies=("publish",))
"""The same of events that are published over REST."""
