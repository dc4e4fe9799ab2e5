"""CPU per delivered frame and memory per connection: ours, bare Autobahn, and what the kernel asks for."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any, NamedTuple

from audience import Audience

_FRAME = 251
_HERE = Path(__file__).resolve().parent


class Subject(NamedTuple):
    """One way to broadcast."""

    name: str
    command: list[str]
    speaks: str


def subjects() -> list[Subject]:
    """Those that can run here."""
    python = [
        Subject("ours", [sys.executable, str(_HERE / "subjects" / "ours.py")], "pusher"),
        Subject("autobahn", [sys.executable, str(_HERE / "subjects" / "autobahn_bare.py")], "websocket"),
    ]
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return python
    program = Path(tempfile.mkdtemp(prefix="sockudo-floor-")) / "floor"
    subprocess.run([compiler, "-O2", "-o", str(program), str(_HERE / "subjects" / "floor.c")], check=True)
    return [Subject("floor", [str(program)], "nothing"), *python]


class _Running:
    def __init__(self, subject: Subject) -> None:
        self._process = subprocess.Popen(
            subject.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_HERE.parent
        )

    def line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        text = self._process.stdout.readline()
        if not text:
            raise RuntimeError("the subject ended")
        found: dict[str, Any] = json.loads(text)
        return found

    def say(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()

    def __enter__(self) -> _Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()


def measure(subject: Subject, connections: int, broadcasts: int) -> dict[str, float]:
    """One round: microseconds of CPU per delivery and KiB per connection. Raises when deliveries are missing."""
    with _Running(subject) as running:
        start = running.line()
        audience = Audience(start["port"], connections, subject.speaks)
        running.say("connected")
        memory = running.line()["rss"] - start["rss"]
        running.say("broadcast 10")  # warm
        running.line()
        audience.swallow(10 * connections * _FRAME)
        running.say(f"broadcast {broadcasts}")
        expected = broadcasts * connections * _FRAME
        seen = audience.swallow(expected)
        cpu = running.line()["cpu"]
        audience.close()
        if seen != expected:
            raise RuntimeError(f"{subject.name}: {seen} of {expected} bytes arrived")
        return {"cpu_us": cpu * 1e6 / (broadcasts * connections), "memory_kib": memory / 1024 / connections}


def run(connections: int, broadcasts: int, rounds: int) -> dict[str, Any]:
    """All subjects in turn, so that a slow moment of the machine meets them all."""
    found: dict[str, list[dict[str, float]]] = {}
    chosen = subjects()
    for _ in range(rounds):
        for subject in chosen:
            found.setdefault(subject.name, []).append(measure(subject, connections, broadcasts))
    cpu = {name: median(row["cpu_us"] for row in rows) for name, rows in found.items()}
    memory = {name: median(row["memory_kib"] for row in rows) for name, rows in found.items() if name != "floor"}
    ratios = {
        "autobahn / ours, CPU per delivery": cpu["autobahn"] / cpu["ours"],
        "ours / autobahn, memory per connection": memory["ours"] / memory["autobahn"],
    }
    if "floor" in cpu:
        ratios["ours / C floor, CPU per delivery"] = cpu["ours"] / cpu["floor"]
    return {
        "connections": connections,
        "broadcasts": broadcasts,
        "rounds": found,
        "cpu_us_per_delivery": cpu,
        "memory_kib_per_connection": memory,
        "ratios": ratios,
    }
