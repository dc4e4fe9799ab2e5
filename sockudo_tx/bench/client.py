"""One client of the server, as cheap as it can be made."""

from __future__ import annotations

import json
import time
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from ..protocol.auth import channel_signature
from .audit import Audit, Sent, Verdicts
from .frames import CLOSE, PING, PONG, TEXT, FrameError, Messages, client_frame, split
from .group import Group, Item
from .handshake import Refused, accepted, request
from .tape import Tape
from .wire import CHUNK, Wire

__all__ = ["Client"]

_PONG = client_frame(TEXT, b'{"event":"pusher:pong","data":{}}')
_SIGNED = ("private-", "presence-")


class Client(Wire):
    """Connects, upgrades, subscribes, then checks and times every event. Kinds override `subscriptions`, `asks` and
    `heard`."""

    __slots__ = (
        "_audit", "_expected", "_key", "_lookup", "_messages", "_rest", "_state", "_waiting",
        "began", "frame", "group", "number", "read", "socket_id", "tape",
    )  # fmt: skip

    on_tape = True
    """Whether clients of this kind on one channel read the same events."""
    raw = False
    """Whether `_told` gets texts as the frames they came in: for kinds to which every byte matters."""

    def __init__(self, group: Group, number: int, began: int) -> None:
        super().__init__(group.dialer)
        self.group = group
        self.number = number
        self.began = began
        """When it was to begin."""
        self.socket_id = ""
        self._state = "opening"
        self._rest = b""
        self._key = b""
        self._messages: Messages | None = None
        self._waiting: set[str] = set()
        self._audit = Audit(frozenset(group.plan.channels_of(number)), whole=group.plan.whole)
        self._expected = self._audit.expected
        self._lookup = group.seen.get
        self.tape: Tape | None = None
        """What all read, as long as this one reads it too."""
        self.frame = self.read = 0
        """How many frames and bytes of it."""

    # --------------------------------------------------------------------------------------------------- for kinds

    def subscriptions(self) -> list[tuple[str, str | None]]:
        """Channels to subscribe to, with channel_data for presence channels."""
        channels = self.group.plan.channels
        return [(channels[index], None) for index in self.group.plan.channels_of(self.number)]

    def asks(self, channel: str) -> dict[str, Any]:
        """Further members of a subscription."""
        return {}

    def heard(self, event: str, message: dict[str, Any]) -> None:
        """A message that is neither an event of this run nor part of coming in."""

    # ----------------------------------------------------------------------------------------------------- the wire

    def connected(self) -> None:
        head, self._key = request(self._dialer.target)
        self.send(head)

    def _readable(self, mask: int) -> None:
        """The hot path: what a client reads of the tape."""
        try:
            data = self._recv(CHUNK)
        except OSError as error:
            self._trouble(error)
            return
        tape = self.tape
        if tape is None or not data:
            if data:
                self.received(data)
            else:
                self._end(None)
            return
        self._read_tape(tape, data)

    def _read_tape(self, tape: Tape, data: bytes) -> None:
        now = time.monotonic_ns()
        if self._rest:
            data = self._rest + data
        if tape.text.startswith(data, self.read - tape.start):
            self._advance(tape, data, now)
            return
        left = tape.start + len(tape.text) - self.read
        if 0 < left < len(data) and tape.text.startswith(data[:left], self.read - tape.start):
            self._advance(tape, data[:left], now)
            data = data[left:]
        self._follow(tape, data, now)

    def _advance(self, tape: Tape, data: bytes, now: int) -> None:
        """Takes the whole frames at the start of data that is on the tape."""
        ends, first, stop = tape.ends, self.frame - tape.first, self.read + len(data)
        after = bisect_right(ends, stop, first)
        if after == first:
            self._rest = data
            return
        end = ends[after - 1]
        self._rest = data[end - self.read :] if end != stop else b""
        self.read = end
        if after - first == 1:
            tape.places[first].append((now - tape.dues[first]) >> 10)
        elif self.frame >= tape.even:
            tape.places[first] += [(now - due) >> 10 for due in tape.dues[first:after]]
        else:
            for place, due in zip(tape.places[first:after], tape.dues[first:after], strict=True):
                place.append((now - due) >> 10)
        self.frame += after - first
        self.group.last_event = now

    def _follow(self, tape: Tape, data: bytes, now: int) -> None:
        """Reads what is not, or not only, on the tape: the first to read something puts it there."""
        group, begin = self.group, 0
        try:
            frames, self._rest = split(data)
            for place, (first, text, stop) in enumerate(frames):
                frame, begin = data[begin:stop], stop
                index = self.frame - tape.first
                if index < len(tape.ends):
                    known = tape.ends[index] - self.read == len(frame) and tape.text.startswith(
                        frame, self.read - tape.start
                    )
                    if not known and self._aside(first, text):
                        continue
                else:
                    stream, serial, _, due, _ = item = group.understood(first, text)
                    known = stream is not None and tape.add(frame, stream, serial, due, group.place(due))
                    if stream is None:
                        self._take((item,), now)
                        continue
                if not known:
                    self.leave_tape()
                    self._take([group.understood(first, text) for first, text, _ in frames[place:]], now)
                    break
                tape.places[index].append((now - tape.dues[index]) >> 10)
                self.read += len(frame)
                self.frame += 1
        except FrameError as error:
            self.close()
            self.lost(str(error))
        group.last_event = now
        group.shorten(tape)

    def _aside(self, first: int, text: bytes) -> bool:
        """Handles a message that is no event, like a ping; it does not matter where between events it comes."""
        item = self.group.understood(first, text)
        if item[0] is not None:
            return False
        self._told(item[1])
        return True

    def leave_tape(self) -> None:
        """From now on it is audited by itself."""
        if self.tape is not None:
            self._audit.resume(self.tape.state(self.frame))
            self.tape = None

    def _take(self, items: Iterable[Item], now: int) -> None:
        expected = self._expected
        for stream, serial, following, due, append in items:
            if stream is not None:
                if expected.get(stream) == serial:
                    expected[stream] = following
                else:
                    self._audit.odd(stream, serial)
                append((now - due) >> 10)
            else:
                self._told(serial)

    def received(self, data: bytes) -> None:
        if self.tape is not None:
            self._read_tape(self.tape, data)
            return
        now = time.monotonic_ns()
        if self._rest:
            data = self._rest + data
        if self._key:
            upgraded = self._upgrade(data)
            if upgraded is None:
                return
            data = upgraded
        group = self.group
        try:
            items, self._rest = self._lookup(data) or group.understand(data)
            self._take(items, now)
        except FrameError as error:
            self.close()
            self.lost(str(error))
        group.last_event = now

    def lost(self, reason: str) -> None:
        self.leave_tape()
        if self._state == "ready":
            self.group.ready -= 1
            self.group.dropped[reason] += 1
        elif self._state == "opening":
            self._state = "gone"
            self.group.settled(self, reason)
        self._state = "gone"

    def leave(self) -> None:
        """Hangs up as a browser does whose page is left."""
        if self._state == "ready":
            self.leave_tape()
            self.group.ready -= 1
            self._state = "left"
            self.close()

    def verdicts(self, sent: dict[bytes, Sent]) -> Verdicts:
        """The faults of its streams. One that never got in has missed nothing that was owed to it."""
        if self._state == "opening" or (self._state == "gone" and not self.socket_id):
            return Verdicts()
        self.leave_tape()
        return self._audit.finish(sent, stayed=self._state != "left")

    def owed(self) -> None:
        """From now on it is owed all of each stream that it has not seen anything of."""
        if self._state == "ready":
            self._audit.whole = True

    def say(self, text: str) -> None:
        """Sends a message."""
        self.send(client_frame(TEXT, text.encode()))

    def _upgrade(self, data: bytes) -> bytes | None:
        head, separator, rest = data.partition(b"\r\n\r\n")
        if not separator:
            self._rest = data
            return None
        try:
            self._messages = accepted(head, self._key, rest)
        except Refused as error:
            self.close()
            self.lost(str(error))
            return None
        self._key = self._rest = b""
        self.group.times["connect"].add_ns(time.monotonic_ns() - self.began)
        return rest or None

    def _told(self, thing: dict[str, Any] | tuple[int, bytes]) -> None:
        if isinstance(thing, dict):
            self._message(thing)
            return
        first, payload = thing
        opcode = first & 15
        if opcode == PING:
            self.send(client_frame(PONG, payload))
        elif opcode == CLOSE:
            code = int.from_bytes(payload[:2], "big") if payload else 1005
            self.send(client_frame(CLOSE, payload[:2]))
            if self.fd >= 0:
                self.close()
                self.lost(f"closed with {code} {payload[2:].decode('utf-8', 'replace')}".rstrip())
        elif opcode < CLOSE:
            assert self._messages is not None
            text = self._messages.whole(first, payload)
            if text is None:
                return
            stream, serial, _, due, append = self.group.item(text)
            if stream is None:
                self._message(serial)
            else:
                self._audit.take(stream, serial)
                append((time.monotonic_ns() - due) >> 10)

    # ------------------------------------------------------------------------------------------------- the protocol

    def _message(self, message: dict[str, Any]) -> None:
        event = message.get("event")
        if event == "pusher:connection_established":
            self._welcome(message)
        elif event == "pusher_internal:subscription_succeeded":
            self._waiting.discard(str(message.get("channel")))
            self.heard(event, message)
            if not self._waiting and self._state == "opening":
                self._in()
        elif event == "pusher:ping":
            self.send(_PONG)
        elif event in ("pusher:error", "pusher:subscription_error"):
            self._error(message)
        else:
            self.heard(str(event), message)

    def _welcome(self, message: dict[str, Any]) -> None:
        self.group.times["established"].add_ns(time.monotonic_ns() - self.began)
        self.socket_id = str(_decoded(message.get("data")).get("socket_id"))
        target = self._dialer.target
        wanted = self.subscriptions()
        self._waiting = {channel for channel, _ in wanted}
        for channel, data in wanted:
            asked = {"channel": channel, **self.asks(channel)}
            if channel.startswith(_SIGNED):
                asked["auth"] = f"{target.key}:{channel_signature(target.secret, self.socket_id, channel, data)}"
            if data is not None:
                asked["channel_data"] = data
            self.say(json.dumps({"event": "pusher:subscribe", "data": asked}))
        if not wanted:
            self._in()

    def be_subscribed(self, messages: Messages) -> None:
        """As if it had come in by itself; for whoever has no server to come in to."""
        self._messages = messages
        self._in()

    def _in(self) -> None:
        self._state = "ready"
        if self.on_tape and self._messages is not None and not self._messages.compressed:
            self.tape = self.group.tape(self)
        self.group.settled(self, None)

    def _error(self, message: dict[str, Any]) -> None:
        said = _decoded(message.get("data"))
        text = (
            f"{said.get('code') or said.get('status') or ''} {said.get('message') or said.get('error') or ''}".strip()
        )
        if self._state == "opening":
            self.close()
            self.lost(text or "pusher:error")
        else:
            self.group.errors[text] += 1


def _decoded(data: Any) -> dict[str, Any]:
    """The `data` of a protocol event: some servers send an object, some a text that holds one."""
    if isinstance(data, str):
        try:
            data = json.loads(data)
        except ValueError:
            return {"message": data}
    return data if isinstance(data, dict) else {}
