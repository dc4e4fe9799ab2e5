"""A service manager's end of NOTIFY_SOCKET."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.integration.launch import PATIENCE


class Manager:
    """Hears what a server tells systemd."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.settimeout(PATIENCE)

    def hear(self) -> dict[str, str]:
        """The next notification that is no ping of the watchdog."""
        while True:
            found = self.next()
            if "WATCHDOG" not in found:
                return found

    def next(self) -> dict[str, str]:
        """The next notification."""
        lines = self._socket.recv(4096).decode().split("\n")
        return dict(line.split("=", 1) for line in lines)

    def silent(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        self._socket.settimeout(seconds)
        try:
            self.next()
        except TimeoutError:
            return True
        else:
            return False
        finally:
            self._socket.settimeout(PATIENCE)

    def drain(self) -> None:
        """Forget what has come."""
        while not self.silent(0.01):
            pass

    def close(self) -> None:
        self._socket.close()
