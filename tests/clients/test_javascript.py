"""`clients/js`: its own tests, its decoders against our encoders, and the helper around unmodified pusher-js 7 and 8."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sockudo_tx import __version__
from sockudo_tx.delta import fossil, vcdiff
from tests.unit.delta.pairs import Pair, awkward, edited, streamed

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "clients" / "js"
HERE = ROOT / "tests" / "clients"
MODULES = ROOT / "tests" / "conformance" / "node_modules"
TIMEOUT = 100.0


def _needs(*modules: str) -> None:
    missing = [name for name in modules if not (MODULES / name).is_dir()]
    if shutil.which("node") is None or missing:
        pytest.skip(f"not installed: node, or in tests/conformance/node_modules: {', '.join(missing)}")


def _node(*arguments: str, given: str = "") -> str:
    """What node prints; fails with it when node does."""
    done = subprocess.run(
        ["node", *arguments], input=given, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_package() -> None:
    """Decoders, reconstruction, filters and settings hold what the package's own tests promise."""
    _needs()
    _node("--test", *sorted(str(path) for path in (PACKAGE / "test").glob("*.test.js")))


def test_pusher_js() -> None:
    """pusher-js 7 and 8 with the helper, against a scripted server: everything arrives as it would without deltas."""
    _needs("pusher-js", "pusher-js-7", "laravel-echo")
    _node("--test", str(HERE / "glue.test.mjs"))


@pytest.mark.parametrize(("algorithm", "encode"), [("fossil", fossil.encode), ("xdelta3", vcdiff.encode)])
def test_D75_decoders_of_the_helper(algorithm: str, encode: Callable[[bytes, bytes], bytes | None]) -> None:
    """Every delta of random edits, of the built-in streams and of awkward pairs decodes to the exact bytes."""
    _needs()
    made = [(base, target, delta) for base, target in _pairs() if (delta := encode(base, target)) is not None]
    assert len(made) > 2000
    lines = (
        json.dumps({"algorithm": algorithm, "base": _text(base), "delta": _text(delta)}) for base, _, delta in made
    )
    found = _node(str(HERE / "decode.mjs"), given="\n".join(lines)).split("\n")[:-1]
    assert found == [hashlib.sha256(target).hexdigest() for _, target, _ in made]


def test_types() -> None:
    """TypeScript accepts what the types promise together with those of pusher-js, and refuses what is wrong."""
    _needs("typescript", "pusher-js")
    _node(str(MODULES / "typescript" / "bin" / "tsc"), "--project", str(HERE))


def test_version() -> None:
    """The helper has the version of the server it belongs to, needs nothing else, and ships what it names."""
    package = json.loads((PACKAGE / "package.json").read_text())
    assert package["version"] == __version__
    assert "dependencies" not in package
    for target in (*package["exports"]["."].values(), "./LICENSE", "./README.md"):
        assert (PACKAGE / target).is_file(), target
    assert (PACKAGE / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def _pairs() -> Iterator[Pair]:
    yield from edited(3000, seed=7)
    yield from streamed(300)
    yield from awkward()


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
