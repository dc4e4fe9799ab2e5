"""Documents of runs, as files and for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sockudo_tx.bench.documents import DocumentError, command, labels, latencies, main_kind, public, read_document

from .runs import run


def test_round_trip(tmp_path: Path) -> None:
    """What was written is read back."""
    path = tmp_path / "run.json"
    path.write_text(json.dumps(run()))
    found = json.loads(json.dumps(read_document(path)))
    assert {name: value for name, value in found.items() if value is not None} == json.loads(json.dumps(run()))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not the document of a run"),
        ("[1]", "not the document of a run"),
        ("{}", "not the document of a run.*schema"),
        (json.dumps(run(schema=2)), "schema 2, and this version reads schema 1"),
        (json.dumps(run(figures={"lost": "none"})), r"figures"),
        (json.dumps(run(series={"rss_bytes": [[1]]})), r"series"),
        (json.dumps(run(latencies={"delivery": {"buckets": [1]}})), "a histogram is"),
        ("[" * 100_000, "not the document of a run"),
    ],
)
def test_no_document(tmp_path: Path, content: str, message: str) -> None:
    """Any other file is refused with its name and the reason."""
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(DocumentError, match=message) as caught:
        read_document(path)
    assert str(path) in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    """So is one that is not there."""
    with pytest.raises(DocumentError, match="No such file"):
        read_document(tmp_path / "none.json")


def test_main_latency_first() -> None:
    """Deliveries come first unless the run says what it is about."""
    assert list(latencies(run())) == ["delivery", "publish"]
    assert list(latencies(run(main="publish"))) == ["publish", "delivery"]
    assert main_kind(run(latencies={})) is None


def test_labels() -> None:
    """Each run has a name of its own, and no name shows credentials."""
    assert labels([run(), run(target="http://u:p@other:1")]) == [
        "fanout http://127.0.0.1:6001",
        "fanout http://other:1",
    ]
    assert labels([run(), run()], ["a", "a"]) == ["a (1)", "a (2)"]


def test_public() -> None:
    """Options and machine are shown in units, without secrets and what was not set."""
    values: dict[str, Any] = {"app_secret": "x", "memory_bytes": 8 << 30, "cores": 2, "tls": False, "pid": None}
    assert public(values) == {"memory": "8 GiB", "cores": "2", "tls": "no"}


def test_command() -> None:
    """The command has every option but the secret."""
    document = run(options={"connections": 100, "rate": 20.0, "tls": True, "app_secret": "x", "pid": None, "k": "a b"})
    wanted = "sockudo bench fanout --url http://127.0.0.1:6001 --connections 100 --rate 20 --tls --k 'a b'"
    assert command(document) == wanted
    assert command(run(command="sockudo bench idle")) == "sockudo bench idle"
