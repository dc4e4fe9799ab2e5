"""The file of the webhook queue as a file: whose it is, and whether it is still there."""

from __future__ import annotations

import fcntl
import os
import sys

from .faults import UnusableFileError

__all__ = ["Place"]

_KINDS_APART = sys.platform == "linux"
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC


class Place:
    """One server's claim. Two processes with one queue would deliver everything twice.

    Two locks: on a file beside it, which stays when ours is deleted, and on our file itself, which is the same under
    every name. SQLite's own locks are of another kind; they end when any descriptor of the file is closed, so `let_go`
    comes after its connection was closed. Only Linux keeps the kinds apart: elsewhere the lock beside has to do.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._beside: int | None = None
        self._file: int | None = None

    def claim(self) -> None:
        """Make the file, if there is none, and keep others from it. Raises `UnusableFileError` and `OSError`."""
        if self._beside is None:
            self._beside = self._locked(f"{os.path.realpath(self._path)}.lock")
            os.truncate(self._beside, 0)
            os.write(self._beside, f"{os.getpid()}\n".encode())
        self.let_go()
        self._file = self._locked(self._path) if _KINDS_APART else os.open(self._path, _FLAGS, 0o600)

    def still_ours(self) -> bool:
        """Whether the path still leads to the file that was claimed."""
        assert self._file is not None
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(self._file))
        except FileNotFoundError:
            return False

    def let_go(self) -> None:
        """The file may be another one the next time."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def close(self) -> None:
        """It is for others now."""
        self.let_go()
        if self._beside is not None:
            os.close(self._beside)
            self._beside = None

    def _locked(self, name: str) -> int:
        descriptor = os.open(name, _FLAGS, 0o600)  # the events in it are for this user only
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = "under another name" if name == self._path else f"process {_owner(descriptor)}"
            os.close(descriptor)
            raise UnusableFileError(
                f"{self._path} belongs to another server that runs ({owner}): give each its own file "
                "(queue.sqlite.path, QUEUE_SQLITE_PATH)"
            ) from None
        return descriptor


def _owner(lock: int) -> str:
    return os.read(lock, 32).decode("ascii", "replace").strip() or "unknown"
