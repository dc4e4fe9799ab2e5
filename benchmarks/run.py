"""`make bench`: runs the benchmarks, prints ratios, writes benchmarks/results/*.json."""

from __future__ import annotations

import argparse
import json
import resource
import sys
from datetime import UTC, datetime
from pathlib import Path

import broadcast
import machine

_RESULTS = Path(__file__).resolve().parent / "results"
# What a change must not break: highest, or with `>` lowest, value of a ratio.
_GUARDS = {
    "ours / C floor, CPU per delivery": ("<", 2.5),
    "autobahn / ours, CPU per delivery": (">", 2.5),
    "ours / autobahn, memory per connection": ("<", 1.0),
}


def main() -> int:
    """0 when every guarded ratio holds."""
    parser = argparse.ArgumentParser(description="Ratios in one run on this machine; see benchmarks/README.md.")
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--broadcasts", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    began = datetime.now(UTC)
    result = {"at": began.isoformat(), "machine": machine.description()}
    result["broadcast"] = found = broadcast.run(options.connections, options.broadcasts, options.rounds)
    _RESULTS.mkdir(exist_ok=True)
    path = _RESULTS / f"{began:%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")

    broken = 0
    for name, value in found["ratios"].items():
        side, bound = _GUARDS[name]
        holds = value <= bound if side == "<" else value >= bound
        broken += not holds
        guard = f"guard: at {'most' if side == '<' else 'least'} {bound}"
        print(f"{value:6.2f}  {name}  ({guard}{'' if holds else ', BROKEN'})")
    for name, value in found["cpu_us_per_delivery"].items():
        print(f"        {name}: {value:.2f} us CPU per delivery")
    for name, value in found["memory_kib_per_connection"].items():
        print(f"        {name}: {value:.1f} KiB per connection")
    print(f"written {path.relative_to(Path.cwd())}" if path.is_relative_to(Path.cwd()) else f"written {path}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
