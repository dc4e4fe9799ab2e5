"""Plots: valid SVG whatever was measured."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockudo_tx.bench.charts import latency_chart, picture, series_charts, time_chart
from sockudo_tx.bench.plot import thinned

from .runs import histogram, run

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def positions(svg: str) -> list[float]:
    """Every coordinate of every curve."""
    lines = [element.attrib["points"] for element in ET.fromstring(svg).iter(f"{SVG}polyline")]
    return [float(number) for line in lines for point in line.split() for number in point.split(",")]


def test_one_run() -> None:
    """One run shows each kind of latency it measured, with its name and count, and both axes with units."""
    svg = latency_chart([run()], [""])
    assert svg is not None
    shown = texts(svg)
    assert {"Latency by percentile", "delivery (2,000)", "publish (3)", "99 %", "99.9 %", "latency"} < set(shown)
    assert any(text.endswith(" ms") for text in shown)


def test_several_runs() -> None:
    """Several runs show their main latency, each under its name and in a colour of its own."""
    svg = latency_chart([run(), run(), run()], ["a", "b", "c"])
    assert svg is not None
    assert {"a (2,000)", "b (2,000)", "c (2,000)"} < set(texts(svg))
    assert all(f'class="line c{number}"' in svg for number in range(3))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_hardly_anything(count: int) -> None:
    """One duration is a dot, two equal ones are drawn too."""
    one = run(latencies={"delivery": histogram(*[0.002] * count).to_dict()}, series={"rss_bytes": [[0, 5]] * count})
    assert "<circle" in picture([one], [""])
    assert not [number for number in positions(picture([one], [""])) if math.isnan(number)]


@pytest.mark.parametrize(
    "changes",
    [
        {"latencies": {}, "series": {}},
        {"latencies": {"delivery": {}}, "series": {"rss_bytes": [], "p99_ms": []}},
        {"latencies": {"delivery": {}}, "series": {"p99_ms": [[1, None]], "rss_bytes": [[0, None]]}},
    ],
)
def test_nothing(changes: dict[str, Any]) -> None:
    """Where nothing was measured the picture says so."""
    empty = run(**changes)
    assert latency_chart([empty], [""]) is None
    assert time_chart(empty) is None
    assert "nothing was measured" in texts(picture([empty], [""]))
    assert "nothing was measured" in texts(picture([empty, empty], ["a", "b"]))


def test_huge() -> None:
    """A million points become a few hundred, and the spike among them stays."""
    points = [[t, 5.0] for t in range(100_000)]
    points[77_777][1] = 900.0
    svg = picture([run(series={"p99_ms": points, "connections": points})], [""])
    assert len(svg) < 100_000
    assert "1 s" in texts(svg)
    assert "1,000" in texts(svg)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e12)), max_size=300), st.integers(2, 20))
def test_thinned(points: list[tuple[float, float]], columns: int) -> None:
    """Thinning keeps order, the highest and the lowest."""
    points.sort()
    kept = thinned(points, columns)
    assert len(kept) <= columns * 2 or len(points) <= columns * 2
    assert kept == sorted(kept)
    if points:
        for extreme in (min, max):
            assert extreme(value for _, value in kept) == extreme(value for _, value in points)


@given(
    st.dictionaries(
        st.sampled_from(["p99_ms", "rss_bytes", "server_cpu_percent", "<&\x00>"]),
        st.lists(st.tuples(st.floats(0, 1e9), st.none() | st.floats())),
    )
)
def test_any_series(series: dict[str, list[tuple[float, float | None]]]) -> None:
    """Any series is drawn within its frame, infinities and holes left out."""
    for values in series.values():
        values.sort(key=lambda point: point[0])
    svg = picture([run(series=series)], [""])
    assert all(0 <= number <= 840 for number in positions(svg))


def test_six_curves_look_different() -> None:
    """Curves differ in colour and in dashes, so that nobody needs to see colours."""
    svg = picture([run()] * 6, list("abcdef"))
    assert svg.count(".plot .line.c5{stroke:") == 2
    assert svg.count("stroke-dasharray") == 5


def test_long_names() -> None:
    """A long name is cut and many names take several lines."""
    svg = latency_chart([run()] * 5, [f"{number} {'x' * 100}" for number in range(5)])
    assert svg is not None
    assert max(map(len, texts(svg))) < 60
    legend = {element.attrib["y"] for element in ET.fromstring(svg).iter(f"{SVG}text") if "xxx" in (element.text or "")}
    assert len(legend) == 3


def test_series_of_several() -> None:
    """A series that only one of the runs has is drawn for that one."""
    (first, *_) = series_charts([run(), run(series={})], ["a", "b"])
    assert "a" not in texts(first)
    assert len(ET.fromstring(first).findall(f"{SVG}polyline")) == 1
