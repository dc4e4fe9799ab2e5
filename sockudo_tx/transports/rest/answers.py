"""Answers on the wire: each reply gets the headers that every answer carries."""

from __future__ import annotations

from email.utils import formatdate

from twisted.internet.interfaces import IReactorTime

from .cors import Cors
from .reply import Reply, response
from .settings import CorsSettings

__all__ = ["Answers"]


class Answers:
    """Finishes replies: the date by this clock, CORS, and whether the connection goes on."""

    def __init__(self, clock: IReactorTime, cors: CorsSettings) -> None:
        self._clock = clock
        self._cors = Cors(cors)
        self._same = self._cors.everyone
        self._second = -1
        self._date = b""
        self.preflight = Reply(200, b"", b"", self._cors.preflight())
        """What any `OPTIONS` is answered."""

    def finished(
        self, reply: Reply, origin: bytes | None, *, close: bool, head_only: bool = False, request_id: bytes = b""
    ) -> bytes:
        """The bytes of the answer to a request with this `Origin`; `request_id` is empty where none was read."""
        second = int(self._clock.seconds())
        if second != self._second:
            self._second = second
            self._date = f"Date: {formatdate(second, usegmt=True)}\r\n".encode() + self._same
        lines = self._date if self._same else self._date + self._cors.lines(origin)
        if request_id:
            lines += b"X-Request-Id: %b\r\n" % request_id
        return response(reply, lines, head_only=head_only, close=close)
