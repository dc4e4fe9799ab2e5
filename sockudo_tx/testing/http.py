"""HTTP answers as a client reads them, and the little HTTP client under `MemoryServer`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import h11

__all__ = ["HttpReader", "Response"]


class Response(NamedTuple):
    """One HTTP answer. Header names are lower case; repeated ones are joined by a comma."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body as a JSON value."""
        return json.loads(self.body)


class HttpReader:
    """One request and the answer to it, as bytes out and bytes in."""

    def __init__(self, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes = b"") -> None:
        self._http = h11.Connection(h11.CLIENT)
        head = self._http.send(h11.Request(method=method, target=target, headers=list(headers)))
        content = self._http.send(h11.Data(data=body)) if body else b""
        end = self._http.send(h11.EndOfMessage())
        self.output = b"".join(part for part in (head, content, end) if part)
        self._status = 0
        self._headers: dict[str, str] = {}
        self._body = b""
        self.response: Response | None = None
        self.upgraded = False
        """The answer was 101; what came after it is `rest`."""

    @property
    def rest(self) -> bytes:
        """Bytes after a 101 head."""
        return bytes(self._http.trailing_data[0])

    def receive(self, data: bytes) -> None:
        """Take bytes of the answer; no bytes mean the connection has ended."""
        self._http.receive_data(data)
        while self.response is None and not self.upgraded:
            event = self._http.next_event()
            if event is h11.NEED_DATA or event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                return
            if isinstance(event, h11.Data):
                self._body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                self.response = Response(self._status, self._headers, self._body)
            elif isinstance(event, h11.InformationalResponse | h11.Response) and event.status_code != 100:
                self._status = event.status_code
                for name, value in event.headers:
                    known = self._headers.get(name.decode())
                    text = value.decode("latin-1")
                    self._headers[name.decode()] = text if known is None else f"{known}, {text}"
                if event.status_code == 101:
                    self.upgraded = True
                    self.response = Response(101, self._headers, b"")
