"""Crowds whose process is killed: what a server has to do then comes in slices, all of it, and is told once.

Slices are counted: how long they take is for `make bench` to say (benchmarks/figures/cut.py).
"""

from __future__ import annotations

import json
import math
import resource
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from benchmarks.harness.cut import ROOM, Cut, cut
from sockudo_tx.engine.leaving import AT_ONCE, SLICE
from tests.http.case import DEMO, signed

SMALL = "CLEANUP_QUEUE_BUFFER_SIZE=10"
CHANNELS = 3


def channels(port: int, **query: str) -> dict[str, Any]:
    """What `GET /channels` tells."""
    target = signed("GET", f"/apps/{DEMO.id}/channels", tuple(query.items()), at=int(time.time()))
    with urlopen(f"http://127.0.0.1:{port}{target}") as answer:
        found: dict[str, Any] = json.load(answer)["channels"]
    return found


def check(many: int, *variables: str) -> Cut:
    """Cut so many clients; everything about it that is no time."""
    rooms = math.ceil(many / ROOM)
    with ExitStack() as stack:
        found = cut(stack, lambda text: None, many, *variables)
        left = channels(found.port, filter_by_prefix="presence-", info="user_count")
        assert channels(found.port).keys() == left.keys()
    assert left == {f"presence-{number}": {"user_count": 1} for number in range(rooms)}
    assert found.faults == {}
    assert found.webhooks["channel_vacated"] == many + 1
    assert found.webhooks["member_removed"] == found.removed == many
    assert found.slices["Connections.gone"].runs == many
    assert found.slices["Leaving.work"].runs >= (many - AT_ONCE) * (1 + CHANNELS) // SLICE
    assert found.slices["FactTeller.look"].runs >= (many + many + 1) // SLICE
    return found


def test_S89_crowd_killed() -> None:
    """The process of 1,500 sockets in three channels each is killed: cleaned up in slices, all state is correct, each
    channel is vacated once and each member removed once, nothing is dropped with `queue_buffer_size` 10."""
    check(1_500, SMALL)


@pytest.mark.long
@pytest.mark.parametrize("queue", ["memory", "sqlite"])
def test_S89_crowd_of_15000_killed(queue: str, tmp_path: Path) -> None:
    """The same with 15,000, whatever keeps the webhooks; all state is correct within 10 s."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files != resource.RLIM_INFINITY and files < 17_000:
        pytest.skip(f"a process may open {files} files here, and 17,000 are needed")
    found = check(15_000, SMALL, f"QUEUE_DRIVER={queue}", f"QUEUE_SQLITE_PATH={tmp_path / 'queue.sqlite3'}")
    assert found.empty < 10
    assert found.told < 10
