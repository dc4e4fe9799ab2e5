"""What nodes tell each other: frames, the same for every bus (scaling.md 4.3).

    byte 0      version        bytes 2-5   length of the header, big endian
    byte 1      kind           then        header: a compact JSON object; body: text, such as what clients get

A frame of another version or kind is for nodes newer than this one: `decode` says so, and never raises.
"""

from __future__ import annotations

import struct
from typing import Literal, NamedTuple, TypeAlias

import msgspec

__all__ = [
    "Control",
    "Decoded",
    "Event",
    "Header",
    "Ignored",
    "Presence",
    "Probe",
    "Request",
    "Reset",
    "Response",
    "Terminate",
    "UserChange",
    "UserEvent",
    "decode",
    "encode",
    "presence_frame",
    "user_change_frame",
]

VERSION = 1
_START = struct.Struct(">BBI")


class _Sent(msgspec.Struct, omit_defaults=True, kw_only=True, gc=False):
    """What a node sends. `seq` counts all of them; `previous` is the one before on the same topic, 0 if forgotten."""

    node: str = msgspec.field(name="n")
    seq: int = msgspec.field(name="q", default=0)
    previous: int = msgspec.field(name="pq", default=0)


class Event(_Sent, gc=True):
    """Something for a channel's subscribers; the body is their message, without tags."""

    app_id: str = msgspec.field(name="a")
    channel: str = msgspec.field(name="c")
    at: int = msgspec.field(name="t", default=0)
    """Unix milliseconds of the publish."""
    excluded: str | None = msgspec.field(name="x", default=None)
    """The socket that must not receive it."""
    kind: Literal["r", "m"] | None = msgspec.field(name="k", default=None)
    """`r`: a client's event; `m`: of the server itself, such as a count, never dropped; None: published."""
    tags: dict[str, str] | None = msgspec.field(name="g", default=None)
    id: str | None = msgspec.field(name="i", default=None)
    full: bool | None = msgspec.field(name="d", default=None)
    """The verdict of `IDeltaPace`; None without coordination."""
    delta: bool = msgspec.field(name="dl", default=True)
    """False: the publisher wants no delta."""


class UserEvent(_Sent):
    """Something for a user's signed-in sockets."""

    app_id: str = msgspec.field(name="a")
    user_id: str = msgspec.field(name="u")
    at: int = msgspec.field(name="t", default=0)
    excluded: str | None = msgspec.field(name="x", default=None)
    tags: dict[str, str] | None = msgspec.field(name="g", default=None)


class Terminate(_Sent):
    """Close the user's connections."""

    app_id: str = msgspec.field(name="a")
    user_id: str = msgspec.field(name="u")


class Control(_Sent):
    """To all nodes. `gone`: the node named `about` is no more, and its facts are removed."""

    op: str
    about: str = msgspec.field(name="node", default="")


class Request(_Sent):
    """A question to one node."""

    id: str
    op: str = ""


class Response(_Sent):
    """Its answer."""

    id: str


class Probe(_Sent):
    """A node's own frame, to see that it comes back."""

    id: str


class Presence(msgspec.Struct, gc=False):
    """One change of a presence channel, told by the authority; the body is the user_info of who joins.

    Versions are 16 digits wide, so that they can be put into a prepared frame.
    """

    app_id: str = msgspec.field(name="a")
    channel: str = msgspec.field(name="c")
    epoch: str = msgspec.field(name="e")
    previous: str = msgspec.field(name="pv")
    version: str = msgspec.field(name="v")
    change: Literal["+", "-"] = msgspec.field(name="o")
    user_id: str = msgspec.field(name="u")


class Reset(msgspec.Struct, gc=False):
    """A presence channel's members from now on."""

    app_id: str = msgspec.field(name="a")
    channel: str = msgspec.field(name="c")
    epoch: str = msgspec.field(name="e")
    version: str = msgspec.field(name="v")


class UserChange(msgspec.Struct, gc=False):
    """A user is online or is not any more, told by the authority."""

    app_id: str = msgspec.field(name="a")
    user_id: str = msgspec.field(name="u")
    change: Literal["+", "-"] = msgspec.field(name="o")


Header: TypeAlias = Event | Presence | UserEvent | Terminate | Control | Request | Response | Probe | Reset | UserChange

_HEADERS: dict[int, type[Header]] = {
    1: Event,
    2: Presence,
    3: UserEvent,
    4: Terminate,
    5: Control,
    6: Request,
    7: Response,
    8: Probe,
    9: Reset,
    10: UserChange,
}
_KINDS = {header: kind for kind, header in _HEADERS.items()}
_DECODERS = {kind: msgspec.json.Decoder(header) for kind, header in _HEADERS.items()}
_encode = msgspec.json.Encoder().encode


class Decoded(NamedTuple):
    """A frame that was understood."""

    header: Header
    body: str


class Ignored(NamedTuple):
    """A frame that was not."""

    reason: Literal["version", "kind", "malformed"]


def encode(header: Header, body: str = "") -> bytes:
    """One frame."""
    head = _encode(header)
    return _START.pack(VERSION, _KINDS[type(header)], len(head)) + head + body.encode()


def decode(frame: bytes) -> Decoded | Ignored:
    """What is in it, or why it cannot be used; whatever the bytes are."""
    if len(frame) < _START.size:
        return Ignored("malformed")
    version, kind, size = _START.unpack_from(frame)
    if version != VERSION:
        return Ignored("version")
    decoder = _DECODERS.get(kind)
    if decoder is None:
        return Ignored("kind")
    end = _START.size + size
    if end > len(frame):
        return Ignored("malformed")
    try:
        header = decoder.decode(frame[_START.size : end])
        body = frame[end:].decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Ignored("malformed")
    if isinstance(header, Presence) and not (_is_version(header.previous) and _is_version(header.version)):
        return Ignored("malformed")
    if isinstance(header, Reset) and not _is_version(header.version):
        return Ignored("malformed")
    return Decoded(header, body)


def presence_frame(
    app_id: str, channel: str, epoch: str, previous: int, version: int, joined: bool, user_id: str, user_info: str
) -> bytes:
    """The frame of a `PresenceChange`, whose members these are."""
    change: Literal["+", "-"] = "+" if joined else "-"
    header = Presence(app_id, channel, epoch, f"{previous:016d}", f"{version:016d}", change, user_id)
    return encode(header, user_info if joined else "")


def user_change_frame(app_id: str, user_id: str, online: bool) -> bytes:
    """The frame of a `UserChange`, whose members these are."""
    return encode(UserChange(app_id, user_id, "+" if online else "-"))


def _is_version(text: str) -> bool:
    return len(text) == 16 and text.isascii() and text.isdigit()
