"""Deltas that `sockudo bench delta --keep` wrote, decoded by programs that share nothing with ours."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import vcdiff_decoder

from .process import ROOT, ChildError

__all__ = ["ask_clients", "decode_kept", "missing"]

_NODE = ROOT / "tests" / "conformance"


def missing() -> str | None:
    """Why the decoders of clients cannot be asked here."""
    if shutil.which("node") is None or not (_NODE / "node_modules" / "fossil-delta").is_dir():
        return "node, or what `npm ci` in tests/conformance installs, is not here"
    return None


def ask_clients(deltas: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """By decoder the SHA-256 of what it makes of each delta, or its complaint; all of them in one process.

    A delta is its `algorithm`, `base` and `delta`, both in base64; other members do not matter.
    """
    done = subprocess.run(
        ["node", "node/deltas.js"],
        cwd=_NODE,
        input="".join(json.dumps(dict(delta)) + "\n" for delta in deltas),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def decode_kept(path: Path) -> Counter[str]:
    """How many deltas of the file each decoder decoded, all of them to the exact bytes. Raises `ChildError`."""
    kept = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    found: Counter[str] = Counter()
    for each in kept:
        if each["algorithm"] == "xdelta3":
            made = vcdiff_decoder.decode(each["base"].encode(), base64.b64decode(each["delta"]))
            _judge("vcdiff-decoder of PyPI", hashlib.sha256(made).hexdigest(), each["message"], found)
    if missing() is None:
        told = ask_clients({**each, "base": base64.b64encode(each["base"].encode()).decode()} for each in kept)
        for each, answers in zip(kept, told, strict=True):
            for decoder, digest in answers.items():
                _judge(decoder, digest, each["message"], found)
    return found


def _judge(decoder: str, digest: str, message: str, found: Counter[str]) -> None:
    if digest != hashlib.sha256(message.encode()).hexdigest():
        raise ChildError(f"{decoder} makes {digest} of the delta for {message[:200]}")
    found[decoder] += 1
