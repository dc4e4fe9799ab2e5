"""Names that carry their unit, and values as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockudo_tx.bench.figures import Dimension, label, show, show_in, stem, unit


@pytest.mark.parametrize(
    ("name", "without", "text", "dimension"),
    [
        ("p99_ms", "p99", "p99", Dimension.TIME),
        ("p999_ms", "p999", "p99.9", Dimension.TIME),
        ("rss_bytes_per_connection", "rss_per_connection", "RSS per connection", Dimension.SIZE),
        ("rss_per_connection_bytes", "rss_per_connection", "RSS per connection", Dimension.SIZE),
        ("server_cpu_us_per_delivery", "server_cpu_per_delivery", "server CPU per delivery", Dimension.TIME),
        ("deliveries_per_second", "deliveries_per_second", "deliveries per second", Dimension.PLAIN),
        ("lost", "lost", "lost", Dimension.PLAIN),
        ("loss_percent", "loss", "loss", Dimension.SHARE),
        ("bytes", "bytes", "bytes", Dimension.PLAIN),
        ("bytes_per_second", "bytes_per_second", "bytes per second", Dimension.PLAIN),
        ("per_second", "per_second", "per second", Dimension.PLAIN),
    ],
)
def test_names(name: str, without: str, text: str, dimension: Dimension) -> None:
    """The unit is the last word or the one before `per`."""
    assert (stem(name), label(name), unit(name)[0]) == (without, text, dimension)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("p99_ms", 4.4567, "4.46 ms"),
        ("p99_ms", 0.1, "100 µs"),
        ("p99_ms", 0.99961, "1.00 ms"),
        ("p99_ms", 61_000, "1.02 min"),
        ("p99_ms", 0, "0 s"),
        ("p99_ms", None, "-"),
        ("p99_ms", float("nan"), "-"),
        ("rss_bytes", 61_341_696, "58.5 MiB"),
        ("rss_bytes", 9216, "9 KiB"),
        ("cpu_percent", 99.96, "100 %"),
        ("lost", 0, "0"),
        ("delivered", 1_234_567, "1,234,567"),
        ("deliveries_per_second", 19_876.4, "19,876"),
        ("ratio", 0.001234, "0.00123"),
    ],
)
def test_values(name: str, value: float | None, shown: str) -> None:
    """Three digits, in the unit that suits the size."""
    assert show(name, value) == shown


@given(st.floats(), st.sampled_from(list(Dimension)))
def test_any_value(value: float, dimension: Dimension) -> None:
    """Every number can be shown."""
    assert show_in(dimension, value)


@given(st.text(max_size=50))
def test_any_name(name: str) -> None:
    """Every name has a label and a unit, and loses its unit only once."""
    assert isinstance(label(name), str)
    assert isinstance(unit(name)[1], float)
    assert len(stem(name)) <= len(name)
