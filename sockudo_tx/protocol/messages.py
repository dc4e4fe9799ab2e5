"""What travels on a socket: inbound commands, outbound texts. The only file that knows the JSON keys.

    client -> server   pusher:subscribe, pusher:unsubscribe, pusher:signin, pusher:ping, pusher:pong, client-*,
                       pusher:enable_delta_compression, pusher:delta_sync_error
    server -> client   the functions below, one a message (protocol.md 2.4)

`decode` turns one message into a command or raises `PeerError`; every outbound function returns the exact
text on the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from . import errors
from .effects import Asked
from .errors import PeerError
from .tags import FilterError
from .tags.filters import filter_in
from .wirejson import JsonError, Raw, compact, dumps, loads, quote

__all__ = [
    "NO_DATA",
    "ClientEvent",
    "Command",
    "EnableDelta",
    "Ignored",
    "Ping",
    "Pong",
    "Signin",
    "Subscribe",
    "SyncError",
    "Unsubscribe",
    "cache_miss",
    "client_event",
    "connection_established",
    "decode",
    "error",
    "event",
    "member_added",
    "member_removed",
    "presence_data",
    "presence_member",
    "signin_success",
    "subscription_count",
    "subscription_succeeded",
    "tagged",
    "watchlist_events",
]


class Subscribe(NamedTuple):
    """A request to enter a channel; `auth` and `channel_data` are None when absent or not strings."""

    channel: str
    auth: str | None = None
    channel_data: str | None = None
    asked: Asked | None = None


class Unsubscribe(NamedTuple):
    """A request to leave a channel, which need not be one the socket is in."""

    channel: str


class Signin(NamedTuple):
    """A request to be known as a user."""

    auth: str | None = None
    user_data: str | None = None


class ClientEvent(NamedTuple):
    """An event for the other members of a channel; `data` is compact JSON text, None when absent."""

    event: str
    channel: str | None
    data: str | None


class Ping(NamedTuple):
    """`pusher:ping` from the client."""


class Pong(NamedTuple):
    """`pusher:pong` from the client."""


class EnableDelta(NamedTuple):
    """A request for deltas on all channels; `data` is whatever came with it."""

    data: Any = None


class SyncError(NamedTuple):
    """A delta came for which the client has no base; None if it does not say on which channel."""

    channel: str | None


class Ignored(NamedTuple):
    """A message with an event name that means nothing to us; it only shows that the peer lives."""


Command = Subscribe | Unsubscribe | Signin | ClientEvent | Ping | Pong | EnableDelta | SyncError | Ignored

_PING = Ping()
_PONG = Pong()
_IGNORED = Ignored()


class _Envelope(msgspec.Struct, gc=False):
    event: str | None = None
    channel: str | None = None
    user_id: str | None = None
    data: Raw = Raw(b"")


_decode_envelope = msgspec.json.Decoder(_Envelope).decode


def decode(payload: bytes, *, binary: bool = False) -> Command:
    """One inbound message as a command. `payload` of a text frame is known to be UTF-8, of a binary one not.

    Raises `PeerError` 4000 and nothing else. Source: protocol.md 2.3, 7, 13, 14.
    """
    if binary:
        try:
            payload.decode()
        except UnicodeDecodeError as fault:
            raise errors.unreadable(f"Invalid UTF-8: {fault.reason} at byte {fault.start}") from None
    try:
        envelope = _decode_envelope(payload)
    except RecursionError:
        raise errors.unreadable("Invalid JSON: nesting is too deep") from None
    except msgspec.DecodeError as fault:
        raise errors.unreadable(f"Invalid JSON: {fault}") from None
    name = envelope.event
    if name is None:
        raise errors.nameless()
    if name.startswith("client-"):
        data = bytes(envelope.data)
        return ClientEvent(name, envelope.channel, compact(data) if data else None)
    read = _READERS.get(name)
    if read is None:
        return _sync_error(bytes(envelope.data), envelope.channel) if name == _SYNC_ERROR else _IGNORED
    try:
        return read(bytes(envelope.data))
    except JsonError as fault:  # a number beyond all range: the one thing the envelope does not check in `data`
        raise errors.unreadable(f"Invalid JSON: {fault}") from None


def _subscribe(data: bytes) -> Subscribe:
    if data in (b"", b"null"):
        raise errors.malformed("Invalid subscription data format")
    value = loads(data)
    missing = "Missing channel field"
    if isinstance(value, str):
        missing = "Missing channel field in string data"
        try:
            value = loads(value)
        except JsonError:
            raise errors.malformed("Failed to parse subscription data") from None
    channel = value.get("channel") if isinstance(value, dict) else None
    if not isinstance(channel, str):
        raise errors.malformed(missing)
    try:
        wanted = filter_in(value)
    except FilterError as fault:
        raise errors.malformed(f"Invalid tags filter: {fault.detail}") from None
    delta = value.get("delta")
    asked = None if wanted is None and delta is None else Asked(wanted, delta)
    return Subscribe(channel, _string(value, "auth"), _string(value, "channel_data"), asked)


def _unsubscribe(data: bytes) -> Unsubscribe:
    if data in (b"", b"null"):
        raise errors.malformed("Missing data in unsubscribe message")
    value = loads(data)
    if isinstance(value, str):
        return Unsubscribe(_channel_in(value) or value)
    channel = value.get("channel") if isinstance(value, dict) else None
    if not isinstance(channel, str):
        raise errors.malformed("Missing channel in unsubscribe message")
    return Unsubscribe(channel)


def _channel_in(text: str) -> str | None:
    """The `channel` of a JSON object written as a string; a bare channel name is no JSON."""
    try:
        value = loads(text)
    except JsonError:
        return None
    return _string(value, "channel") if isinstance(value, dict) else None


def _signin(data: bytes) -> Signin:
    value = loads(data) if data else None
    if isinstance(value, str):
        try:
            value = loads(value)
        except JsonError:
            value = None
    if not isinstance(value, dict):
        raise errors.malformed("Invalid signin data format")
    return Signin(_string(value, "auth"), _string(value, "user_data"))


def _enable_delta(data: bytes) -> EnableDelta:
    return EnableDelta(_read(data))


def _sync_error(data: bytes, channel: str | None) -> SyncError:
    value = _read(data)
    within = _string(value, "channel") if isinstance(value, dict) else None
    return SyncError(channel if within is None else within)


def _read(data: bytes) -> Any:
    """Any value, or the one that is written in a string; None where there is none."""
    try:
        value = loads(data) if data else None
        return loads(value) if isinstance(value, str) else value
    except JsonError:
        return None


def _string(value: dict[str, object], key: str) -> str | None:
    found = value.get(key)
    return found if isinstance(found, str) else None


_READERS: dict[str, Callable[[bytes], Command]] = {
    "pusher:subscribe": _subscribe,
    "pusher:unsubscribe": _unsubscribe,
    "pusher:signin": _signin,
    "pusher:enable_delta_compression": _enable_delta,
    "pusher:ping": lambda data: _PING,
    "pusher:pong": lambda data: _PONG,
}

_SYNC_ERROR = "pusher:delta_sync_error"
"""The only one whose channel may stand beside its data."""


# Outbound. Key order is fixed: event, channel, data, user_id (protocol.md 2.2).

PING = '{"event":"pusher:ping"}'
PONG = '{"event":"pusher:pong"}'

NO_DATA = '"{}"'
"""`data` where nothing has to be said."""


def connection_established(socket_id: str, activity_timeout: int) -> str:
    inner = f'{{"socket_id":{quote(socket_id)},"activity_timeout":{activity_timeout}}}'
    return f'{{"event":"pusher:connection_established","data":{quote(inner)}}}'


def error(fault: PeerError) -> str:
    return f'{{"event":"pusher:error","data":{{"code":{fault.code},"message":{quote(fault.text)}}}}}'


def event(name: str, data: str, channels: Iterable[str]) -> list[str]:
    """A published event's text for each channel; `data` always travels as a string.

    What the channels share is encoded once.
    """
    head, tail = f'{{"event":{quote(name)},"channel":', f',"data":{quote(data)}}}'
    return [head + quote(channel) + tail for channel in channels]


def tagged(text: str, tags: Mapping[str, str]) -> str:
    """A published event's text with its tags, in the order of their keys."""
    return f'{text[:-1]},"tags":{dumps(dict(sorted(tags.items())))}}}'


def client_event(name: str, channel: str, data: str | None, user_id: str | None) -> str:
    """A relayed client event; `data` is JSON text and keeps its type, None leaves the key out."""
    text = f'{{"event":{quote(name)},"channel":{quote(channel)}'
    if data is not None:
        text += f',"data":{data}'
    if user_id is not None:
        text += f',"user_id":{quote(user_id)}'
    return text + "}"


def subscription_succeeded(channel: str, data: str = NO_DATA) -> str:
    """`data` is a JSON string: `presence_data` on presence channels."""
    return f'{{"event":"pusher_internal:subscription_succeeded","channel":{quote(channel)},"data":{data}}}'


def presence_member(user_id: str, user_info: str) -> tuple[str, str]:
    """A member's two places in `presence_data`: its id, and its entry in the hash. `user_info` is JSON text."""
    name = quote(user_id)
    return quote(name)[1:-1], quote(f"{name}:{user_info}")[1:-1]


def presence_data(ids: Collection[str], entries: Iterable[str]) -> str:
    """The member list of `subscription_succeeded`, of what `presence_member` made of each member, in join order."""
    listed = f'\\"ids\\":[{",".join(ids)}],\\"hash\\":{{{",".join(entries)}}},\\"count\\":{len(ids)}'
    return f'"{{\\"presence\\":{{{listed}}}}}"'


def member_added(channel: str, user_id: str, user_info: str) -> str:
    return _internal("member_added", channel, f'{{"user_id":{quote(user_id)},"user_info":{user_info}}}')


def member_removed(channel: str, user_id: str) -> str:
    return _internal("member_removed", channel, f'{{"user_id":{quote(user_id)}}}')


def subscription_count(channel: str, count: int) -> str:
    return _internal("subscription_count", channel, f'{{"subscription_count":{count}}}')


def cache_miss(channel: str) -> str:
    return f'{{"event":"pusher:cache_miss","channel":{quote(channel)},"data":{NO_DATA}}}'


def signin_success(user_data: str) -> str:
    """`user_data` is the exact string received."""
    return f'{{"event":"pusher:signin_success","data":{{"user_data":{quote(user_data)}}}}}'


def watchlist_events(online: Iterable[str], offline: Iterable[str]) -> str:
    """One message for both lists; an empty list is left out."""
    lists = (("online", list(online)), ("offline", list(offline)))
    inner = dumps({"events": [{"name": name, "user_ids": ids} for name, ids in lists if ids]})
    return f'{{"event":"pusher_internal:watchlist_events","data":{quote(inner)}}}'


def _internal(name: str, channel: str, payload: str) -> str:
    return f'{{"event":"pusher_internal:{name}","channel":{quote(channel)},"data":{quote(payload)}}}'
