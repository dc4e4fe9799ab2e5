"""Every delta that `sockudo bench delta` gets of the running server, decoded by the packages that clients use."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.harness.decoders import decode_kept, missing
from tests.conformance.daemon import DEMO_APP, Daemon
from tests.integration.launch import SOCKUDO

KEYS = {"bench-ticker": "product_id", "bench-order-book": "symbol", "bench-telemetry": "data.device"}
APP = {**DEMO_APP, "channel_delta_compression": {name: {"conflation_key": key} for name, key in KEYS.items()}}
DECODERS = {"fossil": ["fossil-delta"], "xdelta3": ["@ably/vcdiff-decoder", "vcdiff-decoder", "vcdiff-decoder of PyPI"]}


def bench(daemon: Daemon, keep: Path, *options: str) -> dict[str, float]:
    """The figures of a run in which nothing was wrong."""
    app = [each for name in ("id", "key", "secret") for each in (f"--app-{name}", str(APP[name]))]
    where = ["--url", f"http://127.0.0.1:{daemon.port}", *app]
    command = [SOCKUDO, "bench", "delta", *where, "--rate", "500", "--subscribers", "2"]
    done = subprocess.run(
        [*command, "--keep", str(keep), "--json", "--quiet", *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout[:2000] + done.stderr
    found: dict[str, float] = json.loads(done.stdout)["figures"]
    return found


def lines(path: Path) -> Path:
    """Events of all kinds: escapes, letters of many bytes, repetitions, and edits of what came before."""
    source = random.Random(5)
    text = "".join(chr(source.choice((*range(32, 127), 9, 10, 34, 92, 0xE9, 0x4E2D, 0x1F680))) for _ in range(600))
    written = []
    for _ in range(150):
        at, length = source.randrange(len(text)), source.randrange(40)
        text = text[:at] + "".join(source.choices('ab",{}\\é🚀', k=source.randrange(40))) + text[at + length :]
        written.append(json.dumps({"data": text, "name": source.choice(("one", "two"))}))
    path.write_text("\n".join(written))
    return path


@pytest.mark.parametrize("algorithm", DECODERS)
def test_decoders_of_clients(algorithm: str, tmp_path: Path) -> None:
    """The three streams, conflated or not, and other texts: each decoder makes the exact bytes of each delta."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    runs: Sequence[tuple[str, ...]] = (
        ("--messages", "60"),
        ("--messages", "60", "--conflation", "4"),
        ("--replay", str(lines(tmp_path / "lines.jsonl"))),
    )
    keep = tmp_path / "deltas.jsonl"
    with Daemon(tmp_path, apps=[APP]) as daemon:
        for options in runs:
            figures = bench(daemon, keep, "--algorithm", algorithm, *options)
            deltas = sum(count for name, count in figures.items() if name.endswith("_deltas"))
            assert decode_kept(keep) == dict.fromkeys(DECODERS[algorithm], deltas)
            assert deltas > 100
