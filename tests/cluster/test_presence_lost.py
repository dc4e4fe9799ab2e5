"""Members who come and go at random, and members whose connections are lost (scaling.md 18)."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest

from .apps import WATCHED
from .client import Client
from .fleet import Fleet
from .test_presence import agree, told

SETTINGS = {"websocket": {"max_messages": 100, "disconnect_on_buffer_full": True}}
SECONDS = 20.0
ROOM = "presence-s27-silent"


@pytest.fixture(scope="module", autouse=True)
def silent(fleet: Fleet) -> tuple[list[Client], Client]:
    """Observers, and a member who says nothing from now on: it takes half a minute until that is noticed."""
    observers = [node.connect() for node in fleet.nodes]
    for number, each in enumerate(observers):
        each.join(ROOM, f"observer-{number}")
    member = fleet.nodes[0].connect()
    member.join(ROOM, "silent")
    member.mute = True
    return observers, member


class Visitor:
    """A user who joins and leaves as it comes, on one socket a node."""

    def __init__(self, user: str, sockets: list[Client], channel: str) -> None:
        self.user = user
        self.inside: set[int] = set()
        self._sockets = sockets
        self._channel = channel
        self._asked = [0] * len(sockets)

    def step(self, source: random.Random) -> None:
        """Joins or leaves somewhere, if what was asked there before is done."""
        which = source.randrange(len(self._sockets))
        socket = self._sockets[which]
        if which in self.inside:
            if len(socket.of("pusher_internal:subscription_succeeded")) < self._asked[which]:
                return
            socket.unsubscribe(self._channel)
            self.inside.remove(which)
        else:
            socket.subscribe(self._channel, self.user)
            self._asked[which] += 1
            self.inside.add(which)


def test_S22_users_flapping(fleet: Fleet) -> None:
    """50 users flapping randomly on 3 nodes for 20 s: at the end every client's reconstructed list = API list = truth."""
    channel, source = "presence-s22", random.Random(22)
    observers = [node.connect() for node in fleet.nodes]
    for number, each in enumerate(observers):
        each.join(channel, f"observer-{number}")
    visitors = [Visitor(f"u{number}", [node.connect() for node in fleet.nodes], channel) for number in range(50)]
    stop = fleet.pump.every(0.005, lambda: source.choice(visitors).step(source))
    fleet.pump.rest(SECONDS)
    stop()
    users = {f"observer-{number}" for number in range(3)} | {each.user for each in visitors if each.inside}
    inside = [socket for each in visitors for number, socket in enumerate(each._sockets) if number in each.inside]
    agree(fleet, observers + inside, channel, users)


def _close(fleet: Fleet, member: Client) -> None:
    member.close()


def _reset(fleet: Fleet, member: Client) -> None:
    member.reset()


def _terminate(fleet: Fleet, member: Client) -> None:
    member.sign_in("lost")
    member.processed()
    fleet.nodes[1].api(WATCHED).call("POST", "/users/lost/terminate_connections")


def _stall(fleet: Fleet, member: Client) -> None:
    """Stops reading while more is published to it than buffers hold."""
    member.join("flood")
    member.stall()
    api = fleet.nodes[0].api(WATCHED)
    for _ in range(4):
        api.done(*(api.event("flood", "flood", json.dumps("x" * 90_000)) for _ in range(100)))


@pytest.mark.parametrize("way", [_close, _reset, _terminate, _stall], ids=["close", "reset", "terminate", "slow"])
def test_S27_member_lost(fleet: Fleet, way: Callable[[Fleet, Client], None]) -> None:
    """A socket lost by TCP reset, by slow-consumer close, by terminate yields exactly one member_removed."""
    channel = f"presence-s27{way.__name__}"
    observers = [node.connect(WATCHED) for node in fleet.nodes]
    for number, each in enumerate(observers):
        each.join(channel, f"observer-{number}")
    member = fleet.nodes[0].connect(WATCHED)
    member.join(channel, "lost")
    fleet.pump.until("+ at everybody", lambda: all(each.told(channel, "lost") == "+" for each in observers))
    way(fleet, member)
    told(fleet, observers, channel, "lost", "+-")
    agree(fleet, observers, channel, {f"observer-{number}" for number in range(3)})


def test_S27_member_silent(fleet: Fleet, silent: tuple[list[Client], Client]) -> None:
    """A socket lost by ping timeout yields exactly one member_removed."""
    observers, member = silent
    fleet.pump.until("the end of the connection", lambda: member.gone, 45)
    assert member.closed == 4201
    told(fleet, observers, ROOM, "silent", "+-")
    agree(fleet, observers, ROOM, {f"observer-{number}" for number in range(3)})
