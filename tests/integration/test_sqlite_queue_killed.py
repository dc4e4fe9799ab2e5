"""The webhook queue in a file, in a process that is killed at any moment."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sockudo_tx.backends.sqlite.database import Database

REPOSITORY = Path(__file__).parents[2]


def test_killed(tmp_path: Path) -> None:
    """Ten times `kill -9`: every job whose put was answered was sent, or waits under its id, or is a dead letter."""
    _kill(tmp_path, 10)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_killed_often(tmp_path: Path) -> None:
    """Fifty times `kill -9`, likewise."""
    _kill(tmp_path, 50)


def _kill(folder: Path, times: int) -> None:
    """Over and over on one file, which each life goes on with."""
    path = str(folder / "queue")
    accepted: set[str] = set()
    sent: set[str] = set()
    for run in range(times):
        seed = random.randrange(2**32)
        for line in _life(path, random.Random(seed).uniform(0, 0.4)):
            word, _, job_id = line.partition(" ")
            (accepted if word == "accepted" else sent).add(job_id)
        there = _there(path)
        assert not accepted - sent - there, f"run {run} (seed {seed}): lost after an answer"
    assert sent, "nothing was delivered"


def _life(path: str, seconds: float) -> list[str]:
    """What the process said, killed that long after it had first accepted something."""
    command = [sys.executable, "-m", "tests.integration.queue_victim", path]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        while not first.endswith(b"\n") or b"accepted" not in first:
            line = process.stdout.readline()
            assert line, "it ended by itself"
            first += line
        time.sleep(seconds)  # the moment is what this is about
        process.kill()
        rest = process.stdout.read()
    lines = (first + rest).decode().split("\n")
    return lines[:-1]  # the last one may be half a line


def _there(path: str) -> set[str]:
    database = Database(path)
    try:
        return {each.job.id for each in database.load()} | {letter.job.id for letter in database.dead()}
    finally:
        database.close()
