"""Nodes that die, are stopped, and are replaced (scaling.md 18)."""

from __future__ import annotations

import time

import pytest

from .client import Client
from .fleet import GRACE, LATE, Fleet
from .test_presence import agree, told

SETTINGS = {"shutdown_grace_period": 10}
MEMBERS = 100


def watching(fleet: Fleet, channel: str) -> list[Client]:
    """An observer on A and one on C."""
    observers = [fleet.nodes[0].connect(), fleet.nodes[2].connect()]
    for number, each in enumerate(observers):
        each.join(channel, f"observer-{number}")
    return observers


def test_S44_node_killed(fleet: Fleet) -> None:
    """SIGKILL of B with 100 members: clients elsewhere get exactly 100 member_removed in the time in which a death is
    noticed: on the hub within 200 ms."""
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
        assert fleet.removal[0] <= min(times) <= max(times) < fleet.removal[1], (min(times), max(times))
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
            assert removed.at - each.gone < 0.5
    fleet.restore(stopped)
    agree(fleet, observers, channel, {"observer-0", "observer-1"})


class Returning:
    """Clients who connect again at once, anywhere, when their node closes them; each stays in one channel."""

    def __init__(self, fleet: Fleet, channel: str, number: int) -> None:
        self._fleet = fleet
        self._channel = channel
        self.visits: list[Visit] = []
        self.now = [self._come(which) for which in range(number)]

    def look(self) -> None:
        """Brings back who was sent away."""
        for which, visit in enumerate(self.now):
            client = visit.client
            if client.gone is not None:
                client.hang_up()
                self.now[which] = self._come(which + len(self.visits))
            elif client.socket_id and not visit.asked:
                visit.asked = True
                client.subscribe(self._channel)

    def _come(self, which: int) -> Visit:
        alive = [node for node in self._fleet.nodes if node.runs]
        visit = Visit(alive[which % len(alive)].begin())
        self.visits.append(visit)
        return visit


class Visit:
    """One connection of such a client."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.asked = False


@pytest.mark.parametrize("way", ["roll", "one by one"])
def test_S51_rolling_restart(fleet: Fleet, way: str) -> None:
    """Rolling restart of all nodes, clients reconnect at once: every publish is received by every client that was
    connected at that time; no vacated webhook for always-occupied channels."""
    channel = f"s51-{way[0]}"
    returning = Returning(fleet, channel, 30)
    fleet.pump.until("all in", lambda: (returning.look(), all(v.client.joined(channel) for v in returning.now))[1])
    published: list[tuple[float, float]] = []

    def publish() -> None:
        node = next(each for each in fleet.nodes[len(published) % 3 :] + fleet.nodes if each.runs)
        began = time.monotonic()
        try:
            answer = node.api().event("n", channel, str(len(published)))
        except (AssertionError, ConnectionError):
            return
        answers.append((len(published), answer))
        published.append((began, began))

    answers: list[tuple[int, object]] = []
    stops = [fleet.pump.every(0.01, returning.look), fleet.pump.every(0.02, publish)]
    if way == "roll":
        fleet.roll()
    else:
        for node in fleet.nodes:
            node.terminate()
            fleet.restore(node)
    fleet.pump.rest(1)
    for stop in stops:
        stop()
    fleet.pump.rest(0.5)
    told_of = {number for number, answer in answers if getattr(answer, "status", 0) == 200}
    assert len(told_of) > 20
    for visit in returning.visits:
        client = visit.client
        success = client.of("pusher_internal:subscription_succeeded", channel)
        if not success:
            continue
        until = client.gone or time.monotonic()
        due = {
            number
            for number in told_of
            if published[number][0] > success[0].at and (getattr(answers[number][1], "at", 0) or until) < until - 0.2
        }
        got = [int(each.data) for each in client.of("n", channel)]
        assert len(got) == len(set(got))
        assert due <= set(got), sorted(due - set(got))
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
        fleet.pump.rest(fleet.removal[1] + 0.5)
        users = {f"observer-{victim.name}-{number}" for number in range(2)}
        agree(fleet, observers, channel, users, passing=True)
        for each in observers:
            for number in range(30):
                assert each.told(channel, f"{victim.name}-{number}") in ("", "+-")
        fleet.restore(victim)
        for each in observers:
            each.leave(channel)
    assert LATE
