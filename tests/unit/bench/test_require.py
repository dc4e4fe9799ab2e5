"""Limits of a run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockudo_tx.bench.require import LimitError, Verdict, check_limits, parse_limits

from .runs import histogram, run

FIGURES = [*run()["figures"], "loss_percent"]
KINDS = ["delivery", "publish"]


def verdict(text: str, **changes: object) -> Verdict:
    (found,) = check_limits(parse_limits(text), run(**changes))
    return found


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("lost=0", True),
        ("loss=0", True),
        ("dups=0", True),
        ("duplicates<1", True),
        ("p50=3ms", True),
        ("p50<=1500us", False),
        ("p50 <= 3 ms", True),
        ("P50<=3MS", True),
        ("median<3ms", True),
        ("p50>3ms", False),
        ("max<1h", True),
        ("min>1µs", True),
        ("min>1μs", True),
        ("avg<1min", True),
        ("p50_ms<3", True),
        ("p99.9<1s", True),
        ("p999<1s", True),
        ("p100<1s", True),
        ("p5<1us", False),
        ("publish.p99=4ms", True),
        ("publish.p99<4ms", False),
        ("publish.p99.9=4ms", True),
        ("deliveries_per_second>=19_000", True),
        ("deliveries_per_second>=1e5", False),
        ("rss_per_connection<=9KiB", True),
        ("rss_per_connection=9KiB", True),
        ("rss_per_connection<=7KB", False),
        ("rss_bytes_per_connection<=7400", True),
        ("server_cpu_per_delivery<5us", True),
        ("published=20", True),
        ("published=21", False),
    ],
)
def test_checked(text: str, holds: bool) -> None:
    """Names without their unit, any unit of the same kind, and `=` as "at most" for what should be small."""
    assert verdict(text).holds is holds


def test_verdict() -> None:
    """A verdict says what was wanted and what was found, in units for people."""
    assert verdict("publish.p99=5ms") == Verdict("publish.p99", "≤ 5 ms", "4 ms", holds=True)
    assert verdict("loss=0", figures={"lost": 12}) == Verdict("lost", "≤ 0", "12", holds=False)


def test_in_order() -> None:
    """There is one verdict for each limit, in their order."""
    found = check_limits(parse_limits("lost=0, p50=3ms,published=21"), run())
    assert [(one.name, one.holds) for one in found] == [("lost", True), ("p50", True), ("published", False)]


@pytest.mark.parametrize("text", ["bla=0", "reconnect.p99=3ms", "loss=1%", "lost<3ms"])
def test_unknown_figure(text: str) -> None:
    """A limit for something the run has not got does not hold, and the verdict says why."""
    found = verdict(text)
    assert not found.holds
    assert "no such" in found.actual or found.actual.startswith("it is")


def test_not_measured() -> None:
    """A figure without a value holds no limit: a run in which nothing arrived was not fast."""
    nothing = {"delivery": histogram().to_dict()}
    assert verdict("p99=5ms", latencies=nothing).actual == "not measured"
    assert not verdict("p99=5ms", latencies=nothing).holds
    assert not verdict("rss_per_connection<=9KiB", figures={"rss_bytes_per_connection": None}).holds


def test_main_latency() -> None:
    """Without a kind a percentile is that of the scenario's main latency."""
    both = {"connect": histogram(0.5).to_dict(), "publish": histogram(0.001).to_dict()}
    assert verdict("p99<=2ms", latencies=both, main="publish").holds
    assert not verdict("p99<=2ms", latencies=both, main="connect").holds


def test_no_histograms() -> None:
    """A percentile may also be a plain figure."""
    assert verdict("p99<=2ms", latencies={}, figures={"p99_ms": 1.5}).holds


def test_share() -> None:
    """A share is compared with the figure in per cent."""
    assert verdict("loss<=1%", figures={"lost": 12, "loss_percent": 0.5}).holds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty part is no limit"),
        ("p99=5ms,", "an empty part"),
        ("p99", "'p99' is no limit: write NAME"),
        ("p99==5ms", "is no limit"),
        ("lost>=-1", "is no limit"),
        ("deliveries_per_second>=100,000", "'000' is no limit"),
        ("p99=5", "needs a unit"),
        ("p99=5%", "p99 is a time"),
        ("p99=5parsec", "none of us"),
        ("p99=1e30s", "above 1e\\+18"),
        ("rss_bytes=5ms", "rss_bytes is a size"),
        ("deliveries_per_second=5", "say >= or <="),
        ("publish.lost=0", "of a latency there are"),
    ],
)
def test_refused(text: str, message: str) -> None:
    """What cannot be meant is refused with the part, the rule and an example."""
    with pytest.raises(LimitError, match=message):
        parse_limits(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lst=0", "no figure 'lst' here; did you mean lost"),
        ("zzz=0", "no figure 'zzz' here, known are published, .*delivery.p99"),
        ("connect.p99=5ms", "no latency 'connect' here, known are delivery, publish"),
        ("publihs.p99=5ms", "no latency 'publihs' here; did you mean publish"),
        ("lost=5ms", "lost is a number without a unit"),
        ("rss_per_connection<=9", "rss_per_connection is a size, like 9KiB"),
    ],
)
def test_unknown_to_the_scenario(text: str, message: str) -> None:
    """With the names a scenario declares, a wrong one is known before the run."""
    with pytest.raises(LimitError, match=message):
        parse_limits(text, FIGURES, KINDS)


def test_known_to_the_scenario() -> None:
    """Every declared figure can be limited, with and without its unit."""
    parse_limits("p99=5ms,publish.p99.9=5ms,loss=0,loss=1%,rss_per_connection<=9KiB,p50_ms<=3", FIGURES, KINDS)


PART = st.from_regex(r"[a-z_.0-9]{0,12}(<=|>=|<|>|=)[0-9.e]{0,6}(ms|us|%|KiB|s|)", fullmatch=True)


@given(st.one_of(st.text(max_size=60), st.lists(PART, max_size=4).map(",".join)))
def test_any_text(text: str) -> None:
    """Any text is limits or a LimitError, and what was understood can be checked against any run."""
    try:
        limits = parse_limits(text)
    except LimitError:
        return
    assert len(check_limits(limits, run())) == len(limits)
    assert not any(one.holds for one in check_limits(limits, run(figures={}, latencies={})))
