"""Channels that begin and end on several nodes at once, as webhooks tell it (scaling.md 18)."""

from __future__ import annotations

import time

from .client import Client
from .fleet import GRACE, Fleet

TURNS = 100
EARLY = 0.05
"""The clock of an event loop stands still during a turn, so that an absence may seem a little longer than it is."""


def ready(fleet: Fleet) -> list[Client]:
    """A client at each node."""
    return [node.connect() for node in fleet.nodes]


def together(fleet: Fleet, clients: list[Client], channel: str, turn: int) -> None:
    """All subscribe at the same instant, another one first each time; returns when all are in."""
    for each in clients[turn % 3 :] + clients[: turn % 3]:
        each.subscribe(channel)
    fleet.pump.until("all in", lambda: all(each.joined(channel) for each in clients))


def test_S31_first_subscribers_at_once(fleet: Fleet) -> None:
    """First subscribers on A, B, C at the same instant, 100 times: exactly one channel_occupied each time."""
    clients = ready(fleet)
    for turn in range(TURNS):
        together(fleet, clients, f"s31-{turn}", turn)
    for turn in range(TURNS):
        fleet.hooks(1, "channel_occupied", f"s31-{turn}")
        fleet.hooks(0, "channel_vacated", f"s31-{turn}")


def test_S32_last_subscribers_at_once(fleet: Fleet) -> None:
    """The last subscribers on A, B, C leave at the same instant: exactly one channel_vacated, not earlier than the
    grace time; 100 times, some by unsubscribing and some by losing their connections."""
    clients = ready(fleet)
    left = []
    for turn in range(TURNS):
        channel = f"s32-{turn}"
        together(fleet, clients, channel, turn)
        left.append((time.monotonic(), time.time()))
        for each in clients[turn % 3 :] + clients[: turn % 3]:
            if turn % 10:
                each.unsubscribe(channel)
            else:
                each.reset()
        if turn % 10 == 0:
            clients = ready(fleet)
    for turn, (at, clock) in enumerate(left):
        fleet.hooks(1, "channel_occupied", f"s32-{turn}")
        fleet.hooks(1, "channel_vacated", f"s32-{turn}")
        (hook,) = fleet.sink.of("channel_vacated", f"s32-{turn}")
        assert hook.at - at >= GRACE - EARLY
        assert hook.time_ms >= (clock + GRACE - EARLY) * 1000


def test_S33_channel_moves_within_the_grace_time(fleet: Fleet) -> None:
    """The last leaves A, and the first joins B within the grace time: neither vacated nor a second occupied."""
    clients = ready(fleet)
    for turn in range(30):
        channel = f"s33-{turn}"
        clients[turn % 3].join(channel)
        clients[turn % 3].leave(channel)
        if turn % 2:
            fleet.pump.rest(GRACE / 10)
        clients[(turn + 1) % 3].join(channel)
    fleet.pump.rest(GRACE * 2)
    for turn in range(30):
        fleet.hooks(1, "channel_occupied", f"s33-{turn}")
        fleet.hooks(0, "channel_vacated", f"s33-{turn}")


def test_S34_member_returns_within_the_grace_time(fleet: Fleet) -> None:
    """A member leaves and returns on another node within the grace time: no member webhooks; WebSocket clients see
    removed and added, unless he was back before his going was told (changes are told in batches, `cleanup`)."""
    observers, clients = ready(fleet), ready(fleet)
    for turn in range(30):
        channel, user = f"presence-s34-{turn}", f"u{turn}"
        for each in observers:
            each.join(channel, "observer")
        clients[turn % 3].join(channel, user)
        clients[turn % 3].leave(channel)
        if turn % 2:  # else he may be back before anybody was told that he went
            fleet.pump.until("removed", lambda: all(each.told(channel, user) == "+-" for each in observers))
        clients[(turn + 1) % 3].join(channel, user)

    def seen() -> bool:
        stories = ((turn, each.told(f"presence-s34-{turn}", f"u{turn}")) for each in observers for turn in range(30))
        return all(story == "+-+" or (story == "+" and not turn % 2) for turn, story in stories)

    def still() -> None:
        assert seen()

    fleet.pump.until("removed and added", seen)
    fleet.promise(still)
    fleet.pump.rest(GRACE * 2)
    for turn in range(30):
        fleet.hooks(1, "member_added", f"presence-s34-{turn}", f"u{turn}")
        fleet.hooks(0, "member_removed", f"presence-s34-{turn}", f"u{turn}")


def test_S34_member_who_stays_away(fleet: Fleet) -> None:
    """The same user of two nodes is told to webhooks once when he comes and once when he has left both."""
    channel, clients = "presence-s34-away", ready(fleet)
    clients[2].join(channel, "observer")
    for each in clients[:2]:
        each.join(channel, "u")
    fleet.hooks(1, "member_added", channel, "u")
    for each in clients[:2]:
        each.leave(channel)
    fleet.hooks(1, "member_removed", channel, "u")
