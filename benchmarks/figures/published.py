"""The delay that the server adds to the C server's, under the load such servers are quoted with."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence

from ..harness.figure import Figure, Limit, Plan, Reading, at_most
from ..harness.floor import floor
from ..harness.process import ROOT, Child, ChildError, python
from ..harness.stats import quantile

__all__ = ["FIGURE"]

_SOCKUDO = [sys.executable, "-c", "from sockudo_tx.cli import main; raise SystemExit(main())"]
_DELAYS = {"average": "mean_ms", "p95": "p95_ms"}


def _run(subject: Child, *options: str) -> Mapping[str, float]:
    """What `sockudo bench published` found. Raises `ChildError` when anything was lost, doubled or refused."""
    url = f"http://127.0.0.1:{subject.port}"
    command = [*_SOCKUDO, "bench", "published", "--short", *options, "--url", url, "--json", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)
    if done.returncode:
        raise ChildError(f"`sockudo bench published` against {subject.name}: {done.stderr.strip()[-500:]}")
    figures: Mapping[str, float] = json.loads(done.stdout)["figures"]
    return figures


def _reading(
    delay: str, title: str, limit: Limit, runs: Sequence[tuple[Mapping[str, float], Mapping[str, float]]]
) -> Reading:
    key = _DELAYS[delay]
    added = [ours[key] - base[key] for ours, base in runs]
    return Reading(
        f"published-{delay}",
        title,
        quantile(added, 0.5),
        limit,
        min(added),
        max(added),
        unit="ms",
        absolute={
            "ours, ms": quantile([ours[key] for ours, _ in runs], 0.5),
            "C, ms": quantile([base[key] for _, base in runs], 0.5),
            "pairs of runs": len(runs),
        },
        compared=False,
    )


def _take(plan: Plan) -> Sequence[Reading]:
    options = ("--ramp", "70") if plan.quick else ()
    runs: list[tuple[Mapping[str, float], Mapping[str, float]]] = []
    with floor() as base, Child("server", python("server")) as ours:
        for number in range(1 if plan.quick else 2):
            plan.tell(f"pair of runs {number + 1}")
            if number % 2:
                runs.append((_run(ours, *options), _run(base, *options)))
            else:
                theirs = _run(base, *options)
                runs.append((_run(ours, *options), theirs))
    return (
        _reading(
            "average",
            "delay that 500 connections and 10 events/s see on average, above the C server's",
            at_most(1.84, 0.92),
            runs,
        ),
        _reading("p95", "the same, 95th percentile", at_most(3, 1.5), runs),
    )


FIGURE = Figure("published", "delay under `sockudo bench published`, above a C server's", _take)
