"""A whole server with `queue.driver: sqlite` under load, killed at any moment, over and over on one file."""

from __future__ import annotations

import json
import random
import signal
import sys
import threading
import time
from collections import defaultdict
from typing import NamedTuple

import pytest

from tests.integration.launch import ROOT, LaunchCase, Process, eventually
from tests.integration.receiver import Behaviour, Receiver, Request, answering
from tests.integration.visitors import Fact, Seen, Visitors, fact_of

SECRET = "app-secret"
TYPES = ["channel_occupied", "channel_vacated", "member_added", "member_removed", "client_event", "cache_miss"]
GONE = ("channel_vacated", "member_removed")
GRACE = 0.2


class Slow(NamedTuple):
    """How often deliveries are answered badly."""

    failing: float = 0.1
    late: float = 0.1


class Moody(Receiver):
    """Answers well, with 500, or well and late; knows which deliveries it has taken."""

    def __init__(self, chance: random.Random) -> None:
        self.mood = Slow()
        self.taken: set[str] = set()
        self._chance = chance
        super().__init__(answering("200 OK"))

    def behaviour(self, request: Request) -> Behaviour:
        draw = self._chance.random()
        if draw < self.mood.failing:
            return answering("500 Oops")
        if draw < self.mood.failing + self.mood.late:
            threading.Event().wait(0.1)
        self.taken.add(request.values("X-Sockudo-Delivery")[0])
        return answering("200 OK")


class KilledTests(LaunchCase):
    """Clients that come, go and say things; a receiver that fails now and then; `kill -9`"""

    def setUp(self) -> None:
        super().setUp()
        self.seed = random.randrange(2**32)
        self.chance = random.Random(self.seed)
        self.receiver = Moody(random.Random(self.seed + 1))
        self.addCleanup(self.receiver.close)
        hook = {"url": self.receiver.url, "event_types": TYPES}
        limits = {"enable_client_messages": True, "max_connections": 0, "max_client_events_per_second": 0}
        app = {"id": "app-id", "key": "app-key", "secret": SECRET, "webhooks": [hook], **limits}
        self.config(
            app_manager={"array": {"apps": [app]}},
            queue={"driver": "sqlite"},
            webhooks={"grace_ms": round(GRACE * 1000), "retry": {"initial_backoff_ms": 100, "max_backoff_ms": 500}},
        )
        self.oldest_lost = 0.0
        self.confirmed = self.lost = 0

    def started(self) -> Process:
        command = (sys.executable, "-m", "tests.integration.traced_server", "run", "-c", "test.json")
        server = self.launch(*command, TRACE=str(self.folder / "trace"), PYTHONPATH=str(ROOT))
        server.up(self.port)
        return server

    def accepted(self, since: int = 0) -> dict[str, list[Fact]]:
        """By id, what was on the disk at some time; from this place of the trace on."""
        lines = (self.folder / "trace").read_bytes()[since:].splitlines()
        jobs = dict(json.loads(line) for line in lines)
        return {job_id: [fact_of(json.loads(event)) for event in events] for job_id, events in jobs.items()}

    def heard(self, since: int = 0) -> dict[str, list[Fact]]:
        """By id, what was attempted; a repeated delivery has the bytes of the first."""
        bodies: dict[str, bytes] = {}
        for request in self.receiver.requests[since:]:
            job_id = request.values("X-Sockudo-Delivery")[0]
            self.assertEqual(bodies.setdefault(job_id, request.body), request.body, "one id, two bodies")
        return {job_id: [fact_of(event) for event in json.loads(body)["events"]] for job_id, body in bodies.items()}

    def life(self, number: int) -> None:
        """A server from its start to the kill."""
        server = self.started()
        traced, heard = (self.folder / "trace").stat().st_size, len(self.receiver.requests)
        visitors = Visitors(self.port, SECRET, f"v{number}")
        time.sleep(self.chance.uniform(0.05, 1.2))  # the moment is what this is about
        server.signal(signal.SIGKILL)
        killed = time.monotonic()
        server.status()
        visitors.join()
        accepted = {fact for facts in self.accepted(traced).values() for fact in facts}
        told = {fact for facts in self.heard(heard).values() for fact in facts}
        self.check_order(visitors.seen, accepted, told, killed)

    def check_order(self, seen: list[Seen], accepted: set[Fact], told: set[Fact], killed: float) -> None:
        """What was confirmed before the cause of something accepted was sent, is accepted as well, or told already."""
        for late in (False, True):
            mine = [each for each in seen if (each.fact[0] in GONE) is late]
            newest = max((each.began for each in mine if each.fact in accepted), default=0.0)
            for each in mine:
                if each.fact not in accepted and each.fact not in told:
                    self.lost += 1
                    self.oldest_lost = max(self.oldest_lost, killed - each.confirmed - GRACE * late)
                    self.assertGreaterEqual(each.confirmed, newest, f"{each.fact} is lost (seed {self.seed})")
        self.confirmed += len(seen)

    def kill(self, times: int) -> None:
        for number in range(times):
            self.life(number)
        self.receiver.mood = Slow(0, 0)
        self.started()
        accepted = self.accepted()
        eventually("all that was accepted", lambda: accepted.keys() <= self.receiver.taken, 60)
        deliveries: dict[Fact, set[str]] = defaultdict(set)
        for told in (accepted, self.heard()):
            for job_id, facts in told.items():
                for fact in facts:
                    deliveries[fact].add(job_id)
        twice = {fact: ids for fact, ids in deliveries.items() if len(ids) > 1}
        self.assertEqual(twice, {}, "a fact under two ids")
        repeated = len(self.receiver.requests) - len(self.heard())
        print(  # noqa: T201  # the figure for whoever runs it with -s
            f"{times} kills: {self.confirmed} facts confirmed to clients, {len(accepted)} deliveries accepted, 0 lost, "
            f"{repeated} made again under their id; {self.lost} facts not accepted yet, confirmed at most "
            f"{self.oldest_lost * 1000:.0f} ms before the kill (grace not counted)"
        )
        self.assertGreater(len(accepted), times)

    def test_killed(self) -> None:
        """Three times `kill -9` under load: every webhook that was accepted arrives, repeated ones under the same id."""
        self.kill(3)

    @pytest.mark.long
    @pytest.mark.timeout(600)
    def test_killed_often(self) -> None:
        """Fifty times, likewise."""
        self.kill(50)
