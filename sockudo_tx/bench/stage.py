"""What a scenario plays on: the client processes, the server's figures, and the document that comes of it."""

from __future__ import annotations

import argparse
import datetime as dt
import math
import time
from collections.abc import Callable, Iterable
from typing import Any

from . import plans
from .capacity import CapacityError, processes_for, sources_for
from .crew import Crew
from .cures import cured
from .histogram import Histogram
from .machine import describe_machine
from .processes import Reading, family, listener, read
from .progress import Progress
from .rest import CallError, call, refusal, signed_path
from .target import Target, TargetError
from .told import PERCENTILES

__all__ = ["Interrupted", "Stage", "deserted"]

_POLL = 0.05
# Nothing comes of connections that made no progress for so long.
_STUCK = 30.0
_MOST_POINTS = 10_000
# Options that are no part of a run's description: where it was sent, how it was shown, secrets, and the command's own.
_UNTOLD = frozenset(
    {
        "url", "host", "port", "tls", "path_prefix", "app_id", "app_key", "app_secret", "server_pid",
        "json", "report", "require", "quiet",
        "command", "played", "list", "list_json", "config", "strict", "check",
    }
)  # fmt: skip
# An event for nobody: a server that refuses it would refuse all.
_PROBE = b'{"name":"bench","channels":["bench-probe"],"data":"{}"}'
_TOO_MANY_REQUESTS = 429


class Interrupted(Exception):
    """Ctrl-C before there was anything to measure."""


class Stage:
    """One run. Scenarios fill `figures`, `latencies` and `notes`; the rest is filled while they wait."""

    def __init__(self, scenario: str, options: argparse.Namespace, target: Target) -> None:
        self.scenario = scenario
        self.options = options
        self.target = target
        self.figures: dict[str, float | None] = {}
        self.latencies: dict[str, Histogram] = {}
        self.series: dict[str, list[tuple[float, float]]] = {}
        self.notes: list[str] = []
        self.main: str | None = None
        self.interrupted = False
        self.sample_every = 0.5
        self.progress = Progress(quiet=options.quiet)
        self.also_sample: Callable[[float], None] | None = None
        """Something more to do with each sample; gets its time."""
        self._crew: Crew | None = None
        self._held = 0
        self._started = dt.datetime.now(dt.UTC)
        self._began = time.monotonic()
        self._sampled = 0.0
        self._before: tuple[float, Reading, int] | None = None
        self.pid = self._find_server()

    # ------------------------------------------------------------------------------------------------ the processes

    def hire(self, connections: int, *, at_once: int = 0, publishers: int | None = None) -> None:
        """Starts the processes. `at_once` is how many more connections may exist while others are closing; publishers
        are as many as the options say unless it is told. Raises CapacityError, and TargetError when the server does not
        let this app publish."""
        if self._crew is None or connections > self._held:
            self.dismiss()
            clients = processes_for(connections, self.options.processes)
            sources = sources_for(self.target, connections + at_once)
            publishers = vars(self.options).get("publishers", 0) if publishers is None else publishers
            if publishers:
                self._try_publishing()
            self._crew = Crew(self.target, clients, publishers, sources)
            self._held = connections

    def _try_publishing(self) -> None:
        """A wrong app or secret is known before anything is measured."""
        path = signed_path(self.target, f"/apps/{self.target.app_id}/events", _PROBE)
        try:
            status, body = call(self.target, "POST", path, _PROBE)
        except CallError as error:
            raise TargetError(
                f"{self.target.url}: POST /apps/{self.target.app_id}/events: {error}. Is it a Pusher server?"
            ) from None
        if status >= 400 and status != _TOO_MANY_REQUESTS:
            raise TargetError(f"{self.target.url} refused an event: {cured(refusal(status, body))}")

    def finite_rate(self) -> float:
        """The rate of a scenario that has no fastest one. Raises CapacityError."""
        if self.options.rate == math.inf:
            raise CapacityError(f"--rate max: {self.scenario} needs a number of events a second")
        return float(self.options.rate)

    @property
    def crew(self) -> Crew:
        """The processes that `hire` started."""
        assert self._crew is not None
        return self._crew

    def dismiss(self) -> None:
        """Ends the processes."""
        if self._crew is not None:
            self._crew.end()
            self._crew = None

    def open(self, plan: plans.Group, *, wait: bool = True) -> None:
        """Opens a group and waits until all of it is subscribed. Raises TargetError when the server refuses one."""
        self.crew.ask("open", plan, members=self.crew.clients)
        if wait:
            self.await_ready(plan.name)

    def await_ready(self, name: str, phase: str = "connecting", *, all_of_them: bool = True) -> None:
        """Until every client of the group got in, or was refused. Raises TargetError when one never gets an answer,
        and when one is refused, unless that may happen to some."""
        changed, known = time.monotonic(), None

        def settled(status: dict[str, Any]) -> bool:
            nonlocal changed, known
            group = status["groups"][name]
            if group["failed"] and all_of_them:
                raise TargetError(f"{self.target.url} refused a client: {cured(self._reason(name))}")
            if (group["opened"], group["pending"]) != known:
                changed, known = time.monotonic(), (group["opened"], group["pending"])
            if time.monotonic() - changed > _STUCK:
                raise TargetError(
                    f"{self.target.url}: {group['pending']} clients had no answer for {_STUCK:.0f} s. Is it a Pusher "
                    "server, and does it still run?"
                )
            return bool(group["opened"] == group["to_open"] and not group["pending"])

        if not self.until(settled, phase):
            raise Interrupted

    def _reason(self, name: str) -> str:
        reports = self.crew.ask("report", {}, members=self.crew.clients)
        return next(str(reason) for report in reports for reason in report[name]["failed"])

    def command(self, name: str, method: str) -> None:
        """Asks a group for something: cut, reopen, stall, resume."""
        self.crew.ask("group", name, method, members=self.crew.clients)

    # ------------------------------------------------------------------------------------------------------ waiting

    def until(
        self,
        condition: Callable[[dict[str, Any]], bool],
        phase: str,
        *,
        deadline: float | None = None,
        poll: float = _POLL,
    ) -> bool:
        """Waits for a condition on the status. False when the deadline (monotonic seconds) or Ctrl-C came first."""
        while True:
            status = self.status()
            self.progress.show(phase, status)
            if condition(status):
                return True
            left = poll if deadline is None else min(poll, deadline - time.monotonic())
            if self.interrupted or left <= 0:
                return False
            time.sleep(left)
            self.sample()

    def sleep_until(self, moment: int, phase: str) -> bool:
        """Waits for a time in monotonic nanoseconds, to the millisecond. False at Ctrl-C."""
        self.until(lambda _: False, phase, deadline=moment / 1e9, poll=0.2)
        return not self.interrupted

    def status(self) -> dict[str, Any]:
        """The processes' word, added up: `groups`, `sources`, and `cpu` of each client process in ns."""
        clients = self.crew.ask("status", self.progress.shown, members=self.crew.clients)
        publishers = self.crew.ask("status", members=self.crew.publishers)
        sources: dict[str, dict[str, Any]] = {}
        groups: dict[str, dict[str, Any]] = {}
        for each in (*clients, *publishers):
            for name, source in each["sources"].items():
                _add(sources.setdefault(name, {"done": True}), source)
            for name, group in each["groups"].items():
                _add(groups.setdefault(name, {}), group)
        return {
            "groups": groups,
            "sources": sources,
            "cpu": [each["cpu"] for each in clients],
            "publisher_cpu": [each["cpu"] for each in publishers],
        }

    # --------------------------------------------------------------------------------------------------- the server

    def _find_server(self) -> int | None:
        asked = self.options.server_pid
        if asked not in (None, "auto"):
            if read([asked]) is None:
                raise TargetError(f"--server-pid {asked}: no such process, or one of another user")
            return int(asked)
        found = listener(self.target.address[0], self.target.port) if self.target.loopback else None
        if found is None and asked == "auto":
            raise TargetError(
                f"--server-pid auto: no process of this user is seen to listen on {self.target.authority} here; "
                "name it with --server-pid PID"
            )
        return found

    def read_server(self) -> Reading | None:
        """CPU time, memory and descriptors of the server's processes now; None when they are not to be seen."""
        return None if self.pid is None else read(family(self.pid))

    def sample(self, *, now: bool = False) -> None:
        """Notes the server's memory, CPU and descriptors, if the last time is long enough ago."""
        clock = time.monotonic()
        if clock - self._sampled < self.sample_every and not now:
            return
        self._sampled = clock
        moment = round(clock - self._began, 2)
        reading = self.read_server()
        if reading is not None:
            self.note("rss_bytes", moment, reading.rss)
            self.note("descriptors", moment, reading.descriptors)
            if self._before is not None and clock > self._before[0]:
                used = (reading.cpu_ns - self._before[1].cpu_ns) / (clock - self._before[0]) / 1e7
                self.note("cpu_percent", moment, round(max(used, 0.0), 1))
            self._before = clock, reading, 0
        if self.also_sample is not None:
            self.also_sample(moment)

    def moment(self, clock: int) -> float:
        """Seconds since the start of the run at a time in monotonic nanoseconds: the time of every series."""
        return round(clock / 1e9 - self._began, 2)

    def note(self, name: str, moment: float, value: float) -> None:
        """A point of a series."""
        points = self.series.setdefault(name, [])
        points.append((moment, value))
        if len(points) > _MOST_POINTS:  # of a soak of days: every second one tells the same
            del points[1::2]
            self.sample_every = max(self.sample_every, 2 * (moment - points[0][0]) / _MOST_POINTS)

    # ------------------------------------------------------------------------------------------------- the document

    def merge(self, name: str, found: Iterable[dict[str, Any]]) -> None:
        """Adds histograms in their plain form to a latency of the run."""
        for each in found:
            self.latencies.setdefault(name, Histogram()).merge(Histogram.from_dict(each))

    def percentiles(self, name: str, prefix: str = "") -> None:
        """The usual percentiles of a latency as figures."""
        histogram = self.latencies.get(name)
        if histogram is None or not histogram.count:
            return
        self.figures[f"{prefix}mean_ms"] = _ms(histogram.mean)
        for label, share in PERCENTILES:
            self.figures[f"{prefix}{label}_ms"] = _ms(histogram.percentile(share))

    def document(self) -> dict[str, Any]:
        """The run as one plain value, schema 1: docs/bench.md."""
        told = {name: value for name, value in vars(self.options).items() if name not in _UNTOLD}
        options = {name: _plain(value) for name, value in told.items() if value is not None and value is not False}
        found = {
            "schema": 1,
            "scenario": self.scenario,
            "target": self.target.url,
            "started": self._started.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "seconds": round(time.monotonic() - self._began, 3),
            "options": options,
            "machine": describe_machine(),
            "figures": self.figures,
            "latencies": {name: histogram.to_dict() for name, histogram in self.latencies.items()},
            "series": self.series,
            "notes": self.notes,
        }
        return found if self.main is None else {**found, "main": self.main}


def deserted(groups: Iterable[dict[str, Any]]) -> bool:
    """Whether the server threw out all clients of these groups, by their status, so that there is nothing more to
    measure: it ended, or will have none of them."""
    known = [*groups]
    opened, to_open, failed, dropped, here = (
        sum(group[name] for group in known) for name in ("opened", "to_open", "failed", "dropped", "ready")
    )
    pending = sum(group["pending"] for group in known)
    return bool(dropped and not here and not pending and (failed or opened == to_open))


def _add(total: dict[str, Any], more: dict[str, Any]) -> None:
    """Adds one process's status to those of the others."""
    for name, value in more.items():
        if isinstance(value, dict):
            # Percentiles so far, for the progress line: the worst process's.
            known = total.setdefault(name, {})
            for key, pair in value.items():
                known[key] = max(known.get(key, pair), pair)
        elif isinstance(value, bool):
            total[name] = total.get(name, True) and value
        elif name.startswith("last_"):
            total[name] = max(total.get(name, 0), value)
        else:
            total[name] = total.get(name, 0) + value


def _plain(option: Any) -> Any:
    """The value of an option as it is written on a command line."""
    if isinstance(option, list):
        return ",".join(map(str, option))
    return "max" if option == math.inf else option


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 4)
