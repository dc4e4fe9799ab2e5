"""The processes that hold the clients and those that publish, seen from the parent."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from .target import Target

__all__ = ["Crew", "CrewError"]

# A report over tens of thousands of clients takes seconds; a worker that says nothing this long is stuck.
_PATIENCE = 120.0


class CrewError(Exception):
    """A client process died or could not do what it was asked; a fault of the generator, not of the server."""


class _Member:
    """One process and the pipe to it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        folder = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join([folder, *filter(None, [os.environ.get("PYTHONPATH")])])
        with theirs:
            # A session of its own: Ctrl-C reaches only the parent, which then asks for the report.
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-m", "sockudo_tx.bench.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,
            )
        self._pipe = Connection(ours.detach())

    def send(self, method: str, arguments: tuple[object, ...]) -> None:
        try:
            self._pipe.send((method, arguments))
        except OSError:
            raise self._ended() from None

    def receive(self) -> Any:
        try:
            if not self._pipe.poll(_PATIENCE):
                raise CrewError(f"a process of the generator said nothing for {_PATIENCE:.0f} s")
            fine, result = self._pipe.recv()
        except (EOFError, OSError):
            raise self._ended() from None
        if not fine:
            raise CrewError(f"a process of the generator failed: {result}")
        return result

    def _ended(self) -> CrewError:
        status = self._process.wait()
        if status >= 0:
            return CrewError(f"a process of the generator ended with status {status}")
        name = signal.Signals(-status).name
        cure = "; if it was for lack of memory, fewer --connections help" if name == "SIGKILL" else ""
        return CrewError(f"a process of the generator was ended by {name}{cure}")

    def end(self) -> None:
        self._pipe.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Crew:
    """Client processes and publishing processes. They answer what they are asked and do the rest by themselves."""

    def __init__(self, target: Target, clients: int, publishers: int, sources: tuple[str, ...]) -> None:
        self._target = target
        self._sources = sources
        self.clients: list[_Member] = []
        self.publishers: list[_Member] = []
        try:
            self.clients += [_Member() for _ in range(clients)]
            self.publishers += [_Member() for _ in range(publishers)]
            self.renew()
        except BaseException:
            self.end()
            raise

    def renew(self) -> None:
        """Forgets all clients and sources; events of before are not recognised any more."""
        run = secrets.token_hex(3)
        for members in (self.clients, self.publishers):
            self.ask("close", members=members)
            each = [(self._target, run, self._sources, index, len(members)) for index in range(len(members))]
            self._exchange(members, "begin", each)

    def ask(self, method: str, *arguments: object, members: Sequence[_Member] | None = None) -> list[Any]:
        """The answers of these processes, of all by default. Raises CrewError."""
        asked = [*self.clients, *self.publishers] if members is None else members
        return self._exchange(asked, method, [arguments] * len(asked))

    def divide(self, method: str, members: Sequence[_Member], plan: object) -> None:
        """Asks each for its share: the method gets the plan, its number and how many there are."""
        self._exchange(members, method, [(plan, index, len(members)) for index in range(len(members))])

    def end(self) -> None:
        """Ends the processes."""
        for member in (*self.clients, *self.publishers):
            member.end()
        self.clients, self.publishers = [], []

    @staticmethod
    def _exchange(members: Sequence[_Member], method: str, each: Sequence[tuple[object, ...]]) -> list[Any]:
        for member, arguments in zip(members, each, strict=True):
            member.send(method, arguments)
        return [member.receive() for member in members]
