"""The systemd units, read by systemd itself. The notify protocol and socket activation are tested in integration."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sockudo_tx.cli import _parser
from sockudo_tx.config.schema import Config
from tests.integration.launch import ROOT, SOCKUDO

UNITS = ROOT / "deploy" / "systemd"
INSTALLED = "/opt/sockudo/venv/bin/sockudo"
# Out of 10, 10 being worst. Below 2 is what systemd itself calls OK.
EXPOSURE = 2.0


def analyze(*words: str) -> str:
    """What systemd-analyze says; it needs no running systemd for this."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def service() -> configparser.SectionProxy:
    """The [Service] section; of a key that stands twice, the last."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNITS / "sockudo.service")
    return parser["Service"]


def test_verify(tmp_path: Path) -> None:
    """systemd finds nothing wrong in either unit: no unknown key, no value it does not understand."""
    for name in ("sockudo.service", "sockudo.socket"):
        (tmp_path / name).write_text((UNITS / name).read_text().replace(INSTALLED, SOCKUDO))
    assert analyze("verify", str(tmp_path / "sockudo.service"), str(tmp_path / "sockudo.socket")) == ""


def test_security() -> None:
    """systemd's own score of what the service could reach stays low."""
    found = re.search(
        r"exposure level for sockudo.service: ([\d.]+)",
        analyze("security", "--offline=yes", str(UNITS / "sockudo.service")),
    )
    assert found is not None
    assert float(found[1]) < EXPOSURE, found[0]


def test_command() -> None:
    """ExecStart is a command line that our parser takes, and names the file that the documentation names."""
    program, *arguments = service()["ExecStart"].split()
    assert program == INSTALLED
    assert _parser().parse_args(arguments).config == "/etc/sockudo/config.json"


def test_stop_time() -> None:
    """systemd waits longer than the server takes to drain, and a stuck one is noticed."""
    defaults = Config()
    assert int(service()["TimeoutStopSec"]) > defaults.shutdown_grace_period + defaults.shutdown.drain_ms / 1000
    assert service()["Type"] == "notify"
    assert int(service()["WatchdogSec"]) * 1000 > 2 * defaults.health.stall_ms


def test_executable_memory() -> None:
    """The service may map memory writable and executable: without it pyOpenSSL's callbacks, and so TLS, fail."""
    assert "MemoryDenyWriteExecute" not in service()
