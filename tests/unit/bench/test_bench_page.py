"""docs/bench.md says what the program does."""

from __future__ import annotations

import re
import shlex
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from sockudo_tx import cli
from sockudo_tx.bench.require import parse_limits
from sockudo_tx.bench.scenarios import SCENARIOS, load_scenario

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "bench.md").read_text(encoding="utf-8")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [
    line.partition(" #")[0]
    for block in BLOCKS
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith("sockudo bench")
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(command: str) -> None:
    """Every command on the page is understood, its limits too."""
    options = cli._parser().parse_args(shlex.split(command)[1:])
    if getattr(options, "require", None):
        assert parse_limits(options.require, *load_scenario(options.played).tells(options))


def test_scenarios() -> None:
    """Every scenario has its row in the table, and no other row is there."""
    section = PAGE.partition("## Scenarios")[2].partition("##")[0]
    rows = re.findall(r"^\| `([a-z][a-z-]+)` \|", section, re.MULTILINE)
    assert sorted(rows) == sorted(row.name for row in SCENARIOS)


def test_options(capsys: pytest.CaptureFixture[str]) -> None:
    """Every option the page mentions exists in some scenario, or in `scaling`."""
    for name in (*(row.name for row in SCENARIOS), "scaling"):
        with pytest.raises(SystemExit):
            cli._parser().parse_args(["bench", name, "--help"])
    assert set(OPTION.findall(PAGE)) <= set(OPTION.findall(capsys.readouterr().out))


def test_limits() -> None:
    """Every example of a limit is one."""
    rows = re.findall(r"^\| `([^`]*[<>=][^`]*)` \|", PAGE, re.MULTILINE)
    assert len(rows) > 3
    for row in rows:
        parse_limits(row)


def test_picture() -> None:
    """The picture is there and well-formed."""
    for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", PAGE):
        ET.parse(DOCS / name)
