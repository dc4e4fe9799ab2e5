"""The promises of `IAuthority`, kept by the authority in memory."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from sockudo_tx.backends.memory.authority import MemoryAuthority
from sockudo_tx.interfaces import IAuthority

from .authority import authority_contract
from .authority_case import GRACE
from .churn import NODES, Operation, churn


class MemoryWorld:
    """One authority, which every node calls directly."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.authority = MemoryAuthority(self.clock, GRACE)

    def node(self, name: str) -> IAuthority:
        return IAuthority(self.authority)

    async def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def settle(self) -> None: ...

    async def close(self) -> None:
        assert not any(self.authority.tables().values()), self.authority.tables()


class MemoryAuthorityTests(authority_contract(MemoryWorld)):  # type: ignore[misc]
    """The authority in this process."""


operations = st.builds(
    Operation,
    st.sampled_from(NODES),
    st.integers(0, 2),
    st.sampled_from(("presence-1", "presence-2")),
    st.sampled_from([f"u{n}" for n in range(6)]),
    st.sets(st.sampled_from(NODES)).map(frozenset),
)


class MemoryTests(SynchronousTestCase):
    """What only the authority in memory promises"""

    def test_interface(self) -> None:
        """It provides the interface."""
        verifyObject(IAuthority, MemoryAuthority(Clock()))

    @settings(max_examples=60)
    @given(st.lists(operations, max_size=40))
    def test_any_churn(self, sequence: list[Operation]) -> None:
        """Whatever joins, parts and losses there are, mirrors fed by its changes show the true members."""
        world = MemoryWorld()
        self.successResultOf(Deferred.fromCoroutine(churn(world, sequence)))
        world.clock.advance(GRACE)
        world.authority.due()
        self.assertEqual(set(world.authority.tables().values()), {0})

    def test_no_grace(self) -> None:
        """With a grace of 0 a disappearance is due at once."""
        authority = MemoryAuthority(Clock(), 0)
        authority.occupy("app", "c", "a")
        authority.vacate("app", "c", "a")
        self.assertEqual([due.name for due in authority.due().found], ["channel_vacated"])

    def test_asking_leaves_nothing(self) -> None:
        """Questions about apps and channels nobody uses put nothing into the tables."""
        authority = MemoryAuthority(Clock())
        for app in ("x", "y"):
            authority.counts(app, "c")
            authority.channels(app, "")
            authority.snapshot(app, "presence-c")
            authority.online(app, ["u"])
            authority.user_connections(app, "u")
            authority.count(app, "c", "a", 5)
            authority.part(app, "presence-c", "a", "1.1")
            authority.vacate(app, "c", "a")
            authority.user_down(app, "u", "a", "1.1")
            authority.conn_close(app, "a", 1)
            authority.reap("a")
        self.assertEqual(set(authority.tables().values()), {0})
