"""Whatever happens to nodes, frames and clients: what clients believe becomes the truth, and never was impossible."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.trial.unittest import TestCase

from .model import run_seed
from .pairs import PAIRS, Pair
from .steps import BURYING, CALM, FAULTS, FORGETTING, seeded

__all__ = ["sequences"]


def sequences(new_pair: Callable[[int], Pair]) -> type[TestCase]:
    """The test case for this pair."""

    class AnySequence(TestCase):
        async def test_people(self) -> None:
            """People come, join, publish and leave, on all nodes at once."""
            for seed in range(6):
                await run_seed(new_pair, seed, seeded(seed, 300, CALM))

        async def test_people_and_faults(self) -> None:
            """Nodes die and freeze meanwhile; frames get lost, come twice, come late."""
            for seed in range(100, 106):
                await run_seed(new_pair, seed, seeded(seed, 300, CALM | FAULTS))

        async def test_people_and_losses(self) -> None:
            """And the authority loses its state, or nodes are taken for dead, where that can happen."""
            for seed in range(200, 203):
                await run_seed(new_pair, seed, seeded(seed, 300, CALM | FAULTS | FORGETTING))
                await run_seed(new_pair, seed, seeded(seed, 300, CALM | FAULTS | BURYING))

        @pytest.mark.long
        @pytest.mark.timeout(900)
        async def test_many(self) -> None:
            """The same with many seeds."""
            for seed in range(1000, 1200):
                await run_seed(new_pair, seed, seeded(seed, 400, CALM if seed % 3 else CALM | FAULTS))

    return AnySequence


class MemorySequenceTests(sequences(PAIRS["memory"])):  # type: ignore[misc]
    """A broker and an authority in memory"""


class SteadySequenceTests(sequences(PAIRS["steady"])):  # type: ignore[misc]
    """The same, where changes are told later, together, and again"""


class HubSequenceTests(sequences(PAIRS["hub"])):  # type: ignore[misc]
    """The hub's exchange and its workers' links, over real sockets"""
