#!/usr/bin/env python3
"""Write docs/metrics.md: every metric the server has, from the declarations.

scripts/metrics.py            write the page
scripts/metrics.py --check    change nothing; fail when the page is stale
"""

from __future__ import annotations

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sockudo_tx.transports.metrics.families import FAMILIES, Family  # noqa: E402

PAGE = ROOT / "docs" / "metrics.md"
LATER = ("horizontal_", "redis_cluster_")
"""Families of what this version does not have; they have no samples."""

HEAD = """# Metrics

<!-- Written by scripts/metrics.py from sockudo_tx/transports/metrics/families.py. Do not edit. -->

`GET /metrics` on `metrics.host`:`metrics.port` (9601) answers with these, in the text format of Prometheus. All names
but those of the process begin with `metrics.prometheus.prefix` (`sockudo_`). A metric without a sample is not printed.

Labels: `app_id` is the id of an app that exists, `unknown` for keys that belong to none, `system` for calls of `/up`
and `global` for limits that hold for all apps together. `port` is that of the metrics. `channel_type` is `public`,
`private`, `private_encrypted`, `presence` or `cache`. `recipient_count_bucket` is `xs` (up to 10 recipients), `sm`
(100), `md` (1,000), `lg` (10,000) or `xl`. `channel_name` is `all`, or with `metrics.prometheus.channel_labels` the
channel's. Nothing else that a stranger sends becomes a label. `worker` is the worker's number, from 1, or `hub`.

With several workers one page tells of all: counters, histograms and most gauges are sums. Those of which a sum means
nothing are marked *max* or *min*: the largest or smallest of the processes. The `bus_`, `authority_` and `worker`
metrics, and those of other nodes, are there with several workers only.

Names, types and labels of the first table are those of Sockudo, so that its dashboards work; this is why some counters
do not end in `_total`.
"""


def page() -> str:
    """The page."""
    ours = next(place for place, family in enumerate(FAMILIES) if family.name == "idempotency_publish_total")
    fed = [family for family in FAMILIES[:ours] if not family.name.startswith(LATER)]
    later = [family for family in FAMILIES[:ours] if family.name.startswith(LATER)]
    return "\n".join(
        [
            HEAD,
            "## As in Sockudo",
            "",
            *table(fed),
            "",
            "Declared, and without samples in this version: " + ", ".join(f"`{family.name}`" for family in later) + ".",
            "",
            "## Our own",
            "",
            *table(FAMILIES[ours:]),
            "",
        ]
    )


def table(families: list[Family]) -> list[str]:
    """One row a metric."""
    rows = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    for family in families:
        labels = ", ".join(f"`{label}`" for label in family.labels) or "none"
        rule = f", *{family.rule}*" if family.rule in ("max", "min") else ""
        bounds = f" Buckets: {', '.join(f'{bound:g}' for bound in family.bounds)}." if family.bounds else ""
        rows.append(f"| `{family.name}` | {family.type}{rule} | {labels} | {family.help}{bounds} |")
    return rows


def main(arguments: list[str]) -> int:
    """The command; its exit status."""
    text = page()
    fresh = PAGE.is_file() and PAGE.read_text() == text
    if "--check" in arguments:
        if not fresh:
            print("docs/metrics.md is not up to date: run scripts/metrics.py")
        return 0 if fresh else 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
