"""Why the file of the webhook queue cannot be used, and what to do about it."""

from __future__ import annotations

import errno
import sqlite3

__all__ = ["NoRoomError", "UnreadableError", "UnusableFileError", "cause"]

_FULL = (
    "its disk is full, but for a reserve of a few MiB: make room on it, or name a file on a larger one "
    "(queue.sqlite.path)"
)
_OF_SYSTEM = {
    errno.EISDIR: "it is a directory: name a file",
    errno.EACCES: "permission denied: it, the files beside it and their folder must belong to the server's user",
    errno.EROFS: "its file system is read-only: name a file on another one",
    errno.ENOSPC: _FULL,
    errno.EDQUOT: "the quota of the server's user is used up: raise it, or make room",
}
_OF_SQLITE = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_BUSY: "it is locked by another process (`fuser` and its name tell which): end that, or wait",
    sqlite3.SQLITE_READONLY: "it may not be written: give it and the files beside it to the server's user",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: is it a file, and does the folder belong to the server's user?",
    sqlite3.SQLITE_IOERR: "the disk fails, or a quota is used up: look at the system's log",
}
_MOVE = "move the file away, and those that begin with its name; a server that runs makes a new one at once"
_OURS = 0xFF
"""The part of SQLite's code that says what kind of error it is."""


class UnusableFileError(Exception):
    """The file cannot be used; the text says why, and what to do."""


class NoRoomError(UnusableFileError):
    """The disk is as full as we make it: what needs room must wait, what makes room need not."""

    def __init__(self) -> None:
        super().__init__(_FULL)


class UnreadableError(UnusableFileError):
    """SQLite finds nothing wrong, and yet this is not what was written."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"what the file of the webhook queue holds under {job_id} is no delivery: {_MOVE}")


def cause(error: Exception) -> str:
    """What is wrong, and what to do about it."""
    if isinstance(error, OSError):
        return _OF_SYSTEM.get(error.errno or 0, f"{error.strerror or error} ({error.filename})")
    if not isinstance(error, sqlite3.Error):
        return str(error)
    kind = getattr(error, "sqlite_errorcode", 0) & _OURS
    if kind in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return f"{error}: {_MOVE}"
    return _OF_SQLITE.get(kind, str(error))
