"""Documents of runs, for tests of what reads them."""

from __future__ import annotations

import random
from typing import Any

from sockudo_tx.bench.histogram import Histogram

__all__ = ["histogram", "run"]


def histogram(*seconds: float) -> Histogram:
    """One that counted these."""
    made = Histogram()
    for duration in seconds:
        made.add(duration)
    return made


def run(**changes: Any) -> dict[str, Any]:
    """A fan-out that lost nothing, half of its deliveries within 2 ms; and what is different in this one."""
    chance = random.Random(7)
    delivery = histogram(*(chance.lognormvariate(-6.2, 0.4) for _ in range(2000)))
    document: dict[str, Any] = {
        "schema": 1,
        "scenario": "fanout",
        "target": "http://127.0.0.1:6001",
        "started": "2026-11-20T12:00:00Z",
        "seconds": 10.0,
        "options": {"connections": 100, "rate": 20.0, "app_key": "app-key", "app_secret": "hush-hush", "tls": False},
        "machine": {"processor": "Some CPU", "cores": 2, "memory_bytes": 8 << 30},
        "figures": {
            "published": 20,
            "delivered": 2000,
            "expected": 2000,
            "lost": 0,
            "duplicates": 0,
            "deliveries_per_second": 19_876.4,
            **{f"{name}_ms": value for name, value in delivery.summary().items()},
            "server_cpu_us_per_delivery": 4.63,
            "rss_bytes_per_connection": 7312.0,
        },
        "latencies": {"delivery": delivery.to_dict(), "publish": histogram(0.001, 0.002, 0.004).to_dict()},
        "series": {
            "p99_ms": [[t, 3 + t % 3] for t in range(10)],
            "rss_bytes": [[t, 6e7 + t * 1e5] for t in range(10)],
        },
        "notes": ["Both ran on one machine."],
    }
    return document | changes
