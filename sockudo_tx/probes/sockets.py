"""What stands at the path of a Unix socket, and whether one can be put there."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import NamedTuple

__all__ = ["SocketFault", "socket_fault", "unwritable"]


class SocketFault(NamedTuple):
    """Why no socket can be opened at a path."""

    message: str
    cure: str


def socket_fault(path: str) -> SocketFault | None:
    """Why the server could not listen at `path`; None when it could, over a stale socket too."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return _missing(path)
    except OSError as error:
        return SocketFault(f"cannot be looked at: {error.strerror}", "Choose a path the server's user may reach")
    if not stat.S_ISSOCK(mode):
        return SocketFault("is taken by something that is not a socket", "Remove it, or choose another path")
    if _answers(path):
        return SocketFault("is in use: a program listens there", "Stop that program, or choose another path")
    fault = unwritable(str(Path(path).parent))  # a stale socket is replaced, which takes writing to its directory
    return None if fault is None else SocketFault("holds a stale socket that cannot be replaced: " + fault, _WRITABLE)


_WRITABLE = "Make the directory writable for the server's user, or choose another path"


def _missing(path: str) -> SocketFault | None:
    """The nearest directory that is there must be writable: missing ones below it are made."""
    folder = next(each for each in Path(path).absolute().parents if each.exists())
    if not folder.is_dir():
        return SocketFault(f"cannot be made: {folder} is not a directory", "Choose another path")
    fault = unwritable(str(folder))
    return None if fault is None else SocketFault("cannot be made: " + fault, _WRITABLE)


def unwritable(folder: str) -> str | None:
    """Why nothing can be put into the directory; None when it can."""
    return None if os.access(folder, os.W_OK | os.X_OK) else f"the directory {folder} is not writable"


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return False
        except OSError:  # not ours to ask, or its queue is full: somebody is there
            return True
    return True
