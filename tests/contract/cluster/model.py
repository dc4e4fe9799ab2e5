"""Random runs on a pair, and what is left of one that fails."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from twisted.trial.unittest import FailTest

from .client import Broken
from .pairs import Pair
from .steps import Step, shrunk
from .world import World

__all__ = ["run", "run_seed"]


async def run(new_pair: Callable[[int], Pair], seed: int, steps: Sequence[Step], nodes: int = 3) -> World:
    """Do the steps in a new cluster, then let everybody leave."""
    state = random.getstate()
    random.seed(seed)  # the server's own jitter
    pair = new_pair(seed)
    try:
        world = World(pair, nodes)
        for step in steps:
            await world.act(step)
        await world.end()
        return world
    finally:
        random.setstate(state)
        await pair.close()


async def run_seed(new_pair: Callable[[int], Pair], seed: int, steps: Sequence[Step], nodes: int = 3) -> World:
    """`run`; a failure tells the shortest sequence that was found to fail likewise."""
    try:
        return await run(new_pair, seed, steps, nodes)
    except Broken as fault:
        return await _explain(new_pair, seed, steps, nodes, fault)


async def _explain(
    new_pair: Callable[[int], Pair], seed: int, steps: Sequence[Step], nodes: int, fault: Broken
) -> World:
    last = fault

    async def fails(candidate: list[Step]) -> bool:
        nonlocal last
        try:
            await run(new_pair, seed, candidate, nodes)
        except Broken as found:
            if _kind(found) != _kind(fault):
                return False
            last = found
            return True
        return False

    left = await shrunk(steps, fails)
    lines = "\n".join(f"    {step!r}," for step in left)
    raise FailTest(
        f"seed {seed}: {fault}\n{len(left)} of {len(steps)} steps are enough: {last}\n[\n{lines}\n]"
    ) from None


def _kind(fault: Broken) -> str:
    """The fault without names and numbers."""
    return re.sub(r"\W*\w*\d\w*\W*", "", str(fault))
