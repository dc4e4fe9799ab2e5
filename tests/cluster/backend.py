"""A backend on one kept connection to one node: signed REST calls, of which several may be under way."""

from __future__ import annotations

import json
import socket
import time
from collections import deque
from typing import Any

from .apps import MAIN, Account
from .link import Link
from .pump import Pump

__all__ = ["Answer", "Backend"]


class Answer:
    """To one call, when it has come."""

    status: int = 0
    headers: dict[str, str]
    body: bytes = b""

    def __init__(self) -> None:
        self.asked = time.monotonic()
        self.at: float | None = None
        self.headers = {}

    @property
    def value(self) -> Any:
        """The body read as JSON."""
        return json.loads(self.body)


class Backend(Link):
    """Answers come in the order of the calls."""

    def __init__(self, pump: Pump, connected: socket.socket, app: Account = MAIN) -> None:
        super().__init__(pump, connected)
        self.app = app
        self._waiting_for: deque[Answer] = deque()
        self._buffer = b""

    # --------------------------------------------------------------------------------------------------------- calls

    def begin(self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None) -> Answer:
        """Sends a call below `/apps/ID`."""
        return self.ask(method, path, b"" if body is None else json.dumps(body).encode(), query or {})

    def ask(self, method: str, path: str, payload: bytes, query: dict[str, str]) -> Answer:
        """Sends a signed call."""
        answer = Answer()
        if not self.open:
            raise ConnectionError("the node has ended this connection")
        self._waiting_for.append(answer)
        head = f"{method} {self.app.target(method, path, query, payload)} HTTP/1.1\r\nHost: localhost\r\n"
        if method == "POST":
            head += f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n"
        self.write(f"{head}\r\n".encode() + payload)
        return answer

    def call(self, method: str, path: str, body: Any = None, **query: str) -> Answer:
        """Sends it and waits."""
        answer = self.begin(method, path, body, query)
        self.pump.until(f"{method} {path}", lambda: answer.at or not self.open)
        assert answer.at, f"{method} {path}: the connection ended instead"
        return answer

    def get(self, path: str, **query: str) -> Any:
        """What a read tells."""
        answer = self.call("GET", path, **query)
        assert answer.status == 200, (answer.status, answer.body)
        return answer.value

    def event(self, name: str, channels: str | list[str], data: str, **more: Any) -> Answer:
        """Begins to publish."""
        where = {"channel": channels} if isinstance(channels, str) else {"channels": channels}
        return self.begin("POST", "/events", {"name": name, **where, "data": data, **more})

    def publish(self, name: str, channels: str | list[str], data: str, **more: Any) -> None:
        """Publishes and waits for the 200."""
        answer = self.event(name, channels, data, **more)
        self.done(answer)

    def done(self, *answers: Answer) -> None:
        """Returns when these have come; all 200."""
        self.pump.until("answers", lambda: all(each.at for each in answers) or not self.open)
        assert all(each.status == 200 for each in answers), [(each.status, each.body) for each in answers]

    @property
    def busy(self) -> int:
        """How many answers are still to come."""
        return len(self._waiting_for)

    # ------------------------------------------------------------------------------------------------------- the wire

    def received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            lines = head.decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
            body = _body(headers, rest)
            if body is None:
                return
            answer = self._waiting_for.popleft()
            answer.headers, (answer.body, self._buffer) = headers, body
            answer.status, answer.at = int(lines[0].split()[1]), time.monotonic()


def _body(headers: dict[str, str], rest: bytes) -> tuple[bytes, bytes] | None:
    """The body and what follows it, when it is whole."""
    if headers.get("transfer-encoding", "").lower() != "chunked":
        size = int(headers.get("content-length", "0"))
        return (rest[:size], rest[size:]) if len(rest) >= size else None
    body = b""
    while True:
        line, found, rest = rest.partition(b"\r\n")
        if not found:
            return None
        size = int(line, 16)
        if len(rest) < size + 2:
            return None
        body, rest = body + rest[:size], rest[size + 2 :]
        if size == 0:
            return body, rest
