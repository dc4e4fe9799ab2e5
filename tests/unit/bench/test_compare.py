"""Runs side by side."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from sockudo_tx.bench.compare import add_compare_options, compare

from .runs import run


def asked(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_compare_options(parser)
    return parser.parse_args(words)


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    """Two files: ours.json and theirs.json."""
    twice = run()["figures"] | {"server_cpu_us_per_delivery": 9.26, "connections": 7}
    (tmp_path / "ours.json").write_text(json.dumps(run()))
    (tmp_path / "theirs.json").write_text(json.dumps(run(figures=twice)))
    return [str(tmp_path / "ours.json"), str(tmp_path / "theirs.json")]


def test_table(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Figures stand side by side under the files' names, with a ratio where both are known."""
    assert compare(asked(*runs)) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["ours", "theirs", "ratio"]
    assert ["server", "CPU", "per", "delivery", "4.63", "µs", "9.26", "µs", "2.00"] in lines
    assert ["lost", "0", "0"] in lines
    assert ["connections", "-", "7"] in lines


def test_three(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Three runs have no ratio; the same name twice is told apart."""
    assert compare(asked(*runs, runs[0])) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["ours", "(1)", "theirs", "ours", "(3)"]


def test_report(runs: list[str], tmp_path: Path) -> None:
    """The same can be a file."""
    assert compare(asked(*runs, "--report", str(tmp_path / "two.html"))) == 0
    assert "ours and theirs" in (tmp_path / "two.html").read_text()


def test_wrong_files(runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One run, or a file that is none, ends with status 2 and the reason."""
    assert compare(asked(runs[0])) == 2
    assert compare(asked(runs[0], str(tmp_path / "none.json"))) == 2
    said = capsys.readouterr().err
    assert "takes 2 to 12 runs, not 1" in said
    assert "none.json: No such file" in said


def test_unwritable_report(runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A report that cannot be written ends with status 1 and the reason; the table was printed."""
    options = asked(*runs, "--report", str(tmp_path / "two.html"))
    (tmp_path / "two.html").mkdir()
    assert compare(options) == 1
    captured = capsys.readouterr()
    assert "ratio" in captured.out
    assert "Is a directory" in captured.err
