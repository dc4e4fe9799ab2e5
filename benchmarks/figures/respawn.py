"""A worker is killed under load: what publishers on the others notice, and how soon its place is taken again."""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

from ..harness.client import Talker, events, post, read_answer, upgrade
from ..harness.figure import Figure, Plan, Reading, at_most
from ..harness.stats import quantile
from ..harness.whole import WholeServer, owner

__all__ = ["FIGURE"]

_WORKERS = 3
_MEMBERS = 60
_RATE = 200
"""Events a second, published on a worker that stays."""
_AFTER = 3.0
"""Seconds from the kill that are looked at."""
_KNOCK = 0.02
"""Seconds between two connections that look whether the new worker is there."""
_ROOM = "presence-bench"


class _Found(NamedTuple):
    """One kill."""

    publish: list[float]
    """Milliseconds of each publish from then on."""
    back: float
    """Seconds until the new worker answered a client."""
    slowest: float
    """Milliseconds the slowest connection made meanwhile waited for its answer."""
    wrong: int
    """Members whose leaving an observer was told of never, or more than once."""


class _Knocks:
    """Connections opened all the time, and when each was answered; by whom is looked up in the end."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._selector = selectors.DefaultSelector()
        self._opened: dict[socket.socket, float] = {}
        self._answered: dict[socket.socket, float] = {}
        self._due = 0.0
        self.slowest = 0.0

    def work(self) -> None:
        now = time.perf_counter()
        if now >= self._due:
            self._due = now + _KNOCK
            peer = socket.create_connection(("127.0.0.1", self._port))
            peer.sendall(upgrade(self._port))
            self._opened[peer] = now
            self._selector.register(peer, selectors.EVENT_READ)
        for key, _ in self._selector.select(0):
            peer = key.fileobj
            assert isinstance(peer, socket.socket)
            self._selector.unregister(peer)
            self._answered[peer] = now
            self.slowest = max(self.slowest, (now - self._opened[peer]) * 1000)

    def first(self, others: list[int], pids: list[int]) -> float:
        """When one of these processes first answered that is none of the others; infinite if none did."""
        new = [pid for pid in pids if pid not in others]
        return min((at for peer, at in self._answered.items() if owner(peer, new) is not None), default=float("inf"))

    def close(self) -> None:
        for peer in self._opened:
            peer.close()
        self._selector.close()


def _once(server: WholeServer) -> _Found:
    with ExitStack() as stack:
        workers = server.pids[1:]
        publisher = socket.create_connection(("127.0.0.1", server.port))
        stack.callback(publisher.close)
        publisher.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        publisher.sendall(post(server.port, "/events", events("bench-0", ["x" * 200])))
        read_answer(publisher)
        home = owner(publisher, workers)
        victim = next(pid for pid in workers if pid != home)
        doomed: Counter[str] = Counter()
        observers: list[Talker] = []
        for number in range(_MEMBERS):
            talker = Talker(server.port)
            stack.callback(talker.close)
            user = f"user-{number}"
            talker.subscribe(_ROOM, channel_data=json.dumps({"user_id": user}))
            if owner(talker.socket, workers) == victim:
                doomed[user] = 0
            else:
                observers.append(talker)
        knocks = _Knocks(server.port)
        stack.callback(knocks.close)
        os.kill(victim, signal.SIGKILL)
        began = time.perf_counter()
        publish = _publish(server.port, publisher, knocks, began)
        back = knocks.first(workers, server.pids[1:]) - began
        wrong = sum(_wrong(observer, doomed) for observer in observers)
    return _Found(publish, back, knocks.slowest, wrong)


def _publish(port: int, publisher: socket.socket, knocks: _Knocks, began: float) -> list[float]:
    taken: list[float] = []
    due = began
    while due < began + _AFTER:
        while time.perf_counter() < due:
            knocks.work()
            time.sleep(0.0005)
        publisher.sendall(post(port, "/events", events("bench-0", ["x" * 200])))
        read_answer(publisher)  # raises if it fails
        taken.append((time.perf_counter() - due) * 1000)
        due += 1 / _RATE
    return taken


def _wrong(observer: Talker, doomed: Counter[str]) -> int:
    """Reads what the observer was told, up to the answer to a ping of its own."""
    told: Counter[str] = Counter()
    observer.say({"event": "pusher:ping", "data": {}})
    while (event := json.loads(observer.read()))["event"] != "pusher:pong":
        if event["event"] == "pusher_internal:member_removed":
            told[json.loads(event["data"])["user_id"]] += 1
    return sum(told[user] != 1 for user in doomed) + sum(user not in doomed for user in told)


def _take(plan: Plan) -> Sequence[Reading]:
    found: list[_Found] = []
    with WholeServer(_WORKERS) as server:
        for number in range(2 if plan.quick else 5):
            plan.tell(f"kill {number + 1}")
            found.append(_once(server))
            time.sleep(1.0)
    publish = [each for kill in found for each in kill.publish]
    absolute = {"kills": len(found), "median, ms": quantile(publish, 0.5), "longest, ms": max(publish)}
    return (
        Reading(
            "respawn",
            "a publish on another worker in the 3 s after one was killed, 99th percentile",
            quantile(publish, 0.99),
            at_most(50.0),
            unit="ms",
            absolute=absolute,
            compared=False,
        ),
        Reading(
            "respawn-back",
            "until the killed worker's place is taken and answers, the slowest kill",
            max(kill.back for kill in found),
            at_most(2.0),
            unit="s",
            absolute={"slowest connection meanwhile, ms": max(kill.slowest for kill in found)},
            compared=False,
        ),
        Reading(
            "respawn-members",
            "members whose leaving somebody was not told exactly once",
            sum(kill.wrong for kill in found),
            at_most(0.0),
            compared=False,
            excusable=False,
        ),
    )


FIGURE = Figure("respawn", "what others notice when a worker is killed", _take)
