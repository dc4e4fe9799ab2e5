"""A subject or an audience: a process that speaks JSON lines, and what it costs."""

from __future__ import annotations

import json
import os
import resource
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ["ROOT", "Child", "ChildError", "python"]

ROOT = Path(__file__).resolve().parents[2]
_PAGE = resource.getpagesize()


class ChildError(RuntimeError):
    """A process that is part of a measurement ended, or did not answer in time."""


def python(module: str, *arguments: object) -> list[str]:
    """The command line of a program in benchmarks/subjects."""
    return [sys.executable, "-m", f"benchmarks.subjects.{module}", *map(str, arguments)]


class Child:
    """Reads a command a line and answers each with one line; ended with the `with` statement."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, bufsize=0)
        self._heard = b""
        self.about: dict[str, Any] = {}
        """What it said first."""

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.about["port"])

    @property
    def pid(self) -> int:
        """The process itself."""
        return self._process.pid

    def answer(self, patience: float = 60.0) -> dict[str, Any]:
        """Its next line. Raises `ChildError`."""
        assert self._process.stdout is not None
        end = time.monotonic() + patience
        while b"\n" not in self._heard:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise ChildError(f"{self.name} has not answered for {patience:.0f} s")
            text = os.read(self._process.stdout.fileno(), 65536)
            if not text:
                raise ChildError(f"{self.name} ended with status {self._process.wait(5)}")
            self._heard += text
        line, _, self._heard = self._heard.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        if "error" in found:
            raise ChildError(f"{self.name}: {found['error']}")
        return found

    def say(self, *words: object) -> None:
        """Sends a command."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)).encode() + b"\n")

    def ask(self, *words: object, patience: float = 60.0) -> dict[str, Any]:
        """Sends a command and waits for the answer."""
        self.say(*words)
        return self.answer(patience)

    def cpu(self) -> int:
        """Nanoseconds on a processor so far, all threads, user and system; exact while the process sleeps."""
        total = 0
        for task in os.listdir(f"/proc/{self._process.pid}/task"):
            with open(f"/proc/{self._process.pid}/task/{task}/schedstat", "rb") as file:
                total += int(file.read().split()[0])
        return total

    def settled(self, patience: float = 2.0) -> int:
        """`cpu` once the process has come to rest."""
        end = time.monotonic() + patience
        last = self.cpu()
        while time.monotonic() < end:
            time.sleep(0.001)
            now = self.cpu()
            if now == last:
                break
            last = now
        return last

    def resident(self) -> int:
        """Bytes of resident memory."""
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * _PAGE

    def forget_peak(self) -> None:
        """From now on `peak` is counted anew."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def peak(self) -> int:
        """The most bytes of resident memory it has had."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024

    def kill(self) -> None:
        """Ends it as a crash would."""
        self._process.kill()

    def __enter__(self) -> Child:
        try:
            self.about = self.answer()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()
