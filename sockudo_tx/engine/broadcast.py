"""One text to many sinks: encoded once, framed once per distinct framing. The hot path of ARCHITECTURE.md."""

from __future__ import annotations

from collections.abc import Iterable

from ..interfaces import IFraming
from ..protocol.names import USER_CHANNEL_PREFIX
from .audiences import CROWD, audience_of, without
from .tables import AppSpace, Channel, Socket
from .tally import AppTally

__all__ = ["deliver", "deliver_control", "deliver_to_channel", "publish_locally", "send"]


def send(socket: Socket, text: str) -> None:
    """Push a reply to one socket. A refusal before the app is known is counted as such, not as a message."""
    frame = socket.sink.framing.frame(text.encode())
    space = socket.space
    if space is not None:
        tally = space.tally
        tally.sent += 1
        tally.sent_bytes += len(frame)
    socket.sink.push_control(frame)


def deliver(sockets: Iterable[Socket], text: str, tally: AppTally, excluded: Socket | None = None) -> int:
    """Push an ordinary event to every socket but `excluded`; how many got it.

    `sockets` is copied first: a sink that gives up while being pushed to may leave the tables.
    """
    payload = text.encode()
    frames: dict[IFraming, bytes] = {}
    framing: IFraming | None = None
    frame = b""
    count = counted = size = 0
    for socket in tuple(sockets):
        if socket is excluded:
            continue
        sink = socket.sink
        if sink.framing is not framing:
            if framing is not None:
                size += len(frame) * (count - counted)
                counted = count
            framing = sink.framing
            frame = frames.get(framing) or frames.setdefault(framing, framing.frame(payload))
        sink.push(frame)
        count += 1
    tally.sent += count
    tally.sent_bytes += size + len(frame) * (count - counted)
    return count


def deliver_to_channel(channel: Channel, text: str, excluded: Socket | None = None) -> int:
    """`deliver` to a channel's subscribers, at the least cost when there are many."""
    subscribers = channel.subscribers
    count = len(subscribers)
    if count < CROWD:
        return deliver(subscribers, text, channel.tally, excluded)
    audience = channel.audience
    if audience is None:
        audience = channel.audience = audience_of(subscribers)
    if excluded in subscribers:
        audience = without(audience, excluded)
        count -= 1
    payload = text.encode()
    tally = channel.tally
    for framing, sinks in audience:
        if sinks:
            frame = framing.frame(payload)
            tally.sent_bytes += len(frame) * len(sinks)
            framing.push_all(sinks, frame)
    tally.sent += count
    return count


def deliver_control(sockets: Iterable[Socket], text: str, tally: AppTally) -> None:
    """Push a presence or count message, which slowness never drops silently (scaling.md 8)."""
    payload = text.encode()
    frames: dict[IFraming, bytes] = {}
    framing: IFraming | None = None
    frame = b""
    count = counted = size = 0
    for socket in tuple(sockets):
        sink = socket.sink
        if sink.framing is not framing:
            if framing is not None:
                size += len(frame) * (count - counted)
                counted = count
            framing = sink.framing
            frame = frames.get(framing) or frames.setdefault(framing, framing.frame(payload))
        sink.push_control(frame)
        count += 1
    tally.sent += count
    tally.sent_bytes += size + len(frame) * (count - counted)


def publish_locally(space: AppSpace, channel: str, text: str, socket_id: str | None) -> int:
    """Deliver a published event to this process's share of its audience; how many got it.

    A `#server-to-user-` channel reaches the user's signed-in sockets, subscribed or not.
    """
    excluded = space.sockets.get(socket_id) if socket_id is not None else None
    found = space.channels.get(channel)
    if found is not None:
        if found.replays:  # a live event beats the cached one
            found.replays.intersection_update((excluded,))
        return deliver_to_channel(found, text, excluded)
    if channel.startswith(USER_CHANNEL_PREFIX):
        return deliver(space.users.get(channel[len(USER_CHANNEL_PREFIX) :], ()), text, space.tally, excluded)
    return 0
