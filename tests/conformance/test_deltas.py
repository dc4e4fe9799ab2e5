"""D-75: deltas decoded by the npm packages that clients use."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator

import pytest

from benchmarks.harness.decoders import ask_clients, missing
from sockudo_tx.delta import fossil, vcdiff
from tests.unit.delta.pairs import Pair, awkward, edited, streamed

DECODERS = {"fossil": ["fossil-delta"], "xdelta3": ["@ably/vcdiff-decoder", "vcdiff-decoder"]}


def _decoded(algorithm: str, deltas: Iterable[tuple[bytes, bytes]]) -> list[dict[str, str]]:
    """The SHA-256 of what each decoder makes of each base and delta, or its complaint."""
    return ask_clients({"algorithm": algorithm, "base": _text(base), "delta": _text(delta)} for base, delta in deltas)


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


@pytest.mark.parametrize(("algorithm", "encode"), [("fossil", fossil.encode), ("xdelta3", vcdiff.encode)])
@pytest.mark.parametrize(
    ("pairs", "least"),
    [(lambda: edited(3000), 1500), (lambda: streamed(400), 1200), (awkward, 5)],
    ids=["edits", "streams", "awkward"],
)
def test_D75_decoders_of_clients(
    algorithm: str,
    encode: Callable[[bytes, bytes], bytes | None],
    pairs: Callable[[], Iterator[Pair]],
    least: int,
) -> None:
    """Every delta decodes to the exact bytes, in each of them."""
    if (reason := missing()) is not None:
        pytest.skip(reason)
    made = [(base, target, delta) for base, target in pairs() if (delta := encode(base, target)) is not None]
    assert len(made) >= least
    found = _decoded(algorithm, [(base, delta) for base, _, delta in made])
    expected = [dict.fromkeys(DECODERS[algorithm], hashlib.sha256(target).hexdigest()) for _, target, _ in made]
    assert found == expected
