"""What a backend asks to publish over REST: the JSON body checked as a whole, before anything happens.

    parse_event   POST /apps/{id}/events        -> one Publication
    parse_batch   POST /apps/{id}/batch_events  -> its Publications, in order

A fault is a `RestError`; within a batch its text begins with the element, `batch[3]: ...`.
Source: http-api.md 3.1, 5.1, 5.2, 7.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import msgspec

from . import wirejson
from .app import App
from .errors import RestError
from .names import channel_name_fault, is_socket_id

__all__ = ["MAX_DEPTH", "Publication", "parse_batch", "parse_event"]

MAX_DEPTH = 128
"""Deepest nesting of arrays and objects accepted in a request body."""

_BOM = b"\xef\xbb\xbf"
_NULL = msgspec.Raw(b"null")


class Publication(NamedTuple):
    """One event on its way to one or more channels."""

    name: str
    channels: tuple[str, ...]
    """Targets, each once, in the order given."""
    data: str
    """The frame's `data`: the string that was sent, or the compact JSON of any other value."""
    socket_id: str | None = None
    """The connection that must not receive the event."""
    tags: dict[str, str] | None = None
    delta: bool | None = None
    """False asks for full messages; True and None leave it to the channel's rules."""
    info: tuple[str, ...] = ()
    """Attributes asked for in the reply."""
    idempotency_key: str | None = None


class _Event(msgspec.Struct):
    """The members as they came: `data` unread, the rest of any type until it is checked."""

    name: Any = None
    data: msgspec.Raw = _NULL
    channels: Any = None
    channel: Any = None
    socket_id: Any = None
    info: Any = None
    tags: Any = None
    delta: Any = None
    idempotency_key: Any = None


class _Batch(msgspec.Struct):
    batch: list[msgspec.Raw]


T = TypeVar("T")
_EVENT = msgspec.json.Decoder(_Event)
_BATCH = msgspec.json.Decoder(_Batch)


def parse_event(body: bytes, app: App) -> Publication:
    """The event of a body of `POST /events`. `app` has its default limits filled in."""
    return _checked(_decoded(_EVENT, _strict(body)), app)


def parse_batch(body: bytes, app: App) -> list[Publication]:
    """The events of a body of `POST /batch_events`; the lowest element at fault decides the refusal."""
    elements = _decoded(_BATCH, _strict(body)).batch
    limit = app.max_event_batch_size
    if limit and len(elements) > limit:
        raise RestError(400, "limit_exceeded", f"The batch has {len(elements)} events; at most {limit} are allowed")
    events = []
    for index, element in enumerate(elements):
        try:
            events.append(_checked(_decoded(_EVENT, bytes(element)), app))
        except RestError as error:
            raise RestError(error.status, error.code, f"batch[{index}]: {error.text}") from None
    return events


def _strict(body: bytes) -> bytes:
    """The body without a byte order mark, once its encoding and depth are known to be good.

    The decoder checks neither the text nor the depth of what it skips.
    """
    body = body.removeprefix(_BOM)
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise _invalid(f"The body is not valid UTF-8 at byte {error.start}") from None
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and wirejson.depth(body.decode()) > MAX_DEPTH:
        raise _invalid(f"The body is nested deeper than {MAX_DEPTH} levels")
    return body


def _decoded(decoder: msgspec.json.Decoder[T], text: bytes) -> T:
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        raise _invalid(f"The JSON has the wrong shape: {error}") from None
    except msgspec.DecodeError as error:
        raise _invalid(f"The body is not valid JSON: {error}") from None


def _checked(event: _Event, app: App) -> Publication:
    """Apply the rules of http-api.md 7.1 in their order."""
    name = _name(event.name, app.max_event_name_length)
    data = _data(event.data, app.max_event_payload_in_kb)
    channels = _channels(event, app)
    socket_id = _string("socket_id", event.socket_id) or None
    if socket_id is not None and not is_socket_id(socket_id):
        raise _invalid(f"socket_id must look like 1234.5678, not {_shown(socket_id)}")
    tags = event.tags
    if tags is not None and not (isinstance(tags, dict) and all(isinstance(value, str) for value in tags.values())):
        raise _invalid("tags must be an object whose values are strings")
    delta = event.delta
    if delta is not None and not isinstance(delta, bool):
        raise _invalid("delta must be true or false")
    info = _string("info", event.info)
    key = _string("idempotency_key", event.idempotency_key)
    return Publication(name, channels, data, socket_id, tags, delta, split_info(info) if info else (), key)


def split_info(text: str) -> tuple[str, ...]:
    """The attribute words of an `info` parameter, trimmed, empty ones left out."""
    return tuple([word for part in text.split(",") if (word := part.strip())])


def _name(name: Any, limit: int | None) -> str:
    if name is None or name == "":
        raise _invalid("name is required: the name of the event")
    if not isinstance(name, str):
        raise _invalid("name must be a string")
    if limit and len(name) > limit:
        raise RestError(
            400, "limit_exceeded", f"The event name has {len(name)} characters; at most {limit} are allowed"
        )
    return name


def _data(raw: msgspec.Raw, limit: int | None) -> str:
    data = wirejson.text_of(raw)
    size = len(data) if data.isascii() else len(data.encode())
    if limit and size > limit * 1024:
        raise RestError(
            413,
            "payload_too_large",
            f"The event's data has {size} bytes; at most {limit * 1024} ({limit} KiB) are allowed",
        )
    return data


def _channels(event: _Event, app: App) -> tuple[str, ...]:
    targets = event.channels
    if targets is None and event.channel is not None:
        targets = [event.channel]
    if targets is None or targets == []:
        raise RestError(400, "missing_channel_info", "The event names no channel: give channels or channel")
    if not isinstance(targets, list):
        raise _invalid("channels must be an array of channel names")
    limit = app.max_event_channels_at_once
    if limit and len(targets) > limit:
        raise RestError(400, "limit_exceeded", f"The event names {len(targets)} channels; at most {limit} are allowed")
    for target in targets:
        if not isinstance(target, str):
            raise _invalid("A channel name must be a string")
        check_channel_name(target, app)
    return tuple(targets) if len(targets) == 1 else tuple(dict.fromkeys(targets))


def check_channel_name(name: str, app: App) -> None:
    """Raise a 400 unless this may be the name of a channel on the REST side (http-api.md 7.2)."""
    fault = channel_name_fault(name, app.max_channel_name_length or 0, in_bytes=False)
    if fault is not None:
        raise _invalid(_cut(fault, 300))


def _string(member: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _invalid(f"{member} must be a string")
    return value


def _invalid(text: str) -> RestError:
    return RestError(400, "invalid_input", text)


def _shown(text: str) -> str:
    return repr(_cut(text, 100))


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
