"""What the operators' pages name is there: settings, variables, loggers, alerts, metrics, files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from sockudo_tx.config.declare import keys_of, walk
from sockudo_tx.config.render import files
from sockudo_tx.config.schema import Config
from sockudo_tx.transports.metrics.families import FAMILIES

ROOT = Path(__file__).parents[2]
PAGES = ("deployment", "monitoring", "rate-limits", "running", "tls", "troubleshooting")
LOGGERS = {"sockudo.connections", "sockudo.frames", "sockudo.http", "sockudo.refusals"}
"""Those that are not named after a module."""
SOFT = {"sockudo.conf", "sockudo.sock", "sockudo.service", "sockudo.socket", "sockudo.pem"}
"""Files, of which some have such names."""
OTHERS = {"LOG_INCLUDE_TARGET", "LOG_LEVEL", "NOTIFY_SOCKET", "MONOTONIC_USEC", "CAP_NET_BIND_SERVICE", "NOT_FOUND"}
"""Variables and constants that are no setting of ours, or of the log only."""

page = pytest.mark.parametrize("name", PAGES)


def text_of(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text()


def spans(name: str) -> list[str]:
    """What is set in the font of code, within the text."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text_of(name), flags=re.DOTALL))


@page
def test_settings(name: str) -> None:
    """Each dotted key is a key of the configuration."""
    sections = [key.path for key in keys_of(Config)]
    known = {key.path for key in walk(Config)}
    for span in spans(name):
        path = span.partition(":")[0].removesuffix(".*")
        if re.fullmatch(rf"({'|'.join(sections)})\.[a-z_.]+", path):
            assert any(key == path or key.startswith(f"{path}.") for key in known), span


@page
def test_variables(name: str) -> None:
    """Each variable has an effect."""
    known = set(re.findall(r"[A-Z][A-Z0-9_]+", files()["docs/configuration.md"])) | OTHERS
    named = {*re.findall(r"\b([A-Z][A-Z0-9]*_[A-Z0-9_]+)=", text_of(name))}
    named |= {span for span in spans(name) if re.fullmatch(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+", span)}
    assert named - known == set()


@page
def test_loggers(name: str) -> None:
    """Each name of a logger is a module's, or one of the few others."""
    for logger in set(re.findall(r"\bsockudo(?:\.[a-z_]+)+", text_of(name))) - LOGGERS - SOFT:
        place = ROOT / "sockudo_tx" / Path(*logger.split(".")[1:])
        assert place.is_dir() or place.with_suffix(".py").is_file(), logger


@page
def test_metrics(name: str) -> None:
    """Each metric is declared."""
    known = {f"sockudo_{family.name}" if family.prefixed else family.name for family in FAMILIES}
    for metric in re.findall(r"\b(?:sockudo|process)_[a-z_]+", text_of(name)):
        if metric not in {"sockudo_tx", "sockudo_connection", "sockudo_api", "sockudo_connect"}:
            assert metric.removesuffix("_bucket") in known, metric


@page
def test_files(name: str) -> None:
    """Each file of the repository that is named is there."""
    for path in re.findall(r"(?<![\w/])(?:deploy|config)/[\w./-]+[\w]", text_of(name)):
        assert (ROOT / path).exists(), path


def test_alerts() -> None:
    """The page of monitoring has every alert, and no other."""
    groups = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"]
    there = {rule["alert"] for group in groups for rule in group["rules"]}
    rows = re.findall(r"^\| `(Sockudo\w+)`((?:, `\w+`)*) \|", text_of("monitoring"), re.MULTILINE)
    assert {alert for first, more in rows for alert in (first, *re.findall(r"`(Sockudo\w+)`", more))} == there
