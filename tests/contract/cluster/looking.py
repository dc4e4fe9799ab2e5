"""Comparing what everybody believes with what is so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, maybeDeferred

from sockudo_tx.interfaces import Answer, ChannelCounts
from sockudo_tx.protocol.bus_frames import Decoded, Event, UserEvent

from .client import Broken, Client
from .pairs import GRACE

if TYPE_CHECKING:
    from .world import World

__all__ = ["look", "rest"]

APP_ID = "app"
REPAIR = 75.0
"""Seconds after which a lost frame has been noticed at the latest: the audit of mirrors, with its jitter."""
SWEEP = 7.0
"""Seconds after which others tell what a dead node was to tell."""
QUIET = 1.5
"""Seconds in which totals have been told."""


async def look(world: World) -> None:
    """Every fault is over; as soon as it may, everybody believes the truth."""
    world.recover()
    await world.pair.settle()
    world.listen()
    if world.unrepaired:
        await world.pair.advance(REPAIR)
        await world.pair.settle()
        world.listen()
    await world.pair.advance(QUIET)
    world.listen()
    _everything_answered(world)
    _events(world)
    rooms = _rooms(world)
    _counts(world)
    _users(world)
    await _what_nodes_tell(world, rooms)
    world.unrepaired = world.forgotten = False
    if len(world.clients) <= world.QUOTA and all(len(room) <= world.LIMIT for room in rooms.values()):
        world.over = False
    world.buried.clear()
    for client in world.clients:
        client.own_told = False


async def rest(world: World) -> None:
    """`look`, and when every grace is over also what webhooks were told."""
    await look(world)
    await world.pair.advance(GRACE + SWEEP)
    await world.pair.settle()
    world.listen()
    channels = {channel for client in world.clients for channel in client.places}
    members = {
        (channel, place.user_id)
        for client in world.clients
        for channel, place in client.places.items()
        if place.user_id is not None
    }
    world.facts.compare(channels, members)


def _everything_answered(world: World) -> None:
    for client in world.clients:
        if not client.id:
            raise Broken(f"{client!r} is neither welcome nor refused")
        if client.asked:
            raise Broken(f"{client!r} has no answer: {list(client.asked)}")


def _events(world: World) -> None:
    """Nobody misses anything but what was lost on its way, and nobody got what was not for it."""
    lost = {node: {each for _, frame in node.bus.lost for each in _told_by(frame)} for node in world.nodes}
    for client in world.clients:
        if wrong := (world.denied[client] | world.unwanted[client]) & client.got:
            raise Broken(f"{client!r} got what was not for it: {sorted(wrong)}")
        missing = world.owed[client] - client.got - world.excused - lost[client.node]
        if missing:
            raise Broken(f"{client!r} misses {sorted(missing)}")
        for events in (world.owed, world.denied, world.unwanted):
            events[client].clear()
    for node in world.nodes:
        node.bus.lost.clear()
        node.published.clear()


def _told_by(frame: object) -> list[tuple[str, int]]:
    """Channel and number of the event in a frame."""
    if not isinstance(frame, Decoded) or not isinstance(frame.header, Event | UserEvent):
        return []
    message = json.loads(frame.body)
    data = message.get("data")
    data = json.loads(data) if isinstance(data, str) else data
    return [(message["channel"], data["n"])] if "n" in data else []


def _rooms(world: World) -> dict[str, set[str]]:
    """The true members of each presence channel, which is what all their subscribers believe."""
    rooms: dict[str, set[str]] = {channel: set() for channel in world.ROOMS}
    for client in world.clients:
        for channel, place in client.places.items():
            if place.user_id is not None:
                rooms[channel].add(place.user_id)
    infos: dict[tuple[str, str], Any] = {}
    for client in world.clients:
        for channel in world.ROOMS:
            place = client.places.get(channel)
            if place is None:
                continue
            if set(place.members) != rooms[channel]:
                raise Broken(f"{client!r} believes {sorted(place.members)} of {channel}, not {sorted(rooms[channel])}")
            for user_id, info in place.members.items():
                if infos.setdefault((channel, user_id), info) != info:
                    raise Broken(
                        f"{client!r} believes {info} of {user_id} in {channel}, others {infos[channel, user_id]}"
                    )
    return rooms


def _subscribers(world: World, channel: str) -> list[Client]:
    return [client for client in world.clients if channel in client.places]


def _counts(world: World) -> None:
    """Of channels that are no presence channels, every subscriber knows how many there are."""
    for channel in world.HALLS:
        inside = _subscribers(world, channel)
        for client in inside:
            place = client.places[channel]
            place.count_lost |= world.counts_lost
            if place.count != len(inside) and not place.count_lost:
                raise Broken(f"{client!r} was told that {channel} has {place.count} subscribers, not {len(inside)}")
    world.counts_lost = False


def _users(world: World) -> None:
    """Watchers know who is there."""
    there = {client.user_id for client in world.clients}
    for client in world.clients:
        if client.user_id is None:
            continue
        for user_id in client.watchlist:
            if client.online.get(user_id) is not (user_id in there):
                raise Broken(
                    f"{client!r} believes that {user_id} is {client.online.get(user_id)}, not {user_id in there}"
                )


async def _what_nodes_tell(world: World, rooms: dict[str, set[str]]) -> None:
    """Every node answers the REST API's questions with the truth."""
    asked: list[tuple[str, object, Deferred[Any]]] = []

    def ask(what: str, expected: object, answer: Answer[Any]) -> None:
        asked.append((what, expected, maybeDeferred(lambda: answer)))

    truth: dict[str, ChannelCounts] = {}
    for channel in {*world.ROOMS, *world.HALLS, *(channel for client in world.clients for channel in client.places)}:
        users = len(rooms[channel]) if channel in rooms else None
        truth[channel] = ChannelCounts(len(_subscribers(world, channel)), users)
    occupied = {channel: counts for channel, counts in truth.items() if counts.subscriptions}
    for node in world.nodes:
        for channel, counts in truth.items():
            ask(f"{channel} at {node.name}", counts, node.engine.counts(APP_ID, channel))
        ask(f"channels at {node.name}", occupied, node.engine.channels(APP_ID, ""))
        for channel, members in rooms.items():
            ask(f"members of {channel} at {node.name}", sorted(members), _sorted(node.engine.members(APP_ID, channel)))
        for user_id in world.USERS:
            count = sum(1 for client in world.clients if client.user_id == user_id)
            ask(f"connections of {user_id}", count, node.engine.user_connections(APP_ID, user_id))
    await world.pair.settle()
    for what, expected, answer in asked:
        if not answer.called:
            raise Broken(f"no answer about {what}")
        if answer.result != expected:
            raise Broken(f"{what}: {answer.result}, not {expected}")


def _sorted(answer: Answer[list[str]]) -> Answer[list[str]]:
    return answer.addCallback(sorted) if isinstance(answer, Deferred) else sorted(answer)
