"""How much the authority in memory holds."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.backends.memory.authority import MemoryAuthority


class TotalsTests(SynchronousTestCase):
    """`MemoryAuthority.totals`"""

    def test_once(self) -> None:
        """What is on several nodes counts once."""
        authority = MemoryAuthority(Clock())
        for node in ("here", "there"):
            for channel in ("news", "presence-room"):
                authority.occupy("app", channel, node)
            authority.join("app", "presence-room", node, f"{node}.1", "both", "", 0)
            authority.join("app", "presence-room", node, f"{node}.2", node, "", 0)
            authority.user_up("app", "both", node, f"{node}.1")
        authority.occupy("other", "news", "here")
        self.assertEqual(authority.totals(), {"app": (1, 2, 1, 3), "other": (0, 1, 0, 0)})
