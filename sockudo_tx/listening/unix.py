"""A Unix socket in place of the TCP port: its file, and who may open it. Source: configuration.md 8.4.

one server at a time   the folder is locked while we look at what is there and replace it
exact mode             the file is made with it, whatever the umask; it never had another one
ours                   known by its inode: what somebody else put in its place is not removed at the end
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from twisted.internet.interfaces import IProtocolFactory, IReactorSocket
from twisted.logger import Logger

from .errors import ListenError
from .listener import BACKLOG, SocketListener

__all__ = ["LONGEST_PATH", "UnixListener"]

LONGEST_PATH = 107
"""Bytes of a path that every program can connect to: 108 with the byte that ends it (unix(7))."""

_LOCK_PATIENCE = 5.0  # seconds for another server to finish its start
_KEYS = "`unix_socket.path` (UNIX_SOCKET_PATH)"


class UnixListener(SocketListener):
    """Accepts connections on a Unix socket that it makes, and removes at the end."""

    _log = Logger()

    def __init__(self, reactor: IReactorSocket, factory: IProtocolFactory, path: str, mode: int) -> None:
        super().__init__(reactor, factory)
        self._path = path
        self._mode = mode
        self._folder: int | None = None
        """The folder, open: our file stays within reach when the process changes its root or the folder its name."""
        self._new_folder = False
        self._file: int | None = None
        """The file, as a descriptor without rights: which one is ours, even when somebody moves it."""

    @property
    def _name(self) -> str:
        return os.path.basename(self._path)

    def _opened(self) -> list[socket.socket]:
        if len(os.fsencode(self._path)) > LONGEST_PATH:
            raise self._refusal(f"it is longer than {LONGEST_PATH} bytes, which no client could connect to. Shorten it")
        if not self._path.startswith("/") or not self._name:
            raise self._refusal("it must be the absolute path of a file")
        folder = self._enter()
        try:
            with self._alone(folder):
                self._clear(folder)
                opened = self._bind(folder)
        except ListenError:
            os.close(folder)
            raise
        self._folder = folder
        return [opened]

    def _refusal(self, text: str) -> ListenError:
        return ListenError(f"cannot listen on {self._path} ({_KEYS}): {text}")

    def _enter(self) -> int:
        """The folder as a descriptor; made when it is missing, with those above it."""
        folder = Path(self._path).parent
        try:
            missing = [place for place in (folder, *folder.parents) if not place.exists()]
            for place in reversed(missing):
                place.mkdir(exist_ok=True)
                place.chmod(0o755)  # whatever the umask
                self._new_folder = True
            try:
                return os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            except PermissionError:  # we need to write there, not to list it
                return os.open(folder, os.O_PATH | os.O_DIRECTORY)
        except OSError as error:
            raise self._no_folder(error) from error

    def _no_folder(self, error: OSError) -> ListenError:
        cure = "Make the folder and give it to the user of the server, or choose another path"
        return self._refusal(f"its folder cannot be used ({error.strerror}). {cure}")

    def _clear(self, folder: int) -> None:
        """Remove a socket that nobody answers on. Anything else stays, and we do not start."""
        try:
            found = os.stat(self._name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._no_folder(error) from error
        if not stat.S_ISSOCK(found.st_mode):
            raise self._refusal("something that is not a socket is there. Move it away, or choose another path")
        with socket.socket(socket.AF_UNIX) as probe:
            probe.setblocking(False)
            answer = probe.connect_ex(self._path)
        if answer == errno.ECONNREFUSED:
            self._discard(folder)
        elif answer in {0, errno.EAGAIN, errno.EPROTOTYPE}:
            raise self._refusal("another program listens there. Stop it, or choose another path")
        elif answer != errno.ENOENT:
            reason = os.strerror(answer)
            raise self._refusal(f"a socket is there that we may not try ({reason}). Remove it, or choose another path")

    def _discard(self, folder: int) -> None:
        try:
            os.unlink(self._name, dir_fd=folder)
        except FileNotFoundError:
            pass
        except OSError as error:
            cure = "Remove it, or choose another path"
            raise self._refusal(
                f"a socket that nobody answers on cannot be removed ({error.strerror}). {cure}"
            ) from error

    def _bind(self, folder: int) -> socket.socket:
        opened = socket.socket(socket.AF_UNIX)
        opened.setblocking(False)
        try:
            umask = os.umask(0o777 & ~self._mode)  # the kernel makes sockets with 777 less this
            try:
                opened.bind(self._path)
            finally:
                os.umask(umask)
            self._file = os.open(self._name, os.O_PATH | os.O_NOFOLLOW, dir_fd=folder)
            if stat.S_IMODE(os.fstat(self._file).st_mode) != self._mode:  # the folder has an access list for new files
                os.chmod(_by_descriptor(self._file), self._mode)
            opened.listen(BACKLOG)
        except OSError as error:
            self._remove(folder)
            opened.close()
            cure = "The user of the server must be able to write in the folder"
            raise self._refusal(f"the socket cannot be made there ({error.strerror or error}). {cure}") from error
        return opened

    def give_to(self, uid: int | None, gid: int | None) -> None:
        if self._folder is None or self._file is None:
            return
        owner = -1 if uid is None else uid, -1 if gid is None else gid
        try:
            if self._new_folder:
                os.chown(self._folder, *owner)
            os.chown(_by_descriptor(self._file), *owner)
        except OSError as error:
            raise self._refusal(f"it cannot be given to user {uid} and group {gid} ({error.strerror})") from error

    def _closed(self) -> None:
        folder, self._folder = self._folder, None
        if folder is not None:
            self._remove(folder)
            os.close(folder)

    def _remove(self, folder: int) -> None:
        """Unlink the file while it is the one we made."""
        file, self._file = self._file, None
        if file is None:
            return
        try:
            found = os.stat(self._name, dir_fd=folder, follow_symlinks=False)
            if os.path.samestat(found, os.fstat(file)):
                os.unlink(self._name, dir_fd=folder)
        except FileNotFoundError:
            pass
        except OSError as error:
            self._log.warn("could not remove {path}: {reason}", path=self._path, reason=error.strerror)
        finally:
            os.close(file)

    @contextlib.contextmanager
    def _alone(self, folder: int) -> Iterator[None]:
        """No other server is between its look at the file and its first `listen`; on file systems that know locks."""
        deadline = time.monotonic() + _LOCK_PATIENCE
        while True:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise self._refusal(
                        "another program holds the lock of its folder. Choose a folder of its own"
                    ) from error
                time.sleep(0.02)
            except OSError:  # no locks here, or we may not even list the folder
                break
            else:
                break
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                fcntl.flock(folder, fcntl.LOCK_UN)


def _by_descriptor(file: int) -> str:
    """A path that is this very file, and no link somebody put in its place."""
    return f"/proc/self/fd/{file}"
