"""A client that believes what it is told, and complains of what cannot be."""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from sockudo_tx.testing import channel_auth, user_auth
from tests.unit.engine.sinks import RecordingSink

if TYPE_CHECKING:
    from .node import Node

__all__ = ["BUY", "Broken", "Client", "Place"]

BUY = {"key": "side", "cmp": "eq", "val": "buy"}
"""The one filter there is."""


class Broken(AssertionError):
    """A promise of the cluster is broken."""


class Asked(NamedTuple):
    """What was said and is not answered yet; the answers come in the same order."""

    what: str
    """`subscribe`, `unsubscribe` (answered by the pong of a ping behind it) or `signin`."""
    channel: str = ""
    user_id: str | None = None
    filtered: bool = False


class Place:
    """What the client knows of one channel it is in."""

    def __init__(self, asked: Asked) -> None:
        self.user_id = asked.user_id
        self.filtered = asked.filtered
        self.members: dict[str, Any] = {}
        self.count: int | None = None
        """What it was told last."""
        self.count_lost = False
        """What it was to be told later may have been lost."""


class Client:
    """One connection of a node. `listen` takes in what it was sent, and raises `Broken` at the first impossibility.

    Events are `{"n": number, "p": publisher}`, where numbers of one publisher grow.
    """

    def __init__(self, node: Node, name: str) -> None:
        self.node = node
        self.name = name
        self.info = {"by": name}
        """Its `user_info`."""
        self.sink = RecordingSink()
        self.id = ""
        self.ended = False
        self.over_quota = False
        self.asked: deque[Asked] = deque()
        self.places: dict[str, Place] = {}
        self.user_id: str | None = None
        self.online: dict[str, bool] = {}
        """What is known of those on the watchlist."""
        self.watchlist: tuple[str, ...] = ()
        self.got: set[tuple[str, int]] = set()
        """Channel and number of every event that came."""
        self.own_told = False
        """Others may take this client's users for gone: its node was given up, or the state was lost."""
        self.heard: list[tuple[str, str, str]] = []
        """Member changes: `added` or `removed`, channel, and who."""
        self._status_due = False
        """The first word about all of the watchlist is still to come; changes may come before it."""
        self._last: dict[tuple[str, str], int] = {}
        self.socket = node.engine.connect(self.sink, node.app.key, None)

    def __repr__(self) -> str:
        return f"{self.name}@{self.node.name}"

    # What it says

    def say(self, event: str, data: Any, **more: Any) -> None:
        message = {"event": event, "data": data, **more}
        self.node.engine.hear(self.socket, json.dumps(message).encode())

    def subscribe(self, channel: str, user_id: str | None = None, filtered: bool = False) -> None:
        self.asked.append(Asked("subscribe", channel, user_id, filtered))
        data: dict[str, Any] = {"channel": channel}
        if user_id is not None:
            data["channel_data"] = json.dumps({"user_id": user_id, "user_info": self.info})
        if channel.startswith(("private-", "presence-")):
            data["auth"] = channel_auth(self.node.app, self.id, channel, data.get("channel_data"))
        if filtered:
            data["tags_filter"] = BUY
        self.say("pusher:subscribe", data)

    def unsubscribe(self, channel: str) -> None:
        self.asked.append(Asked("unsubscribe", channel))
        self.say("pusher:unsubscribe", {"channel": channel})
        self.say("pusher:ping", {})

    def sign_in(self, user_id: str, watchlist: tuple[str, ...]) -> None:
        self.asked.append(Asked("signin", user_id=user_id))
        self.watchlist = watchlist
        user_data = json.dumps({"id": user_id, "watchlist": watchlist})
        auth = user_auth(self.node.app, self.id, user_data)
        self.say("pusher:signin", {"auth": auth, "user_data": user_data})

    def vanish(self) -> None:
        """The connection is lost."""
        self.ended = True
        self.node.engine.disconnected(self.socket)

    # What it is sure of

    def is_in(self, channel: str) -> bool:
        """It is subscribed, and nothing that it has said changes that."""
        return not self.ended and channel in self.places and not any(a.channel == channel for a in self.asked)

    @property
    def is_settled(self) -> bool:
        """Everything it has said is answered, and what it says next is done at once."""
        return not self.ended and not self.asked and self.socket.inbox is None

    def take(self) -> list[tuple[str, str]]:
        """Members that came and went since the last time: `added` or `removed`, and who."""
        heard, self.heard = self.heard, []
        return [(what, user_id) for what, _, user_id in heard]

    # What it hears

    def listen(self) -> None:
        frames, self.sink.frames = self.sink.frames, []
        for frame in frames:
            message = json.loads(frame)
            try:
                self._hear(message)
            except Broken as fault:
                raise Broken(f"{self!r}: {fault}: {frame.decode()}") from None
        if self.sink.closes and not self.ended:
            self._closed(*self.sink.closes[0])

    def _closed(self, code: int, reason: str) -> None:
        self.over_quota = code == 4004
        if code not in {4004, 4009}:
            raise Broken(f"{self!r} was closed: {code} {reason}")
        self.vanish()

    def _hear(self, message: dict[str, Any]) -> None:
        event, channel = message["event"], message.get("channel", "")
        data = message.get("data")
        if event == "e" or event.startswith("client-"):
            self._event(channel, json.loads(data) if isinstance(data, str) else data)
        elif event == "pusher:connection_established":
            self.id = json.loads(data)["socket_id"]
        elif event == "pusher_internal:subscription_succeeded":
            self._succeeded(channel, json.loads(data or "{}"))
        elif event == "pusher_internal:member_added":
            self._added(channel, json.loads(data))
        elif event == "pusher_internal:member_removed":
            self._removed(channel, json.loads(data))
        elif event == "pusher_internal:subscription_count":
            place = self._place(channel)
            place.count, place.count_lost = json.loads(data)["subscription_count"], False
        elif event == "pusher_internal:watchlist_events":
            self._watched(json.loads(data)["events"])
        elif event == "pusher:cache_miss":
            self._place(channel)
        elif event == "pusher:pong":
            self.places.pop(self._answered("unsubscribe").channel, None)
        elif event == "pusher:signin_success":
            self.user_id = self._answered("signin").user_id
            self.online, self._status_due = {}, True
        elif event == "pusher:error" and data["code"] == 4100:
            self._answered("subscribe")  # the channel is full; where it was already, it is still
        elif event != "pusher:error" or data["code"] not in {4004, 4009}:
            raise Broken("nobody asked for this")

    def _answered(self, what: str) -> Asked:
        if not self.asked or self.asked[0].what != what:
            raise Broken(f"this answers nothing, while {list(self.asked)} is waited for")
        return self.asked.popleft()

    def _place(self, channel: str) -> Place:
        place = self.places.get(channel)
        if place is None:
            raise Broken("before the success of its channel, or after its end")
        return place

    def _event(self, channel: str, data: dict[str, Any]) -> None:
        number, publisher = data["n"], data["p"]
        if channel.startswith("#server-to-user-"):
            users = {self.user_id, *(a.user_id for a in self.asked if a.what == "signin")}
            if channel.removeprefix("#server-to-user-") not in users:
                raise Broken("an event for another user")
        else:
            self._place(channel)
        if (channel, number) in self.got:
            raise Broken("an event came twice")
        self.got.add((channel, number))
        if self._last.get((channel, publisher), 0) > number:
            raise Broken("events of one publisher out of order")
        self._last[channel, publisher] = number

    def _succeeded(self, channel: str, data: dict[str, Any]) -> None:
        asked = self._answered("subscribe")
        if asked.channel != channel:
            raise Broken(f"{asked.channel} was asked for")
        before = self.places.get(channel)
        place = self.places[channel] = Place(asked)
        if before is not None:
            place.count, place.count_lost = before.count, before.count_lost
        if asked.user_id is None:
            return
        place.members = data["presence"]["hash"]
        if asked.user_id not in place.members and not self.own_told:
            raise Broken("not in its own list")
        if before is not None and before.user_id == asked.user_id and before.members != place.members:
            raise Broken(f"the list is another one than that of before, {before.members}")

    def _added(self, channel: str, data: dict[str, Any]) -> None:
        place = self._place(channel)
        if data["user_id"] in place.members:
            raise Broken("added though it is there")
        place.members[data["user_id"]] = data["user_info"]
        self.heard.append(("added", channel, data["user_id"]))

    def _removed(self, channel: str, data: dict[str, Any]) -> None:
        place = self._place(channel)
        if data["user_id"] not in place.members:
            raise Broken("removed though it is not there")
        if data["user_id"] == place.user_id and not self.own_told:
            raise Broken("its own user was removed")
        del place.members[data["user_id"]]
        self.heard.append(("removed", channel, data["user_id"]))

    def _watched(self, events: list[dict[str, Any]]) -> None:
        told = {user_id: event["name"] == "online" for event in events for user_id in event["user_ids"]}
        for user_id, online in told.items():
            if self.online.get(user_id) is online and not self._status_due:
                raise Broken(f"of {user_id} that was known")
        self.online |= told
        if told.keys() == set(self.watchlist) and len(told) > 1:
            self._status_due = False
