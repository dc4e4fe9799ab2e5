"""What a random run does: steps that mean something wherever they stand, so that any may be left out."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

__all__ = ["BURYING", "CALM", "FAULTS", "FORGETTING", "Step", "seeded", "shrunk"]


class Step(NamedTuple):
    """`numbers` choose among what there is when its turn comes: a client, a channel, a user."""

    what: str
    numbers: tuple[int, int, int, int]

    def __repr__(self) -> str:
        return f"Step({self.what!r}, {self.numbers})"


CALM = {
    "connect": 8, "lose": 4, "subscribe": 30, "unsubscribe": 12, "again": 2, "publish": 24, "batch": 3, "client_event": 6,
    "sign_in": 6, "to_user": 4, "terminate": 1, "turn": 10, "wait": 6, "look": 3, "rest": 1,
}  # fmt: skip
"""How often each comes: what people do."""
FAULTS = {
    "boot": 2, "crash": 1, "crash_busy": 1, "freeze": 2, "thaw": 3, "drop": 2, "twice": 1, "lag": 2, "cut": 1, "heal": 2,
}  # fmt: skip
"""What happens to nodes and frames."""
FORGETTING = {"forget": 0.5}
"""The authority loses its state."""
BURYING = {"bury": 0.5, "bury_busy": 0.5}
"""Nodes that live are taken for dead."""


def seeded(seed: int, length: int, weights: dict[str, float]) -> list[Step]:
    """The same steps for the same seed."""
    rng = random.Random(seed)
    names = list(weights)
    return [
        Step(name, (rng.randrange(997), rng.randrange(997), rng.randrange(997), rng.randrange(997)))
        for name in rng.choices(names, [weights[name] for name in names], k=length)
    ]


async def shrunk(steps: Sequence[Step], fails: Callable[[list[Step]], Awaitable[bool]], tries: int = 400) -> list[Step]:
    """Steps that still fail, fewer of them: pieces are left out, smaller and smaller ones (delta debugging)."""
    left = list(steps)
    size = max(1, len(left) // 2)
    while tries > 0:
        start, removed = 0, False
        while start < len(left) and tries > 0:
            candidate = left[:start] + left[start + size :]
            tries -= 1
            if await fails(candidate):
                left, removed = candidate, True
            else:
                start += size
        if size == 1 and not removed:
            break
        size = max(1, size // 2)
    return left
