"""What hub and workers say to each other on their socket. Pure.

A message is a u32 length of its body, a u8 kind, and the body; numbers are big endian. Most bodies are msgpack. A FRAME
is a u16 length of the topic, the topic, and the frame as it is: the same bytes come from one worker and go to others,
so the hub reads the topic and makes nothing.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec.msgpack import Decoder, Encoder

__all__ = [
    "HEADER",
    "MESSAGE_AT_MOST",
    "Calls",
    "GroupState",
    "Hello",
    "Kind",
    "Question",
    "Reader",
    "Replies",
    "Reply",
    "Telling",
    "Welcome",
    "WireError",
    "decode",
    "encode",
    "frame_message",
    "message",
    "number",
    "numbered",
    "split_frame",
    "topic_bytes",
    "topic_of",
]

T = TypeVar("T")
HEADER = 5
MESSAGE_AT_MOST = 48 * 1024 * 1024
"""Bytes of one message's body. Large ones are lists: of a hundred thousand channels, say."""
_TOPIC_AT_MOST = 0xFFFF


class WireError(ValueError):
    """These bytes are no message, or no such message; from the other end it ends the link."""


class Kind(IntEnum):
    """W: a worker says it, H: the hub."""

    HELLO = 1  # W who it is; its first message
    WELCOME = 2  # H the answer: what it needs to know before it begins
    READY = 3  # W it serves
    CALLS = 4  # W things to be done by the hub, in order
    REPLIES = 5  # H what became of them
    FRAME = 6  # W publishes, H delivers
    TELL = 7  # H something of a service, that nobody asked for
    ASK = 8  # H a question
    ANSWER = 9  # W the answer
    PING = 10  # H
    PONG = 11  # W
    STATE = 12  # H how the group of workers is
    DRAIN = 13  # H leave, without haste
    HURRY = 14  # H leave now
    BYE = 15  # W it leaves; its last message
    LEAVING = 16  # W it drains, whoever asked for that; BYE follows
    PASS = 17  # W it wants to know when the FRAMEs before this are with the others
    PASSED = 18  # H they are


class Hello(NamedTuple):
    """Which worker this is."""

    slot: int
    pid: int
    node: str


class Welcome(NamedTuple):
    """What the drivers of a worker answer without asking."""

    epoch: str
    """Of the authority."""
    durable: bool
    """Whether what waits in the queue outlives the hub."""


class GroupState(NamedTuple):
    """How the group of workers is, as the hub sees it."""

    workers: int = 0
    """That serve."""
    empty: tuple[int, ...] = ()
    """Slots that were given up."""
    reason: str = ""
    """Why, for people; empty when all is well."""


class Calls(NamedTuple):
    """Calls numbered from `first`: of each the method, as "service.method", and its arguments."""

    first: int
    calls: list[list[Any]]


class Reply(NamedTuple):
    """What became of a call: its value, or why there is none."""

    ok: bool
    value: msgspec.Raw


class Replies(NamedTuple):
    """Replies to the calls from `first` on."""

    first: int
    replies: list[Reply]


class Question(NamedTuple):
    """The body of ASK."""

    number: int
    what: str


class Telling(NamedTuple):
    """The body of TELL: for whom, and what it is told."""

    what: str
    value: msgspec.Raw


_head = Struct(">IB")
_topic_head = Struct(">IBH")
_number = Struct(">I")
_encoder = Encoder()
_DECODERS: dict[Any, Decoder[Any]] = {}


def encode(value: object) -> bytes:
    """Raises `WireError` for what msgpack has no form for, such as half a surrogate pair."""
    try:
        return _encoder.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:  # UnicodeEncodeError is a ValueError
        raise WireError(f"cannot be written: {error}") from error


def decode(body: bytes | memoryview | msgspec.Raw, wanted: type[T]) -> T:
    """The body as this type. Raises `WireError`."""
    decoder = _DECODERS.get(wanted)
    if decoder is None:
        decoder = _DECODERS[wanted] = Decoder(wanted)
    try:
        found: T = decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"not a {wanted}: {error}") from error
    return found


def message(kind: Kind, body: bytes = b"") -> bytes:
    """One message, ready to be sent. Raises `WireError` when it is too large."""
    if len(body) > MESSAGE_AT_MOST:
        raise WireError(f"{len(body)} bytes are more than the {MESSAGE_AT_MOST} of a message")
    return _head.pack(len(body), kind) + body


def frame_message(topic: str, frame: bytes) -> bytes:
    """A FRAME. Raises `WireError` when it is too large."""
    name = topic_bytes(topic)
    size = 2 + len(name) + len(frame)
    if size > MESSAGE_AT_MOST:
        raise WireError(f"a frame of {len(frame)} bytes is more than a message holds")
    return b"".join((_topic_head.pack(size, Kind.FRAME, len(name)), name, frame))


def topic_bytes(topic: str) -> bytes:
    """A topic as it is in a FRAME. Raises `WireError`."""
    try:
        name = topic.encode()
    except UnicodeEncodeError as error:
        raise WireError(f"a topic that is no text: {error}") from error
    if len(name) > _TOPIC_AT_MOST:
        raise WireError(f"a topic of {len(name)} bytes is longer than {_TOPIC_AT_MOST}")
    return name


def topic_of(data: bytes) -> bytes:
    """The topic of a FRAME message. Raises `WireError`."""
    if len(data) >= 7:
        end = 7 + (data[5] << 8 | data[6])
        if len(data) >= end:
            return data[7:end]
    raise WireError("a frame that ends in its topic")


def split_frame(data: bytes) -> tuple[str, bytes]:
    """Topic and frame of a FRAME message. Raises `WireError`."""
    name = topic_of(data)
    try:
        return name.decode(), data[7 + len(name) :]
    except UnicodeDecodeError as error:
        raise WireError(f"a topic that is no text: {error}") from error


def numbered(kind: Kind, value: int, rest: bytes = b"") -> bytes:
    """A message whose body begins with this number. Raises `WireError` when it is too large."""
    return message(kind, _number.pack(value & 0xFFFFFFFF) + rest)


def number(data: bytes) -> tuple[int, bytes]:
    """The number a message begins with, and what follows it. Raises `WireError`."""
    if len(data) < HEADER + _number.size:
        raise WireError("a number is missing")
    return _number.unpack_from(data, HEADER)[0], data[HEADER + _number.size :]


class Reader:
    """Takes bytes as they come and gives whole messages, header included, in time that grows with the bytes."""

    __slots__ = ("_have", "_need", "_parts")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._have = 0
        self._need = HEADER
        """With so many bytes there is something to be read."""

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are complete now. Raises `WireError`; there is no going on after that."""
        if self._parts:
            self._parts.append(data)
            self._have += len(data)
            if self._have < self._need:
                return []
            data = b"".join(self._parts)
            self._parts.clear()
        found: list[bytes] = []
        begin, size = 0, len(data)
        self._need = HEADER
        while size - begin >= HEADER:
            length, kind = _head.unpack_from(data, begin)
            if length > MESSAGE_AT_MOST or not kind:
                raise WireError(f"no message: kind {kind}, {length} bytes")
            end = begin + HEADER + length
            if end > size:
                self._need = end - begin
                break
            found.append(data[begin:end])
            begin = end
        if begin < size:
            self._parts.append(data[begin:])
            self._have = size - begin
        return found
