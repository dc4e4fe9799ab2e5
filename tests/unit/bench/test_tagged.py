"""The filters and tags of `sockudo bench tags` belong together."""

from __future__ import annotations

import json

import pytest

from sockudo_tx.bench import plans
from sockudo_tx.bench.loop import Loop
from sockudo_tx.bench.payload import Marker
from sockudo_tx.bench.scenarios.tags import TaggedPublisher, filter_of
from sockudo_tx.bench.schedule import Schedule
from sockudo_tx.bench.target import Target
from sockudo_tx.bench.wire import Dialer
from sockudo_tx.protocol.tags import parse_filter

TOPICS = ("t00000", "t00001", "t00010")


def tags(form: str, topic: int) -> dict[str, str]:
    """The tags of an event that is for the subscribers of one topic."""
    plan = plans.Source(
        schedule=Schedule(rate=1, seconds=1), start=0, channels=TOPICS, size=100, extra={"form": form}
    )  # fmt: skip
    target = Target(host="127.0.0.1", port=1, app_id="a", key="k", secret="s")
    source = TaggedPublisher(Dialer(Loop(), target), plan, Marker(), [], 0, 1)
    channel, members = source.event(topic, Marker.stream(topic, 0), 0, 0)
    event = json.loads(f"{{{members}}}")
    assert (channel, len(event["data"])) == ("bench-tags", 100)
    found: dict[str, str] = event["tags"]
    return found


@pytest.mark.parametrize("form", ["eq", "tree"])
def test_each_filter_has_its_topic(form: str) -> None:
    """A filter lets the events of its own topic through and no others."""
    filters = [parse_filter(filter_of(form, topic)) for topic in TOPICS]
    for number in range(len(TOPICS)):
        assert [each.matches(tags(form, number)) for each in filters] == [other == number for other in range(3)]
