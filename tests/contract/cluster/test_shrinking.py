"""A sequence that fails is told as few steps as are enough."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from .steps import CALM, Step, seeded, shrunk


class ShrinkingTests(TestCase):
    """`steps.shrunk`"""

    async def test_what_is_enough(self) -> None:
        """Of many steps those are left, in order, without which it would not fail."""
        steps = seeded(1, 200, CALM)
        needed = [steps[17], steps[18], steps[150]]

        async def fails(candidate: list[Step]) -> bool:
            return [step for step in candidate if step in needed] == needed

        self.assertEqual(await shrunk(steps, fails), needed)

    def test_seeded(self) -> None:
        """A seed is one sequence."""
        self.assertEqual(seeded(5, 50, CALM), seeded(5, 50, CALM))
        self.assertNotEqual(seeded(5, 50, CALM), seeded(6, 50, CALM))
