"""What workers print, written by their parent to the place of its own log, in whole lines.

    a worker   its log lines, each with a mark in front, and whatever else it prints: a traceback of the interpreter
    its pipes  bytes, cut anywhere
    the hub    log lines as they are; anything else becomes a line of the hub's log that names the worker

Nothing is kept but unfinished lines. Where the hub's log goes to an observer that is not ours (syslog, `--logger`),
workers write JSON, and their events are told to it again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from datetime import datetime
from typing import IO, Any, NamedTuple, cast

from twisted.logger import Logger, LogLevel, globalLogPublisher

from ..logs import Log, LogSettings

__all__ = ["Manner", "Marked", "Output", "WorkerOutput", "unblocked", "worker_log"]

_MARK = "\x1e"
"""Begins a line of the log. Control characters inside of one are always escaped."""
_MARKED = _MARK.encode()
_LONGEST = 1 << 20
"""Bytes of a line; a longer one is written in pieces."""
_ROOM = 1 << 20
"""Bytes that a pipe holds; what Linux allows everybody."""
_PIPE_SIZE = getattr(fcntl, "F_SETPIPE_SZ", 1031)
_HEAD = re.compile(r"\S+ +(?:\x1b\[[0-9;]*m)? *[A-Z]+(?:\x1b\[0m)? (?:\S+: )?")
_TAIL = re.compile(r" worker=\d+$")


class Manner(NamedTuple):
    """How a worker writes its log, so that its parent can use it."""

    events: bool = False
    """As JSON, whatever the settings say: somebody else will write it."""
    terminal: bool = False
    """For a terminal, which has colours."""


def unblocked(descriptor: int) -> IO[bytes]:
    """The pipe to our parent, so that nobody waits for a parent who does not read: it holds a megabyte."""
    os.set_blocking(descriptor, False)
    with contextlib.suppress(OSError):  # above what this user may have: then the 64 KiB that everybody has
        fcntl.fcntl(descriptor, _PIPE_SIZE, _ROOM)
    return open(descriptor, "wb", buffering=0, closefd=False)


class Marked:
    """The worker's end: a file for a log observer that marks the log's lines.

    A pipe that is full loses lines, and says later how many.
    """

    def __init__(self, out: IO[bytes], terminal: bool = False) -> None:
        self._out = out
        self._terminal = terminal
        self._rest = b""
        """Of the lines that were cut because the pipe was full."""
        self._lost = 0

    def write(self, text: str) -> None:
        """Whole lines."""
        lines = [f"{_MARK}{line}\n" for line in text.split("\n") if line]
        lost = f"{self._lost} lines of the log are lost: the hub did not read them in time\n" if self._lost else ""
        whole = not self._rest or self._send(self._rest)
        if whole and (self._send((lost + "".join(lines)).encode("utf-8", "backslashreplace")) or self._rest):
            self._lost = 0
        else:
            self._lost += len(lines)

    def _send(self, data: bytes) -> bool:
        """Whether all of it went; what is left of lines that went in part is kept."""
        taken = self._out.write(data) or 0  # None: a full pipe
        self._rest = data[taken:] if taken or data is self._rest else b""
        return taken == len(data)

    def flush(self) -> None:
        self._out.flush()

    def isatty(self) -> bool:
        """Whether the lines will be read at a terminal."""
        return self._terminal


def worker_log(out: IO[bytes], settings: LogSettings, manner: Manner, slot: int) -> Log:
    """The observer for the log of a worker that writes to this pipe of its parent."""
    marked = cast("IO[str]", Marked(out, manner.terminal))  # it has what an observer needs
    return Log(marked, settings._replace(json=settings.json or manner.events, worker=slot + 1))


class Output:
    """The hub's end; called with the number of a slot, it makes the place for what a worker there prints."""

    def __init__(self) -> None:
        self._out: IO[str] | None = None

    def __call__(self, slot: int) -> WorkerOutput:
        return WorkerOutput(slot, self)

    def write_to(self, out: IO[str]) -> None:
        """Lines go there. Without a call they are told to the observers of the log, one event each."""
        self._out = out

    @property
    def manner(self) -> Manner:
        """How workers are to write."""
        if self._out is None:
            return Manner(events=True)
        isatty = getattr(self._out, "isatty", None)
        return Manner(terminal=isatty is not None and isatty())

    def log_lines(self, lines: list[str]) -> None:
        """Lines that a worker has written to its log."""
        if self._out is None:
            for line in lines:
                _tell_again(line)
            return
        text = "".join(f"{line}\n" for line in lines)
        try:
            try:
                self._out.write(text)
            except UnicodeEncodeError:
                encoding = getattr(self._out, "encoding", None) or "ascii"
                self._out.write(text.encode(encoding, "backslashreplace").decode(encoding))
            self._out.flush()
        except (OSError, ValueError):  # a full disk, a closed pipe: the log is lost, the server is not
            return


class WorkerOutput:
    """What one worker prints."""

    _log = Logger()

    def __init__(self, slot: int, output: Output) -> None:
        self._worker = slot + 1
        self._output = output
        self._rest = b""
        self._goes_on = False
        """The unfinished line is the rest of a long one of the log."""
        self._waiting: list[str] = []
        """Lines of the log that are written together."""
        self._critical = False
        self.last = ""
        """The last line that a person would want to see."""

    def received(self, data: bytes) -> None:
        """Some of what it printed."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line)
            self._goes_on = False
        if len(self._rest) > _LONGEST:
            long, self._rest = self._rest, b""
            self._goes_on = self._line(long)
        self._write()

    def ended(self) -> None:
        """There is no more."""
        rest, self._rest = self._rest, b""
        if rest:
            self._line(rest)
        self._write()

    def _line(self, line: bytes) -> bool:
        """Whether it is one of the log."""
        ours = self._goes_on or line.startswith(_MARKED)
        text = line.removeprefix(_MARKED).decode("utf-8", "replace")
        if ours:
            self._waiting.append(text)
            if " CRITICAL " in text or '"CRITICAL"' in text:
                self._critical = True
                self.last = _message(text)
        elif text.strip():
            self._write()
            self._log.warn("worker {worker} printed: {line}", worker=self._worker, line=text.rstrip())
            if not self._critical:
                self.last = text.strip()
        return ours

    def _write(self) -> None:
        lines, self._waiting = self._waiting, []
        if lines:
            self._output.log_lines(lines)


def _message(line: str) -> str:
    """What a line of the log says, without when, where and who."""
    event = _event(line)
    if event is not None:
        return str(event["fields"].get("message"))
    return _TAIL.sub("", _HEAD.sub("", line, count=1))


def _event(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("fields"), dict) else None


def _tell_again(line: str) -> None:
    """An event of a worker, to whoever observes ours."""
    event = _event(line)
    if event is None:
        return
    fields = {f"{name}_" if name.startswith("log_") else name: value for name, value in event["fields"].items()}
    message = fields.pop("message", "")
    if traceback := fields.pop("traceback", None):
        message = f"{message}\n{traceback}"
    try:
        level = LogLevel.lookupByName(str(event.get("level")).lower())
        when = datetime.fromisoformat(str(event.get("timestamp"))).timestamp()
    except (ValueError, LookupError):
        return
    globalLogPublisher(
        {
            **fields,
            "log_level": level,
            "log_namespace": event.get("target", "-"),
            "log_format": "{log_message}",
            "log_message": message,
            "log_time": when,
        }
    )
