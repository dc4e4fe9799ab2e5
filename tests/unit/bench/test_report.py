"""Reports in every form."""

from __future__ import annotations

import argparse
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sockudo_tx.bench import report
from sockudo_tx.bench.figures import show
from sockudo_tx.bench.page import page
from sockudo_tx.bench.report import report_path, text_report, write_report
from sockudo_tx.bench.require import Verdict, check_limits, parse_limits
from sockudo_tx.bench.words import answer, figure_rows, key_figures

from .runs import histogram, run

FORMS = ["html", "svg", "md", "json"]
HOSTILE = "<script>alert('&')</script>\x00\x1b[31m\ud800 \"|\n\n# **x**"


def hostile() -> dict[str, Any]:
    """A run in which a server or a user chose every text."""
    return run(
        scenario=HOSTILE,
        target=f"http://name:hush-hush@host/{HOSTILE}",
        options={HOSTILE: HOSTILE, "app_secret": "hush-hush"},
        machine={"processor": HOSTILE},
        notes=[HOSTILE],
        latencies={HOSTILE: histogram(0.001).to_dict()},
        figures={HOSTILE: 1.0},
        series={HOSTILE: [[0, 1], [1, 2]]},
    )


VERDICTS = [Verdict(HOSTILE, HOSTILE, HOSTILE, holds=False)]


def written(path: Path, form: str, documents: list[dict[str, Any]], verdicts: list[Verdict]) -> str:
    target = path / f"report.{form}"
    write_report(target, documents, verdicts)
    return target.read_text(encoding="utf-8")


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("form", FORMS)
def test_no_secret(tmp_path: Path, form: str, count: int) -> None:
    """A secret is in no report but as far as the run itself holds it, which is what JSON repeats."""
    text = written(tmp_path, form, [run()] * count, [])
    assert text
    assert ("hush-hush" in text) is (form == "json")
    assert "hush-hush" not in text_report(run(), [])


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("form", ["html", "svg"])
def test_hostile_texts(tmp_path: Path, form: str, count: int) -> None:
    """Texts of others stay texts: the file is well-formed and holds no element of theirs."""
    text = written(tmp_path, form, [hostile()] * count, VERDICTS)
    tree = ET.fromstring(text.replace("<!doctype html>", ""))
    assert "script" not in {element.tag.rpartition("}")[2] for element in tree.iter()}
    assert "\x1b" not in text
    assert "hush-hush" not in text


def test_hostile_texts_in_a_terminal() -> None:
    """No text of others commands the terminal."""
    shown = text_report(hostile(), VERDICTS)
    assert "\x1b" not in shown
    assert "\x00" not in shown


@pytest.mark.parametrize("count", [1, 2])
def test_nothing_from_outside(tmp_path: Path, count: int) -> None:
    """The page loads nothing, runs nothing and links nowhere."""
    documents = [run(target="http://elsewhere.example")] * count
    tree = ET.fromstring(written(tmp_path, "html", documents, []).replace("<!doctype html>", ""))
    for element in tree.iter():
        assert element.tag.rpartition("}")[2] not in {"script", "link", "img", "iframe", "a", "image", "use", "object"}
        assert not {"href", "src", "onload", "action"} & {name.rpartition("}")[2] for name in element.attrib}
        assert "url(" not in (element.text or "")
        assert "@import" not in (element.text or "")


def test_the_page(tmp_path: Path) -> None:
    """It has the answer, the figures, the latencies, the limits, options, machine, notes and the command."""
    verdicts = check_limits(parse_limits("loss=0,p50=1us"), run())
    text = written(tmp_path, "html", [run()], verdicts)
    for part in (
        "Failed 1 of 2 limits: p50 is ",
        "19,876",
        "4.63 µs",
        "✓ held",
        "✗ broken",
        "Some CPU",
        "8 GiB",
        "Both ran on one machine.",
        'sockudo bench fanout <span class="whole">--url</span> http://127.0.0.1:6001',
        "Latency over time",
        "prefers-color-scheme:dark",
    ):
        assert part in text


def test_several_runs(tmp_path: Path) -> None:
    """Several runs are side by side, and two have a ratio."""
    fast, slow = run(), run(figures=run()["figures"] | {"p99_ms": run()["figures"]["p99_ms"] * 2})
    target = tmp_path / "two.html"
    write_report(target, [fast, slow], (), ["ours", "theirs"])
    text = target.read_text()
    assert "ours and theirs" in text
    assert "<td>2.00</td>" in text
    assert ">ratio<" in text
    assert ">ratio<" not in page([run()] * 3, ["a", "b", "c"], ())


def test_json(tmp_path: Path) -> None:
    """JSON is the document itself, or a list of several."""
    assert json.loads(written(tmp_path, "json", [run()], [])) == json.loads(json.dumps(run()))
    assert len(json.loads(written(tmp_path, "json", [run()] * 2, []))) == 2


def test_markdown(tmp_path: Path) -> None:
    """Markdown has tables whose rows are all as long, whatever a text holds."""
    for documents in ([run()], [run(), run()]):
        text = written(tmp_path, "md", documents, check_limits(parse_limits("loss=0"), run()))
        for block in text.split("\n\n"):
            if block.startswith("|"):
                assert len({line.count(" |") for line in block.splitlines()}) == 1
    prose, *_ = written(tmp_path, "md", [hostile()], VERDICTS).split("```")
    assert r"\<script\>" in prose
    assert "<script>" not in prose.replace(r"\<", "")


def test_png(tmp_path: Path) -> None:
    """A PNG is the picture."""
    pytest.importorskip("resvg_py", reason="the extra bench is not installed")
    target = tmp_path / "report.png"
    write_report(target, [run()], ())
    assert target.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_terminal() -> None:
    """The terminal gets short, aligned lines without trailing spaces."""
    lines = text_report(run(), check_limits(parse_limits("loss=0,p50=1us"), run())).splitlines()
    assert not [line for line in lines if line != line.rstrip()]
    table = [line for line in lines if line.startswith(("latency", "delivery ", "publish "))][:3]
    assert len({len(line) for line in table}) == 1
    assert any(line.startswith("BROKEN  p50") for line in lines)
    assert any("█" in line for line in lines)
    assert lines[-1].startswith("again: sockudo bench fanout")


def test_key_figures_are_about_the_main_latency() -> None:
    """What is shown large is the latency that the run is about, and that a limit without a kind means."""
    assert ("p99", show("p99_ms", run()["figures"]["p99_ms"])) in key_figures(run())
    shown = dict(key_figures(run(main="publish")))
    assert shown["publish p99"] == "4 ms"
    assert "p99" not in shown


def test_figures_are_told_once() -> None:
    """Percentiles that the latencies show are not figures again; others are."""
    document = run(figures={"p99_ms": 1.0, "publish_p99_ms": 2.0, "send_lag_p99_ms": 3.0, "lost": 0})
    assert figure_rows(document) == [("send lag p99", "3 ms"), ("lost", "0")]


def test_bars_show_a_single_outlier() -> None:
    """One duration far away from a thousand others can be seen."""
    lone = run(latencies={"delivery": histogram(*[0.001] * 1000, 0.1).to_dict()})
    (line,) = [line for line in text_report(lone, ()).splitlines() if "█" in line]
    assert line.startswith("delivery  1 ms  █")
    assert line.endswith("▁  100 ms")


@pytest.mark.parametrize(
    ("changes", "limits", "good", "text"),
    [
        ({}, "", True, "2,000 of 2,000 deliveries arrived, 19,876 a second. Half of the delivery latencies"),
        ({}, "loss=0", True, "The limit holds. 2,000 of"),
        ({}, "loss=0,dups=0", True, "Both limits hold. "),
        ({}, "published=21,loss=0", False, "Failed 1 of 2 limits: published is 20 and must be = 21. "),
        ({"figures": {"lost": 3}}, "", False, "Faults: lost 3."),
        ({"figures": {"disconnected": 3}}, "disconnected<=5", True, "The limit holds. Faults: disconnected 3."),
        (
            {"figures": {"refused": 3}},
            "p50=1s",
            False,
            "The limit holds, but there were faults without a limit. Faults:",
        ),
        ({"figures": {}, "latencies": {}}, "", True, "Nothing was measured."),
        (
            {"figures": {"clients": 7, "server_rss_bytes": 2048}, "latencies": {}},
            "",
            True,
            "server RSS: 2 KiB. clients: 7.",
        ),
    ],
)
def test_answer(changes: dict[str, Any], limits: str, good: bool, text: str) -> None:
    """Limits must hold, and a fault that has no limit is a failure."""
    found = answer(run(**changes), check_limits(parse_limits(limits), run(**changes)) if limits else [])
    assert found.good is good
    assert text in found.text


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("out.pdf", r"must end in one of .html, .svg"),
        ("out", r"must end in"),
        ("none/out.html", r"no folder"),
        ("folder.html", r"is a folder"),
    ],
)
def test_refused_path(tmp_path: Path, name: str, message: str) -> None:
    """A path no report can be written to is refused before the run."""
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        report_path(str(tmp_path / name))


def test_accepted_path(tmp_path: Path) -> None:
    """Endings may be written in capitals."""
    assert report_path(str(tmp_path / "out.HTML")) == tmp_path / "out.HTML"


def test_no_png_without_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing package is named, with the command that installs it, before the run."""
    monkeypatch.setattr(report.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(argparse.ArgumentTypeError, match=r"pip install 'sockudo-tx\[bench\]'"):
        report_path(str(tmp_path / "out.png"))


@settings(max_examples=30)
@given(
    st.dictionaries(st.text(max_size=20), st.none() | st.floats(), max_size=10),
    st.dictionaries(st.text(max_size=10), st.lists(st.floats(0, 100), max_size=5), max_size=3),
    st.text(max_size=30),
)
def test_any_run(figures: dict[str, float | None], durations: dict[str, list[float]], text: str) -> None:
    """Any run can be reported, alone and beside another."""
    kinds = {kind: histogram(*values).to_dict() for kind, values in durations.items()}
    document = run(figures=figures, latencies=kinds, target=text, notes=[text], main=text)
    assert text_report(document, ())
    for documents, labels in (([document], [""]), ([run(), document], ["a", text])):
        ET.fromstring(page(documents, labels, VERDICTS).replace("<!doctype html>", ""))
