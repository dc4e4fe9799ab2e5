"""What workers print, written by their parent to the place of its own log, in whole lines."""

from __future__ import annotations

__all__ = ["WorkerOutput"]


class WorkerOutput:
    """What one worker prints."""

    def __init__(self, slot: int) -> None:
        self._slot = slot
        self._rest = b""
        self.last = ""
        """The last line that a person would want to see."""

    def received(self, data: bytes) -> None:
        """Some of what it printed."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)

    def ended(self) -> None:
        """There is no more."""
        rest, self._rest = self._rest, b""
        if rest:
            self._line(rest)

    def _line(self, line: bytes) -> None:
        self.last = line.decode("utf-8", "replace")
        print(self.last, flush=True)  # noqa: T201
