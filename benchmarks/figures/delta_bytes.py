"""What deltas leave on the wire: `sockudo bench delta` against the whole server, every delta decoded."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from ..harness.decoders import decode_kept
from ..harness.figure import Figure, Limit, Plan, Reading, at_most
from ..harness.process import ROOT, Child, ChildError, python

__all__ = ["FIGURE"]

_SOCKUDO = [sys.executable, "-c", "from sockudo_tx.cli import main; raise SystemExit(main())"]
_LIMITS = {"ticker": at_most(0.85, 0.75), "order_book": at_most(0.25, 0.20), "telemetry": at_most(0.36, 0.30)}
_MESSAGES = 441
"""Whole rounds of a full message and ten deltas, and one more: as many as the other figure of sizes has."""


def _bench(subject: Child, folder: str, *options: str) -> Mapping[str, float]:
    """The figures of a run. Raises `ChildError` when a message was lost, wrong or could not be decoded, by the load
    generator or by the decoders of others."""
    kept = Path(folder) / "deltas.jsonl"
    command = ["bench", "delta", "--subscribers", "3", "--rate", "600", *options, "--json", "--quiet"]
    where = ["--keep", str(kept), "--url", f"http://127.0.0.1:{subject.port}", "--server-pid", str(subject.pid)]
    done = subprocess.run(
        [*_SOCKUDO, *command, *where], capture_output=True, text=True, cwd=ROOT, timeout=120, check=False
    )
    if done.returncode:
        notes = json.loads(done.stdout)["notes"] if done.stdout else []
        raise ChildError(f"`sockudo {' '.join(command)}`: {done.stderr.strip()[-500:]} {notes}")
    figures: dict[str, float] = json.loads(done.stdout)["figures"]
    decode_kept(kept)
    return figures


def _reading(name: str, figures: Mapping[str, float], title: str, limit: Limit, stream: str) -> Reading:
    own = {key.removeprefix(f"{stream}_"): value for key, value in figures.items() if key.startswith(f"{stream}_")}
    absolute: dict[str, float | str] = {
        "full": own["full"],
        "deltas": own["deltas"],
        "plain, bytes": own["plain_bytes"] / own["messages"],
        "sent, bytes": own["delta_bytes"] / own["messages"],
    }
    return Reading(name, title, own["ratio"], limit, absolute=absolute)


def _incompressible(path: Path) -> None:
    """Events of which no two have anything in common but their frame."""
    source = random.Random(1)
    lines = ["".join(chr(source.randint(0x21, 0x7E)) for _ in range(source.randint(140, 900))) for _ in range(200)]
    path.write_text("\n".join(map(json.dumps, lines)))


def _take(plan: Plan) -> Sequence[Reading]:
    found: list[Reading] = []
    with Child("server", python("server")) as subject, TemporaryDirectory() as folder:
        for algorithm in ("fossil", "xdelta3"):
            plan.tell(algorithm)
            figures = _bench(subject, folder, "--messages", str(_MESSAGES), "--algorithm", algorithm)
            for stream, limit in _LIMITS.items():
                short = stream.replace("_", "-")
                name, told = (short, limit) if algorithm == "fossil" else (f"{short}-xdelta3", at_most())
                title = f"{stream.replace('_', ' ')} as {algorithm}: bytes of whole frames ÷ plain"
                found.append(_reading(f"delta-bytes-{name}", figures, title, told, stream))
        path = Path(folder) / "noise.jsonl"
        _incompressible(path)
        plan.tell("noise")
        figures = _bench(subject, folder, "--replay", str(path))
        noise = _reading("delta-bytes-noise", figures, "text without any pattern: the same", at_most(), "replay")
        found.append(noise)
        found.append(
            Reading(
                "delta-bytes-excess",
                "of it, what is neither a plain message nor the number of a full one, for each subscriber",
                figures["replay_excess_bytes"],
                at_most(0),
                unit="bytes",
                compared=False,
            )
        )
    return found


FIGURE = Figure("delta-bytes", "bytes on the wire of delta subscribers ÷ plain, whole server, all decoded", _take)
