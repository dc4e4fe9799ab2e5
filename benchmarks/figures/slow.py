"""What a subscriber that stops reading costs the others, under 10,000 events a second, and what memory it takes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..harness.figure import Figure, Limit, Plan, Reading, at_most
from ..harness.process import ROOT, Child, ChildError, python
from ..harness.stats import quantile

__all__ = ["FIGURE"]

_SOCKUDO = [sys.executable, "-c", "from sockudo_tx.cli import main; raise SystemExit(main())"]
_RATE, _BATCH, _OTHERS, _SIZE = 10_000, 10, 20, 200
_FILLING = 3
"""Seconds in which the kernel's buffers and the queue become full before anything is measured."""
_MEBIBYTE = 1024 * 1024


class _Run(NamedTuple):
    """What the others saw, and the most memory the server had."""

    figures: Mapping[str, float]
    peak: int


def _run(subject: Child, slow: int, seconds: int) -> _Run:
    """One run with so many that do not read. Raises `ChildError` when it does not show what it is meant to."""
    command = (
        f"bench slow-consumers --slow {slow} --stop first --connections {_OTHERS} --rate {_RATE} --batch {_BATCH} "
        f"--size {_SIZE} --warmup {_FILLING} --duration {seconds} --url http://127.0.0.1:{subject.port} "
        f"--server-pid {subject.pid} --require loss=0 --json --quiet"
    )
    subject.forget_peak()
    done = subprocess.run(
        [*_SOCKUDO, *command.split()], capture_output=True, text=True, cwd=ROOT, timeout=120, check=False
    )
    if done.returncode:
        raise ChildError(f"`sockudo {command}`: {done.stderr.strip()[-500:]}")
    figures = json.loads(done.stdout)["figures"]
    if slow and figures["slow_missed"] < slow * seconds * _RATE:
        raise ChildError("the one that does not read was sent events while others were measured: buffers held too much")
    return _Run(figures, subject.peak())


def _ratio(name: str, key: str, title: str, limit: Limit, pairs: Sequence[tuple[_Run, _Run]]) -> Reading:
    ratios = [run.figures[key] / base.figures[key] for run, base in pairs]
    unit = "ms" if key.endswith("_ms") else "%"
    return Reading(
        name,
        title,
        quantile(ratios, 0.5),
        limit,
        quantile(ratios, 0.25),
        quantile(ratios, 0.75),
        absolute={
            f"with, {unit}": quantile([run.figures[key] for run, _ in pairs], 0.5),
            f"without, {unit}": quantile([base.figures[key] for _, base in pairs], 0.5),
            "pairs of runs": len(pairs),
        },
        compared=False,
    )


def _take(plan: Plan) -> Sequence[Reading]:
    seconds = 2 if plan.quick else 5
    pairs: list[tuple[_Run, _Run]] = []
    with Child("server", python("server")) as subject:
        before = _run(subject, 0, seconds).peak  # what any run allocates, and the server keeps
        for number in range(2 if plan.quick else 5):
            plan.tell(f"pair of runs {number + 1}")
            if number % 2:
                base = _run(subject, 0, seconds)
                pairs.append((_run(subject, 1, seconds), base))
            else:
                run = _run(subject, 1, seconds)
                pairs.append((run, _run(subject, 0, seconds)))
    peak = max(run.peak for run, _ in pairs)
    return (
        _ratio(
            "slow-p50", "p50_ms", "median delay beside one that does not read ÷ without it", at_most(1.1, 1.0), pairs
        ),
        _ratio("slow-p99", "p99_ms", "99th percentile of it", at_most(1.25, 1.0), pairs),
        _ratio("slow-cpu", "server_cpu_percent", "the server's CPU for it", at_most(), pairs),
        Reading(
            "slow-memory",
            "the server's peak beside one that does not read, above that of a run before without it",
            (peak - before) / _MEBIBYTE,
            at_most(2.0),
            unit="MiB",
            absolute={"peak, MiB": peak / _MEBIBYTE, "before, MiB": before / _MEBIBYTE},
            compared=False,
        ),
    )


FIGURE = Figure("slow", "delay of others beside a subscriber that stops reading", _take)
