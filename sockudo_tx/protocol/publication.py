"""What a backend asks to publish over REST: the JSON body checked as a whole, before anything happens.

    parse_event   POST /apps/{id}/events        -> one Publication
    parse_batch   POST /apps/{id}/batch_events  -> its Publications, in order

A fault is a `RestError`; within a batch its text begins with the element, `batch[3]: ...`.
Source: http-api.md 3.1, 5.1, 5.2, 7.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import msgspec

from . import wirejson
from .app import App
from .errors import RestError, shortened
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
    """The members as they came, unread until it is their turn: what is wrong is never built, however large."""

    name: msgspec.Raw = _NULL
    data: msgspec.Raw = _NULL
    channels: msgspec.Raw = _NULL
    channel: msgspec.Raw = _NULL
    socket_id: msgspec.Raw = _NULL
    info: msgspec.Raw = _NULL
    tags: msgspec.Raw = _NULL
    delta: msgspec.Raw = _NULL
    idempotency_key: msgspec.Raw = _NULL


class _Batch(msgspec.Struct):
    batch: list[msgspec.Raw]


T = TypeVar("T")
_EVENT = msgspec.json.Decoder(_Event)
_BATCH = msgspec.json.Decoder(_Batch)
_TEXT: msgspec.json.Decoder[str | None] = msgspec.json.Decoder(str | None)
_TEXTS: msgspec.json.Decoder[list[str] | None] = msgspec.json.Decoder(list[str] | None)
_TAGS: msgspec.json.Decoder[dict[str, str] | None] = msgspec.json.Decoder(dict[str, str] | None)
_FLAG: msgspec.json.Decoder[bool | None] = msgspec.json.Decoder(bool | None)


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
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and wirejson.depth(body) > MAX_DEPTH:
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
    socket_id = _read(_TEXT, event.socket_id, "socket_id must be a string") or None
    if socket_id is not None and not is_socket_id(socket_id):
        raise _invalid(f"socket_id must look like 1234.5678, not {shortened(socket_id)!r}")
    tags = _read(_TAGS, event.tags, "tags must be an object whose values are strings")
    delta = _read(_FLAG, event.delta, "delta must be true or false")
    info = _read(_TEXT, event.info, "info must be a string")
    key = _read(_TEXT, event.idempotency_key, "idempotency_key must be a string")
    return Publication(name, channels, data, socket_id, tags, delta, split_info(info) if info else (), key)


def split_info(text: str) -> tuple[str, ...]:
    """The attribute words of an `info` parameter, trimmed, empty ones left out."""
    return tuple([word for part in text.split(",") if (word := part.strip())])


def _read(decoder: msgspec.json.Decoder[T], raw: msgspec.Raw, fault: str) -> T | None:
    """A member's value; None when it is absent. `fault` says what it must be."""
    if raw is _NULL:
        return None
    try:
        return decoder.decode(raw)
    except msgspec.DecodeError:
        raise _invalid(fault) from None


def _name(raw: msgspec.Raw, limit: int | None) -> str:
    name = _read(_TEXT, raw, "name must be a string")
    if not name:
        raise _invalid("name is required: the name of the event")
    if limit and len(name) > limit:
        raise RestError(
            400, "limit_exceeded", f"The event name has {len(name)} characters; at most {limit} are allowed"
        )
    return name


def _data(raw: msgspec.Raw, limit: int | None) -> str:
    most = (limit or 0) * 1024
    text = bytes(raw)
    if len(text) > most > 0 and (least := wirejson.least_size(text)) > most:
        raise _too_large(f"at least {least}", most)
    data = wirejson.text_of(text)
    size = len(data) if data.isascii() else len(data.encode())
    if size > most > 0:
        raise _too_large(str(size), most)
    return data


def _too_large(size: str, most: int) -> RestError:
    return RestError(
        413,
        "payload_too_large",
        f"The event's data has {size} bytes; at most {most} ({most // 1024} KiB) are allowed",
    )


def _channels(event: _Event, app: App) -> tuple[str, ...]:
    targets = _read(_TEXTS, event.channels, "channels must be an array of strings, the names of channels")
    if targets is None:
        target = _read(_TEXT, event.channel, "channel must be a string, the name of a channel")
        targets = [] if target is None else [target]
    if not targets:
        raise RestError(400, "missing_channel_info", "The event names no channel: give channels or channel")
    limit = app.max_event_channels_at_once
    if limit and len(targets) > limit:
        raise RestError(400, "limit_exceeded", f"The event names {len(targets)} channels; at most {limit} are allowed")
    for target in targets:
        check_channel_name(target, app)
    return tuple(targets) if len(targets) == 1 else tuple(dict.fromkeys(targets))


def check_channel_name(name: str, app: App) -> None:
    """Raise a 400 unless this may be the name of a channel on the REST side (http-api.md 7.2)."""
    fault = channel_name_fault(name, app.max_channel_name_length or 0, in_bytes=False)
    if fault is not None:
        raise _invalid(shortened(fault, 300))


def _invalid(text: str) -> RestError:
    return RestError(400, "invalid_input", text)
