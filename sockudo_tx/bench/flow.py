"""Events through a run: sent on schedule, counted where they arrive, and what both say together."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import plans
from .audit import Sent, Verdicts
from .bottleneck import Moment, bottlenecks
from .cures import cured
from .histogram import Histogram
from .machine import processor_time
from .stage import Stage, deserted
from .timeline import Timeline

__all__ = ["Flow", "lead"]

# From the order to the first event: every process has its connections and its timers by then.
_LEAD = 200_000_000
# No event for so long after the last was sent: no more will come. The longer one is waited for missing ones.
_SILENCE = 2.0
_SHORT_SILENCE = 0.7


def lead() -> int:
    """A start a moment ahead, in monotonic nanoseconds."""
    return time.monotonic_ns() + _LEAD


@dataclass(slots=True)
class Flow:
    """One stretch of publishing, from the warm-up to the last delivery."""

    stage: Stage
    source: plans.Source
    groups: Sequence[plans.Group]
    """Groups that are owed every event; others may be there as well."""
    windows: Sequence[plans.Window] = ()
    """By default the warm-up, and `delivery` for all after it."""
    bystanders: Sequence[plans.Group] = ()
    """Groups that come and go: what they get must be in order and without holes, but nobody counts it."""
    measured: str = "delivery"
    """The name of the window that is measured."""
    actions: Sequence[tuple[int, str, Callable[[], object]]] = ()
    """What to do meanwhile: when, called what on the terminal, how."""
    on_clients: bool = False
    """Whether the source is in the client processes."""
    sent: dict[bytes, Sent] = field(default_factory=dict)
    accepted: dict[str, Counter[int]] = field(default_factory=dict)
    """Events by window and channel."""
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    unsent: int = 0
    lag: Histogram = field(default_factory=Histogram)
    own_lag: Histogram = field(default_factory=Histogram)
    times: dict[str, Histogram] = field(default_factory=dict)
    """Of requests, by window."""
    broken: Counter[str] = field(default_factory=Counter)
    """Why connections for publishing could not be made."""
    _ended: float | None = None
    """When it was seen that all clients had been thrown out."""
    _before: Moment | None = None
    _after: Moment | None = None

    def run(self) -> None:
        """Everything; afterwards the fields hold what came of it. Ctrl-C ends it early."""
        stage, options = self.stage, self.stage.options
        if not self.windows:
            begin = self.source.start + round(options.warmup * 1e9)
            end = self.source.start + round((self.source.schedule.seconds + 1) * 1e9)
            self.windows = (
                plans.Window("warmup", self.source.start, begin),
                plans.Window("delivery", begin, end),
            )
        stage.crew.ask("watch", list(self.windows))
        members = stage.crew.clients if self.on_clients else stage.crew.publishers
        stage.crew.divide("source", members, self.source)
        measured = self._window
        todo = sorted([(measured.start, "", self._start), *self.actions], key=lambda action: action[0])
        phase = "warming up" if measured.start > self.source.start else "measuring"
        for when, label, act in todo:
            if not self._wait(when, phase):
                break
            phase = label or "measuring"
            act()
        self._before = self._before or self._moment()
        self._finish(phase)

    def run_and_tell(self) -> None:
        """The usual: run, then put figures, latencies and notes into the document."""
        self.run()
        self.tell()

    def _wait(self, moment: int, phase: str) -> bool:
        """Until then. False at Ctrl-C, and when there is nobody left."""
        self.stage.until(self._over, phase, deadline=moment / 1e9, poll=0.2)
        return not self.stage.interrupted and self._ended is None

    def _over(self, status: dict[str, Any]) -> bool:
        """Whether there is nobody left; notes when that was."""
        if deserted(status["groups"][group.name] for group in self.groups):
            self._ended = self._ended or time.monotonic()
        return self._ended is not None

    def _start(self) -> None:
        self._before = self._moment()

    def _finish(self, phase: str) -> None:
        stage, name = self.stage, self.source.name
        seconds = self.source.schedule.seconds
        end = self.source.start / 1e9 + seconds
        progress, known = time.monotonic(), -1

        def over(status: dict[str, Any]) -> bool:
            nonlocal progress, known
            source = status["sources"][name]
            if source["events"] + source["refused"] != known:
                progress, known = time.monotonic(), source["events"] + source["refused"]
            return bool(
                self._over(status)
                or source["done"]
                or (time.monotonic() > end and time.monotonic() - progress > _SILENCE)
            )

        stage.until(over, phase, deadline=end + max(5.0, seconds / 2), poll=0.1)
        done = stage.status()["sources"][name]["done"]
        if not done:
            if self._ended is None and not stage.interrupted:
                self.unsent = stage.status()["sources"][name]["waiting"]
            stage.crew.ask("halt")
            interrupted, stage.interrupted = stage.interrupted, False  # the rest is short and worth waiting for
            stage.until(
                lambda status: status["sources"][name]["done"], "stopping", deadline=time.monotonic() + 5, poll=0.02
            )
        else:
            interrupted = False
        self._collect_sources()
        self._settle()
        self._after = self._moment()
        for report in stage.crew.ask("report", self.sent, members=stage.crew.clients):
            for group, found in report.items():
                _merge(self.reports.setdefault(group, {}), found)
        stage.sample(now=True)
        stage.interrupted = stage.interrupted or interrupted

    def _moment(self) -> Moment:
        status = self.stage.status()
        return Moment(
            time.monotonic(),
            self.stage.read_server(),
            status["cpu"],
            status["publisher_cpu"],
            time.process_time_ns(),
            processor_time(),
        )

    def _collect_sources(self) -> None:
        for found in self.stage.crew.ask("sources"):
            for report in found.values():
                self.sent.update(report["sent"])
                self.refused.update(report["refused"])
                self.broken.update(report["broken"])
                self.requests += report["requests"]
                self.lag.merge(Histogram.from_dict(report["lag"]))
                self.own_lag.merge(Histogram.from_dict(report["own_lag"]))
                for window, counts in report["accepted"].items():
                    self.accepted.setdefault(window, Counter()).update(counts)
                for window, times in report["times"].items():
                    self.times.setdefault(window, Histogram()).merge(Histogram.from_dict(times))

    def _settle(self) -> None:
        """Waits for the deliveries still under way."""
        names = [group.name for group in self.groups]
        wanted = sum(self.expected(window) for window in self.accepted)
        last, known = time.monotonic(), -1

        def quiet(status: dict[str, Any]) -> bool:
            nonlocal last, known
            events = sum(group["events"] for group in status["groups"].values())
            if events != known:
                last, known = time.monotonic(), events
            arrived = sum(status["groups"][name]["events"] for name in names)
            silence = _SILENCE if self._countable else _SHORT_SILENCE
            return (self._countable and arrived >= wanted) or time.monotonic() - last > silence

        self.stage.until(quiet, "settling", poll=0.01)

    # ------------------------------------------------------------------------------------------------- the figures

    def expected(self, window: str = "delivery") -> int:
        """Deliveries owed for the events of a window."""
        counts = self.accepted.get(window, Counter())
        total = 0
        for group in self.groups:
            audience = group.audience()
            total += sum(count * audience[channel] for channel, count in counts.items())
        return total - self._own_events(counts)

    @property
    def _window(self) -> plans.Window:
        return next(window for window in self.windows if window.name == self.measured)

    @property
    def _countable(self) -> bool:
        """Whether it is known what the groups are owed: not when some came later than the first event."""
        return all(group.whole for group in self.groups)

    def _own_events(self, counts: Counter[int]) -> int:
        """Client events do not come back to who sent them."""
        return counts.total() if self.on_clients else 0

    def verdicts(self) -> Verdicts:
        """The faults of the groups that are owed every event."""
        total = Verdicts()
        for group in (*self.groups, *self.bystanders):
            total.add(self.reports[group.name]["verdicts"])
        return total

    @property
    def seconds(self) -> float:
        """How long was measured: from the first event due to the last delivery."""
        measured = self._window
        last = max((report["last_event"] for report in self.reports.values()), default=0)
        planned = self.source.schedule.seconds - (measured.start - self.source.start) / 1e9
        took = (last - measured.start) / 1e9
        return max(took if self.stage.interrupted or took > planned else planned, 1e-3)

    @property
    def server_cpu_ns(self) -> int | None:
        """What the measured window cost the server; None when it is not to be seen."""
        before, after = self._before, self._after
        if before is None or after is None or before.server is None or after.server is None:
            return None
        return after.server.cpu_ns - before.server.cpu_ns

    def tell(self) -> None:
        """Puts the usual figures, latencies and notes into the run."""
        stage, figures, before, after = self.stage, self.stage.figures, self._before, self._after
        counts = self.accepted.get("delivery", Counter())
        for group in self.groups:
            stage.merge("delivery", [found for name, found in self.reports[group.name]["latencies"].items()
                                     if name == "delivery"])  # fmt: skip
        delivered = stage.latencies["delivery"].count if "delivery" in stage.latencies else 0
        verdicts = self.verdicts()
        figures |= {
            "published": counts.total(),
            "delivered": delivered,
            "expected": self.expected() if self._countable else delivered + verdicts.lost - verdicts.duplicates,
            "lost": verdicts.lost,
            "duplicates": verdicts.duplicates,
            "disorder": verdicts.disorder,
            "strays": verdicts.strays,
            "refused": self.refused.total(),
            "errors": sum(self.reports[group.name]["errors"].total() for group in self.groups),
            "disconnected": sum(self.reports[group.name]["dropped"].total() for group in self.groups),
            "deliveries_per_second": round(delivered / self.seconds, 1),
            "unsent": self.unsent,
        }
        stage.percentiles("delivery")
        self._tell_times()
        if "delivery" in self.times:
            stage.latencies.setdefault("publish", Histogram()).merge(self.times["delivery"])
            stage.percentiles("publish", "publish_")
        self._tell_costs(delivered)
        self._tell_reasons()
        assert before is not None
        assert after is not None
        stage.notes += bottlenecks(
            before,
            after,
            lag=self.lag,
            own_lag=self.own_lag,
            typical=stage.latencies.get("delivery"),
            in_flight=None if self.source.flat_out or self.on_clients else self.source.in_flight,
            local=stage.target.loopback,
        )

    def _tell_times(self) -> None:
        """The latency over time, all groups together."""
        total: Timeline | None = None
        for found in (self.reports[group.name]["timeline"] for group in self.groups):
            if total is not None and found is not None:
                total.add(found)
            total = total or found
        if total is None:
            return
        total.coarsen(round(self.stage.sample_every * 1e9))
        for name, share in (("p50_ms", 0.5), ("p99_ms", 0.99)):
            points = [(self.stage.moment(at), round(seconds * 1e3, 4)) for at, seconds in total.percentile(share)]
            if points:  # a soak is many flows one after the other
                self.stage.series.setdefault(name, []).extend(points)

    def _tell_costs(self, delivered: int) -> None:
        before, after, figures = self._before, self._after, self.stage.figures
        if before is None or after is None or not delivered:
            return
        if (cpu := self.server_cpu_ns) is not None and after.server is not None:
            figures["server_cpu_us_per_delivery"] = round(cpu / delivered / 1e3, 3)
            figures["server_cpu_percent"] = round(cpu / (after.at - before.at) / 1e7, 1)
            figures["server_rss_bytes"] = after.server.rss
        figures["generator_cpu_us_per_delivery"] = round((after.generator - before.generator) / delivered / 1e3, 3)
        figures["send_lag_p99_ms"] = _ms(self.lag.percentile(0.99))
        figures["send_lag_max_ms"] = _ms(self.lag.highest)

    def _tell_reasons(self) -> None:
        notes = self.stage.notes
        if self._ended is not None:
            measured = max(self._ended - self._window.start / 1e9, 0.0)
            notes.append(f"ended early, {measured:.1f} s after the measurement began: the server threw out all clients")
        for reason, count in self.refused.most_common(3):
            notes.append(f"{count:,} events were refused: {cured(reason)}")
        for reason, count in self.broken.most_common(3):
            notes.append(f"{count:,} times there was no connection to publish on: {cured(reason)}")
        for group in self.groups:
            for what in ("dropped", "errors"):
                for reason, count in self.reports[group.name][what].most_common(3):
                    told = "clients were thrown out" if what == "dropped" else "times a client was told"
                    notes.append(f"{count:,} {told}: {cured(reason)}")
        if self.unsent:
            notes.append(f"{self.unsent:,} events were not sent when the time was up: the server takes fewer than that")


def _merge(total: dict[str, Any], more: dict[str, Any]) -> None:
    """Adds one process's report on a group to those of the others."""
    for name, value in more.items():
        known = total.get(name)
        if known is None:
            total[name] = value
        elif isinstance(value, Verdicts | Timeline):
            known.add(value)
        elif isinstance(value, Counter):
            known.update(value)
        elif name in ("times", "latencies"):
            for kind, histogram in value.items():
                merged = Histogram.from_dict(known.get(kind, {}))
                merged.merge(Histogram.from_dict(histogram))
                known[kind] = merged.to_dict()
        elif name == "notes":
            for key, count in value.items():
                known[key] = known.get(key, 0) + count
        elif name.startswith("last_"):
            total[name] = max(known, value)
        else:
            total[name] = known + value


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 4)
