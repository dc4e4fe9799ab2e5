"""CPU per frame delivered over TLS 1.3, beside the same frames written to Twisted's TLS transport."""

from __future__ import annotations

from collections.abc import Sequence

from ..harness.fanout import Fanout
from ..harness.figure import Figure, Plan, Reading, at_most, reading
from ..harness.process import Child, python
from ..harness.scratch import certificate
from ..harness.stats import ratio
from ..harness.windows import interleave

__all__ = ["FIGURE"]

_SUBSCRIBERS = 500
_TURNS = 3
_PAUSE = 0.012
"""Seconds after a broadcast: the readers decrypt, which takes them longer than to read."""


def _take(plan: Plan) -> Sequence[Reading]:
    chain, key = certificate()
    settings = "SSL_ENABLED=true", f"SSL_CERT_PATH={chain}", f"SSL_KEY_PATH={key}"
    server, bare = python("server", *settings), python("tls_bare", chain, key)
    with (
        Fanout(Child("server", server), _SUBSCRIBERS, tls=True) as ours,
        Fanout(Child("Twisted TLS", bare), _SUBSCRIBERS, speaks="websocket", tls=True) as twisted,
    ):
        found = interleave(
            {"ours": lambda: ours.window(_TURNS, _PAUSE), "twisted": lambda: twisted.window(_TURNS, _PAUSE)},
            plan.seconds(12),
            plan.tell,
        )
    return (
        reading(
            "tls",
            f"CPU per frame over TLS 1.3, {_SUBSCRIBERS} subscribers, one event a turn ÷ Twisted's transport.write",
            ratio(found["ours"], found["twisted"]),
            at_most(0.6, 0.5),
            "µs a frame",
            theirs="Twisted TLS",
        ),
    )


FIGURE = Figure("tls", "CPU per frame over TLS ÷ Twisted's TLS transport", _take)
