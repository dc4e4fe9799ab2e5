"""A WebSocket client that keeps everything it gets, in its order and with its time."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
import time
from typing import Any

from .apps import MAIN, Account, member
from .link import Link
from .pump import Pump

__all__ = ["Client", "Text"]

_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_ADDED, _REMOVED = "pusher_internal:member_added", "pusher_internal:member_removed"
_SUCCEEDED = "pusher_internal:subscription_succeeded"


class Text:
    """A text as it came."""

    __slots__ = ("_message", "at", "raw")

    def __init__(self, at: float, raw: bytes) -> None:
        self.at = at
        self.raw = raw
        self._message: dict[str, Any] | None = None

    @property
    def message(self) -> dict[str, Any]:
        """What it says."""
        if self._message is None:
            self._message = json.loads(self.raw)
        return self._message

    @property
    def event(self) -> str:
        """Its name."""
        name: str = self.message["event"]
        return name

    @property
    def channel(self) -> str | None:
        """Of which channel it is."""
        return self.message.get("channel")

    @property
    def data(self) -> Any:
        """Its data, read as JSON when it is that in a string, as the protocol's own always are."""
        data = self.message.get("data")
        return json.loads(data) if isinstance(data, str) and self.event.startswith("pusher") else data


class Client(Link):
    """One connection. It answers pings, unless it is mute."""

    def __init__(self, pump: Pump, connected: socket.socket, app: Account = MAIN) -> None:
        super().__init__(pump, connected)
        self.app = app
        self.texts: list[Text] = []
        self.socket_id = ""
        self.closed: int | None = None
        """The code with which the server closed it."""
        self.gone: float | None = None
        """When the connection ended, if it was not by us."""
        self.refused = b""
        """The head of an answer that was no upgrade."""
        self.mute = False
        self.pongs = 0
        self._known: dict[str, tuple[int, dict[str, Any]]] = {}
        self._buffer = b""
        self._upgraded = False
        nonce = base64.b64encode(os.urandom(16)).decode()
        self.write(
            (
                f"GET /app/{app.key}?protocol=7&client=test&version=1 HTTP/1.1\r\nHost: localhost\r\n"
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                f"Sec-WebSocket-Key: {nonce}\r\n\r\n"
            ).encode()
        )

    # ------------------------------------------------------------------------------------------------- what it does

    def send(self, event: str, data: Any, **more: str) -> None:
        """An event."""
        self.frame(_TEXT, json.dumps({"event": event, "data": data, **more}).encode())

    def frame(self, opcode: int, payload: bytes) -> None:
        """A frame, masked with zeros."""
        size = len(payload)
        length = bytes((0x80 | size,)) if size < 126 else struct.pack(">BH", 0xFE, size)
        self.write(bytes((0x80 | opcode,)) + length + bytes(4) + payload)

    def subscribe(self, channel: str, user: str = "", info: Any = None) -> None:
        """Asks for a channel, signed where it has to be."""
        data = {"channel": channel}
        if user:
            data["channel_data"] = member(user, info)
        if channel.startswith(("private-", "presence-")):
            data["auth"] = self.app.sign(":".join((self.socket_id, channel, *([data["channel_data"]] if user else []))))
        self.send("pusher:subscribe", data)

    def unsubscribe(self, channel: str) -> None:
        """Leaves it."""
        self.send("pusher:unsubscribe", {"channel": channel})

    def sign_in(self, user: str, watchlist: tuple[str, ...] = ()) -> None:
        """As this user."""
        data = json.dumps({"id": user, **({"watchlist": list(watchlist)} if watchlist else {})})
        auth = self.app.sign(f"{self.socket_id}::user::{data}")
        self.send("pusher:signin", {"auth": auth, "user_data": data})

    def close(self) -> None:
        """Says goodbye and hangs up."""
        self.frame(_CLOSE, struct.pack(">H", 1000))
        self.hang_up()

    # ------------------------------------------------------------------------------------------------ what it waits for

    def established(self) -> Client:
        """Itself, when it may begin."""
        self.pump.until("connection_established", lambda: self.socket_id or self.gone)
        assert self.socket_id, f"no connection_established: {self.refused!r}, {self.closed}"
        return self

    def join(self, channel: str, user: str = "", info: Any = None) -> Any:
        """Subscribes; the data of the success."""
        before = len(self.of(_SUCCEEDED, channel))
        self.subscribe(channel, user, info)
        self.pump.until(f"{channel} joined", lambda: len(self.of(_SUCCEEDED, channel)) > before or self.gone)
        assert self.gone is None, f"the connection ended with {self.closed} while {channel} was joined"
        return self.of(_SUCCEEDED, channel)[-1].data

    def leave(self, channel: str) -> None:
        """Unsubscribes, and returns when that is done here."""
        self.unsubscribe(channel)
        self.processed()

    def processed(self) -> None:
        """Returns when the node has done what it was asked so far."""
        before = self.pongs
        self.send("pusher:ping", {})
        self.pump.until("pong", lambda: self.pongs > before)

    # ---------------------------------------------------------------------------------------------------- what it got

    def of(self, event: str, channel: str | None = None) -> list[Text]:
        """The texts of that event, of one channel or of all."""
        return [each for each in self.texts if each.event == event and channel in (None, each.channel)]

    def joined(self, channel: str) -> bool:
        """Whether a success of the channel has come. Nothing else is read: a crowd gets a million texts."""
        mark = _SUCCEEDED.encode()
        return any(mark in each.raw and each.event == _SUCCEEDED and each.channel == channel for each in self.texts)

    def changes(self, channel: str) -> list[tuple[str, str]]:
        """Comings "+" and goings "-" of members it was told of, each with the user."""
        signs = {_ADDED: "+", _REMOVED: "-"}
        return [
            (signs[each.event], each.data["user_id"])
            for each in self.texts
            if each.channel == channel and each.event in signs
        ]

    def told(self, channel: str, user: str) -> str:
        """The comings and goings of one user, such as "+-+"."""
        return "".join(sign for sign, who in self.changes(channel) if who == user)

    def members(self, channel: str) -> dict[str, Any]:
        """Who is there as far as it knows: its last list, with every event after it applied. A redundant one fails."""
        seen, known = self._known.get(channel, (0, {}))
        for each in self.texts[seen:]:
            if each.channel != channel:
                continue
            if each.event == _SUCCEEDED:
                known = dict(each.data["presence"]["hash"])
            elif each.event == _ADDED:
                user = each.data["user_id"]
                assert user not in known, f"{channel}: told that {user} came, who was there"
                known[user] = each.data.get("user_info")
            elif each.event == _REMOVED:
                user = each.data["user_id"]
                assert user in known, f"{channel}: told that {user} went, who was not there"
                del known[user]
        self._known[channel] = (len(self.texts), known)
        return dict(known)

    # -------------------------------------------------------------------------------------------------------- the wire

    def received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.refused, self.gone = head, self.gone or time.monotonic()
                return
            self._upgraded, self._buffer = True, rest
        now, start, buffer = time.monotonic(), 0, self._buffer
        while (end := self._frame(buffer, start, now)) > start:
            start = end
        self._buffer = self._buffer[start:]

    def _frame(self, buffer: bytes, start: int, now: float) -> int:
        """Where the next frame begins; `start` when this one is not whole."""
        if len(buffer) < start + 2:
            return start
        size, begin = buffer[start + 1], start + 2
        if size > 125:
            begin += 2 if size == 126 else 8
            if len(buffer) < begin:
                return start
            size = int.from_bytes(buffer[start + 2 : begin], "big")
        if len(buffer) < begin + size:
            return start
        self._message(buffer[start] & 15, buffer[begin : begin + size], now)
        return begin + size

    def _message(self, opcode: int, payload: bytes, now: float) -> None:
        if opcode == _TEXT:
            self._text(Text(now, payload))
        elif opcode == _CLOSE:
            self.closed, self.gone = int.from_bytes(payload[:2], "big"), now
            self.frame(_CLOSE, payload[:2])
        elif opcode == _PING and not self.mute:
            self.frame(_PONG, payload)

    def _text(self, text: Text) -> None:
        if text.raw.startswith(b'{"event":"pusher:p'):
            if text.event == "pusher:pong":
                self.pongs += 1
                return
            if text.event == "pusher:ping":
                if not self.mute:
                    self.send("pusher:pong", {})
                return
        self.texts.append(text)
        if not self.socket_id and text.event == "pusher:connection_established":
            self.socket_id = text.data["socket_id"]

    def ended(self) -> None:
        self.gone = self.gone or time.monotonic()
