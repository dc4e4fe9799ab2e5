"""Crowds that vanish while what the nodes share is not there (scaling.md 18)."""

from __future__ import annotations

import contextlib
import math
import resource
from collections import Counter

import pytest

from .client import Client
from .fleet import GRACE, LATE, SLACK, Fleet

ROOM = 99
"""Members of a presence channel, beside one who stays and watches."""
ABSENCE = 5.0
_AT_ONCE = 200


class Crowd:
    """Sockets in three channels each: one presence channel of `ROOM` members, one of all, and one of its own."""

    def __init__(self, fleet: Fleet, many: int, name: str) -> None:
        self.name = name
        self.rooms = math.ceil(many / ROOM)
        self.watchers = [fleet.client() for _ in range(self.rooms)]
        for number, each in enumerate(self.watchers):
            each.established().join(self.room(number), "watcher")
        self.clients: list[Client] = []
        for start in range(0, many, _AT_ONCE):
            self._enter(fleet, range(start, min(start + _AT_ONCE, many)))
        fleet.pump.until("all known", lambda: all(len(self.present(each)) for each in range(self.rooms)))

    def room(self, number: int) -> str:
        """The name of a presence channel."""
        return f"presence-{self.name}-{number}"

    def present(self, number: int) -> dict[str, object]:
        """Whom the watcher of a room knows."""
        return self.watchers[number].members(self.room(number))

    def _enter(self, fleet: Fleet, numbers: range) -> None:
        coming = [fleet.client() for _ in numbers]
        self.clients += coming
        for number, each in zip(numbers, coming, strict=True):
            each.established()
            each.subscribe(self.room(number // ROOM), f"u{number}")
            each.subscribe(f"{self.name}-all")
            each.subscribe(f"{self.name}-own-{number}")
        own = [f"{self.name}-own-{number}" for number in numbers]
        fleet.pump.until("all in", lambda: all(one.joined(name) for one, name in zip(coming, own, strict=True)), 60)


def cut(fleet: Fleet, many: int) -> None:
    """Half of a crowd is cut, what the nodes share is away for 5 s, and in that time the other half is cut."""
    crowd = Crowd(fleet, many, f"s90-{many}")
    told = Counter({"channel_occupied": many + 1 + crowd.rooms, "member_added": many + crowd.rooms})

    heard: Counter[str] = Counter()
    read = 0

    def hooks() -> Counter[str]:
        nonlocal read
        mine = (each for each in fleet.sink.webhooks[read:] if f"s90-{many}" in each.channel)
        heard.update(each.name for each in mine if each.name != "subscription_count")
        read = len(fleet.sink.webhooks)
        return heard

    fleet.pump.until("webhooks", lambda: hooks() == told, 60)
    local = [node.connect() for node in fleet.nodes]
    for each in local:
        each.join("s90-local")
    apis = [node.api() for node in fleet.nodes]
    for each in crowd.clients[: many // 2]:
        each.reset()

    def meanwhile() -> None:
        for each in crowd.clients[many // 2 :]:
            each.reset()
        for api in apis:
            api.publish(f"from-{apis.index(api)}", "s90-local", "x")
        fleet.pump.until(
            "local events", lambda: all(client.of(f"from-{at}") for at, client in enumerate(local)), SLACK - 1
        )

    fleet.pump.later(0.02, meanwhile)
    fleet.suspend(ABSENCE)
    told += Counter({"channel_vacated": many + 1, "member_removed": many})
    fleet.pump.until(
        "empty rooms", lambda: all(len(crowd.present(each)) == 1 for each in range(crowd.rooms)), 10 * SLACK
    )
    with contextlib.suppress(AssertionError):  # what is missing says more
        fleet.pump.until("webhooks", lambda: hooks() >= told, 60)
    fleet.pump.rest(LATE + GRACE)
    assert hooks() == told
    for number, watcher in enumerate(crowd.watchers):
        stories = Counter(user for sign, user in watcher.changes(crowd.room(number)) if sign == "-")
        assert set(stories.values()) == {1}
        assert crowd.present(number).keys() == {"watcher"}
    for node in fleet.nodes:
        left = node.api().get("/channels", filter_by_prefix="presence-s90", info="user_count")["channels"]
        assert left == {crowd.room(number): {"user_count": 1} for number in range(crowd.rooms)}
        assert node.api().get("/channels", filter_by_prefix="s90")["channels"] == {"s90-local": {}}
    for each in local:
        assert len([text for text in each.texts if text.channel == "s90-local" and text.event.startswith("from-")]) == 3
    for each in (*crowd.watchers, *local):
        each.close()


def test_S90_crowd_cut_while_the_authority_is_away(fleet: Fleet) -> None:
    """1,500 sockets in three channels each are cut, the authority is down for 5 s in the middle: everything is correct
    afterwards, each channel is vacated once and each member removed once; events of a node reach its own clients."""
    cut(fleet, 1_500)


@pytest.mark.long
def test_S90_crowd_of_15000(fleet: Fleet) -> None:
    """The same with 15,000."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 17_000:
        pytest.skip(f"a process may open {hard} files here, and 17,000 are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 17_000), hard))
    cut(fleet, 15_000)
