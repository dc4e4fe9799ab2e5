"""Connect, established, subscribe, beside the handshake of a bare Autobahn server."""

from __future__ import annotations

from collections.abc import Sequence

from ..harness.client import Speaks, connect_wave
from ..harness.figure import Figure, Plan, Reading, at_most, reading
from ..harness.process import Child, python
from ..harness.stats import ratio
from ..harness.windows import interleave

__all__ = ["FIGURE"]

_WAVE = 25
_WAVES = 6


def _window(subject: Child, speaks: Speaks) -> float:
    """Microseconds of CPU per connection that is let in; that it leaves again is not counted."""
    spent = 0
    for _ in range(_WAVES):
        began = subject.settled()
        peers = connect_wave(subject.port, _WAVE, speaks, "bench-0")
        spent += subject.settled() - began
        for peer in peers:
            peer.close()
    subject.settled()
    return spent / 1000 / (_WAVE * _WAVES)


def _take(plan: Plan) -> Sequence[Reading]:
    with Child("server", python("server")) as ours, Child("Autobahn", python("autobahn_bare")) as bare:
        found = interleave(
            {"ours": lambda: _window(ours, "pusher"), "bare": lambda: _window(bare, "websocket")},
            plan.seconds(12),
            plan.tell,
        )
    return (
        reading(
            "connect",
            "connect + established + subscribe ÷ bare Autobahn handshake, CPU",
            ratio(found["ours"], found["bare"]),
            at_most(1.5, 1.1),
            "µs a connection",
            theirs="Autobahn",
        ),
    )


FIGURE = Figure("connect", "connect + established + subscribe ÷ bare Autobahn handshake", _take)
