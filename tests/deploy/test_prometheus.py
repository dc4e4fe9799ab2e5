"""What Prometheus and Grafana are given: our page, alert rules, scrape configuration and dashboard, read by promtool."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.engine.tally import Histogram
from sockudo_tx.transports.metrics.exposition import Exposition
from sockudo_tx.transports.metrics.families import FAMILIES
from tests.integration.launch import ROOT

FOLDER = ROOT / "deploy" / "prometheus"
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboard.json"
ABBREVIATED = "metric names should not contain abbreviated units"
NO_TOTAL = 'counter metrics should have "_total" suffix'
FORCED = {
    "process_cpu_seconds_total": 'non-counter metrics should not have "_total" suffix',
    "sockudo_broadcast_latency_ms": ABBREVIATED,
    "sockudo_delta_compression_bandwidth_original_bytes": NO_TOTAL,
    "sockudo_delta_compression_bandwidth_saved_bytes": NO_TOTAL,
    "sockudo_horizontal_adapter_received_requests": NO_TOTAL,
    "sockudo_horizontal_adapter_received_responses": NO_TOTAL,
    "sockudo_horizontal_adapter_resolved_promises": NO_TOTAL,
    "sockudo_horizontal_adapter_sent_requests": NO_TOTAL,
    "sockudo_horizontal_adapter_uncomplete_promises": NO_TOTAL,
    "sockudo_http_received_bytes": NO_TOTAL,
    "sockudo_http_transmitted_bytes": NO_TOTAL,
    "sockudo_hub_lag_ms": ABBREVIATED,
    "sockudo_reactor_lag_ms": ABBREVIATED,
    "sockudo_socket_received_bytes": NO_TOTAL,
    "sockudo_socket_transmitted_bytes": NO_TOTAL,
}
"""What promtool does not like, and why it stays: dashboards made for Sockudo know these names."""


def full_page() -> str:
    """Every family with one sample, its labels as awkward as labels can be."""
    page = Exposition("sockudo_")
    for family in FAMILIES:
        value: float | Histogram = 1.5
        if family.type == "histogram":
            value = Histogram(family.bounds)
            value.observe(3)
        page.add(family, ['a\\b"c\nd{é}'] * len(family.labels), value)
    return page.text().decode()


def known_names() -> set[str]:
    """The names of all samples there can be."""
    lines = full_page().splitlines()
    return {re.split("[{ ]", line)[0] for line in lines if not line.startswith("#")} | {"up"}


def used_names(expression: str) -> set[str]:
    """The names in an expression that are metrics."""
    bare = re.sub(r'\{[^}]*\}|"[^"]*"|\b(by|on|ignoring|group_left)\s*\([^)]*\)', " ", expression)
    return set(re.findall(r"\b(?:sockudo_\w+|process_\w+|up)\b", bare))


def expressions(panels: list[dict[str, Any]]) -> Iterator[str]:
    for panel in panels:
        yield from (target["expr"] for target in panel.get("targets", ()))
        yield from expressions(panel.get("panels", []))


class PromtoolCase(SynchronousTestCase):
    def setUp(self) -> None:
        if shutil.which("promtool") is None:
            self.skipTest("promtool is not installed")

    def promtool(self, *arguments: str, given: str = "", status: int = 0) -> str:
        """What it says, with this exit status."""
        done = subprocess.run(
            ["promtool", *arguments], input=given, capture_output=True, text=True, timeout=60, check=False
        )
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr


class PageTests(PromtoolCase):
    """`promtool check metrics`"""

    def test_findings(self) -> None:
        """Every family is read, whatever is in its labels; the only findings are those that the fixed names force."""
        said = self.promtool("check", "metrics", given=full_page(), status=3)
        self.assertEqual(dict(line.split(" ", 1) for line in said.splitlines()), FORCED)

    def test_broken(self) -> None:
        """It does notice a page that is wrong."""
        self.promtool("check", "metrics", given=full_page().replace('\\"', '"'), status=1)


class RuleTests(PromtoolCase):
    """Alert rules and the scrape configuration."""

    def test_files(self) -> None:
        """Prometheus takes the files as they are."""
        self.assertIn("SUCCESS", self.promtool("check", "config", str(FOLDER / "prometheus.yml")))
        self.assertIn("SUCCESS", self.promtool("check", "rules", str(FOLDER / "alerts.yml")))

    def test_rules(self) -> None:
        """Every alert fires on a server on which everything goes wrong, none on one on which all is well."""
        self.assertIn("SUCCESS", self.promtool("test", "rules", str(FOLDER / "alerts_test.yml")))
        alerts = set(re.findall(r"alert: (\w+)", (FOLDER / "alerts.yml").read_text()))
        tested = (FOLDER / "alerts_test.yml").read_text()
        self.assertEqual(alerts, set(re.findall(r'alertname="(\w+)"', tested)))

    def test_names(self) -> None:
        """Every metric an alert asks for exists."""
        text = (FOLDER / "alerts.yml").read_text()
        found = re.findall(r"expr: (?:>-\n)?(.*?)\n +(?:for|labels):", text, re.DOTALL)
        self.assertEqual(len(found), text.count("- alert:"))
        self.assertEqual(set().union(*map(used_names, found)) - known_names(), set())


class DashboardTests(PromtoolCase):
    """The Grafana dashboard"""

    def setUp(self) -> None:
        super().setUp()
        self.dashboard = json.loads(DASHBOARD.read_text())
        self.asked = list(expressions(self.dashboard["panels"]))

    def test_names(self) -> None:
        """Every metric a panel asks for exists; whatever has samples in this version is shown somewhere."""
        used = set().union(*map(used_names, self.asked))
        self.assertEqual(used - known_names(), set())
        later = ("horizontal_", "redis_")
        shown = {name.removesuffix("_bucket").removesuffix("_count").removeprefix("sockudo_") for name in used}
        hidden = {family.name for family in FAMILIES if not family.name.startswith(later)} - shown
        self.assertEqual(hidden, {"process_start_time_seconds"} - shown)

    def test_expressions(self) -> None:
        """Prometheus understands every expression."""
        rules = [
            {"record": f"panel_{number}", "expr": re.sub(r"\$__rate_interval", "5m", text).replace("$", "")}
            for number, text in enumerate(self.asked)
        ]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "panels.yml"
            path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))  # YAML reads JSON
            said = self.promtool("check", "rules", str(path))
        self.assertIn(f"{len(self.asked)} rules found", said)

    def test_provisionable(self) -> None:
        """It has no id of one Grafana, takes its data source from a variable, and its panels neither share an id nor
        overlap."""
        self.assertNotIn("id", self.dashboard)
        self.assertEqual(self.dashboard["templating"]["list"][0]["type"], "datasource")
        sources = set(re.findall(r'"uid": "([^"]+)"', DASHBOARD.read_text())) - {self.dashboard["uid"]}
        self.assertEqual(sources, {"${datasource}"})
        panels = self.dashboard["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        taken: set[tuple[int, int]] = set()
        for panel in panels:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            self.assertFalse(cells & taken, panel["title"])
            self.assertLessEqual(place["x"] + place["w"], 24)
            taken |= cells
