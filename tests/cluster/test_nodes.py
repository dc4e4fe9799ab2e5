"""Nodes that die, are stopped, and are replaced (scaling.md 18)."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from .backend import Answer
from .client import Client
from .fleet import GRACE, SLACK, Fleet
from .test_presence import agree, told

SETTINGS = {"shutdown_grace_period": 10}
MEMBERS = 100
UNDER_WAY = 0.05
"""Seconds in which an event may be on its way to a client whose connection ends."""


@pytest.fixture(autouse=True)
def _kept(fleet: Fleet) -> Iterator[None]:
    """What a test promises holds until the next one ends a node."""
    yield
    fleet.keep()


def watching(fleet: Fleet, channel: str) -> list[Client]:
    """An observer on A and one on C."""
    observers = [fleet.nodes[0].connect(), fleet.nodes[2].connect()]
    for number, each in enumerate(observers):
        each.join(channel, f"observer-{number}")
    return observers


def test_S44_node_killed(fleet: Fleet) -> None:
    """SIGKILL of B with 100 members: clients elsewhere get exactly 100 member_removed in the time in which a death is
    noticed: on the hub within 200 ms, on a busy machine within `SLACK` times as much."""
    channel, victim = "presence-s44", fleet.nodes[1]
    observers = watching(fleet, channel)
    members = victim.crowd(MEMBERS)
    users = [f"u{number}" for number in range(MEMBERS)]
    for user, each in zip(users, members, strict=True):
        each.subscribe(channel, user)
    fleet.pump.until("all in", lambda: all(len(each.members(channel)) == MEMBERS + 2 for each in observers))
    fleet.pump.until("all in", lambda: len(fleet.sink.of("member_added", channel)) == MEMBERS + 2)
    at = victim.kill()
    fleet.pump.until("all gone", lambda: all(len(each.members(channel)) == 2 for each in observers))
    for each in observers:
        times = [text.at - at for text in each.of("pusher_internal:member_removed", channel)]
        assert len(times) == MEMBERS
        assert fleet.removal[0] <= min(times) <= max(times) < fleet.removal[1] * SLACK, (min(times), max(times))
        assert sorted(user for sign, user in each.changes(channel) if sign == "-") == sorted(users)
    fleet.restore(victim)
    agree(fleet, observers, channel, {"observer-0", "observer-1"})
    for user in users:
        fleet.hooks(1, "member_removed", channel, user)


def test_S45_user_who_is_elsewhere_too(fleet: Fleet) -> None:
    """B killed while u1 is also on C: no member_removed for u1."""
    channel, victim = "presence-s45", fleet.nodes[2]
    observers = [node.connect() for node in fleet.nodes[:2]]
    for each in observers:
        each.join(channel, "observer")
    for node in fleet.nodes[1:]:
        node.connect().join(channel, "u1")
    victim.connect().join(channel, "u2")
    victim.kill()
    told(fleet, observers, channel, "u2", "+-")
    told(fleet, observers, channel, "u1", "+")
    fleet.restore(victim)
    agree(fleet, observers, channel, {"observer", "u1"})
    fleet.hooks(0, "member_removed", channel, "u1")
    fleet.hooks(1, "member_removed", channel, "u2")


def test_S50_node_stopped(fleet: Fleet) -> None:
    """SIGTERM of B: its members are removed at once, with no wait for a timeout; the process ends well before the grace
    period of 10 s; its clients got 4200."""
    channel, stopped = "presence-s50", fleet.nodes[1]
    observers = watching(fleet, channel)
    members = stopped.crowd(20)
    for number, each in enumerate(members):
        each.join(channel, f"u{number}")
    at = stopped.terminate()
    fleet.pump.until("its end", lambda: not stopped.runs)
    assert time.monotonic() - at < 7
    assert [each.closed for each in members] == [4200] * 20
    for number, each in enumerate(members):
        for observer in observers:
            (removed,) = [
                text
                for text in observer.of("pusher_internal:member_removed", channel)
                if text.data["user_id"] == f"u{number}"
            ]
            assert each.gone is not None
            assert removed.at - each.gone < 0.2 * SLACK
    fleet.restore(stopped)
    agree(fleet, observers, channel, {"observer-0", "observer-1"})


class Returning:
    """Clients who connect again at once, anywhere, when their node closes them; each stays in one channel."""

    def __init__(self, fleet: Fleet, channel: str, number: int) -> None:
        self._fleet = fleet
        self._channel = channel
        self.visits: list[Visit] = []
        self.now = [self._come() for _ in range(number)]

    def look(self) -> None:
        """Brings back who was sent away."""
        for which, visit in enumerate(self.now):
            client = visit.client
            if client.gone is not None:
                client.hang_up()
                self.now[which] = self._come()
            elif client.socket_id and not visit.asked:
                visit.asked = True
                client.subscribe(self._channel)

    def _come(self) -> Visit:
        visit = Visit(self._fleet.client())
        self.visits.append(visit)
        return visit


class Visit:
    """One connection of such a client."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.asked = False


class Publishing:
    """Numbered events through whichever node there is, and who has to have got them."""

    def __init__(self, fleet: Fleet, channel: str) -> None:
        self._fleet = fleet
        self._channel = channel
        self._backend = fleet.backend()
        self.answers: list[Answer] = []

    def publish(self) -> None:
        """The next one."""
        if not self._backend.open:
            self._backend = self._fleet.backend()
        self.answers.append(self._backend.event("n", self._channel, str(len(self.answers))))

    def due(self, since: float, until: float) -> set[int]:
        """Events that began to be published after that and were answered 200 before that."""
        return {
            number
            for number, answer in enumerate(self.answers)
            if answer.at and answer.status == 200 and since < answer.asked and answer.at < until - UNDER_WAY
        }


@pytest.mark.parametrize("way", ["roll", "one by one"])
def test_S51_rolling_restart(fleet: Fleet, way: str) -> None:
    """Rolling restart of all nodes, clients reconnect at once: every publish is received by every client that was
    connected at that time; no vacated webhook for always-occupied channels."""
    channel = f"s51-{way[:3]}"
    returning, publishing = Returning(fleet, channel, 30), Publishing(fleet, channel)
    stops = [fleet.pump.every(0.005, returning.look)]
    fleet.pump.until("all in", lambda: all(each.client.joined(channel) for each in returning.now))
    stops.append(fleet.pump.every(0.02, publishing.publish))
    if way == "roll":
        fleet.roll()
    else:
        for node in fleet.nodes:
            node.terminate()
            fleet.restore(node)
    fleet.pump.rest(1)
    stops[1]()
    fleet.pump.rest(0.5)
    stops[0]()
    assert len(returning.visits) >= 60
    assert len(publishing.due(0, time.monotonic())) > 20
    for client in (each.client for each in returning.visits):
        success = client.of("pusher_internal:subscription_succeeded", channel)
        got = [text.data for text in client.of("n", channel)]
        assert len(got) == len(set(got))
        if success:
            missing = publishing.due(success[0].at, client.gone or time.monotonic()) - {int(each) for each in got}
            assert not missing, sorted(missing)
    fleet.pump.rest(GRACE)
    fleet.hooks(0, "channel_vacated", channel)
    fleet.hooks(1, "channel_occupied", channel)


def test_killed_again_and_again(fleet: Fleet) -> None:
    """Every node is killed once while members come: the lists of all who stay are right, and each death is told once."""
    channel = "presence-again"
    for victim in fleet.nodes:
        observers = [node.connect() for node in fleet.nodes if node is not victim]
        for number, each in enumerate(observers):
            each.join(channel, f"observer-{victim.name}-{number}")
        members = victim.crowd(30)
        for number, each in enumerate(members):
            each.subscribe(channel, f"{victim.name}-{number}")
        fleet.pump.rest(0.005)
        victim.kill()
        fleet.restore(victim)
        fleet.pump.rest(fleet.removal[1] + 0.5)
        users = {f"observer-{victim.name}-{number}" for number in range(2)}
        agree(fleet, observers, channel, users, passing=True)
        for each in observers:
            for number in range(30):
                assert each.told(channel, f"{victim.name}-{number}") in ("", "+-")
        for each in observers:
            each.leave(channel)
