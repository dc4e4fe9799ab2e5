"""The registry: nothing stays that is empty."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.engine.registry import Registry
from sockudo_tx.engine.stats import AppStats, stats_of
from sockudo_tx.engine.tables import PLAIN_SUBSCRIPTION, AppSpace, Socket, Subscription
from sockudo_tx.engine.tally import Tally
from sockudo_tx.protocol.liveness import Pulse
from sockudo_tx.protocol.names import ChannelName
from sockudo_tx.testing import fixture_app, sizes

from .case import EngineCase
from .sinks import RecordingSink

NEWS = ChannelName.of("news")


class RegistryTests(SynchronousTestCase):
    """`Registry`"""

    def setUp(self) -> None:
        self.registry = Registry(Tally())
        self.space = self.registry.space(fixture_app())
        self.numbers = 0

    def socket(self) -> Socket:
        self.numbers += 1
        one = Socket(RecordingSink(), Pulse(0, None))
        one.id = f"1.{self.numbers}"
        self.registry.add(self.space, one)
        return one

    def test_space(self) -> None:
        """An app has one space while it has anything, and its record is the last one seen."""
        newer = fixture_app(max_connections=7)
        self.assertIs(self.registry.space(newer), self.space)
        self.assertIs(self.space.app, newer)
        one = self.socket()
        self.assertIs(one.space, self.space)
        self.registry.remove(self.space, one)
        self.assertIsNone(one.space)
        self.assertEqual(self.registry.apps, {})

    def test_channel(self) -> None:
        """A channel lives from its first subscriber to its last; subscribers keep their order."""
        one, other = self.socket(), self.socket()
        channel = self.registry.enter(self.space, NEWS, one, PLAIN_SUBSCRIPTION)
        self.assertIs(self.registry.enter(self.space, NEWS, other, PLAIN_SUBSCRIPTION), channel)
        self.registry.enter(self.space, NEWS, one, Subscription(7))
        self.assertEqual(list(channel.subscribers.items()), [(one, Subscription(7)), (other, PLAIN_SUBSCRIPTION)])
        self.assertIs(self.registry.exit(self.space, "news", one), channel)
        self.assertIs(self.registry.exit(self.space, "news", other), channel)
        self.assertEqual((self.space.channels, channel.subscribers), ({}, {}))

    def test_not_in(self) -> None:
        """Leaving a channel one is not in is nothing."""
        one, other = self.socket(), self.socket()
        self.registry.enter(self.space, NEWS, one, PLAIN_SUBSCRIPTION)
        self.assertIsNone(self.registry.exit(self.space, "news", other))
        self.assertIsNone(self.registry.exit(self.space, "other", one))

    def test_bind(self) -> None:
        """A user is there while it has a socket."""
        one, other = self.socket(), self.socket()
        for socket in (one, other, one):
            self.registry.bind(self.space.users, "u1", socket)
        self.registry.unbind(self.space.users, "u1", one)
        self.registry.unbind(self.space.users, "u1", one)
        self.registry.unbind(self.space.users, "nobody", one)
        self.assertEqual(self.space.users, {"u1": {other: None}})
        self.registry.unbind(self.space.users, "u1", other)
        self.assertEqual(self.space.users, {})

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["enter", "exit", "bind", "unbind"]),
                st.integers(0, 3),
                st.sampled_from(["a", "b", "c"]),
            )
        )
    )
    def test_nothing_stays(self, story: list[tuple[str, int, str]]) -> None:
        """Whatever was entered and bound, undoing it empties every table."""
        self.setUp()
        sockets = [self.socket() for _ in range(4)]
        for action, number, name in story:
            self.act(action, sockets[number], name)
        for one in sockets:
            for name in "abc":
                self.act("exit", one, name)
                self.act("unbind", one, name)
            self.registry.remove(self.space, one)
        self.assertEqual(sizes({"registry": self.registry, "space": self.space}), {})

    def act(self, action: str, one: Socket, name: str) -> None:
        space: AppSpace = self.space
        if action == "enter":
            self.registry.enter(space, ChannelName.of(name), one, PLAIN_SUBSCRIPTION)
        elif action == "exit":
            self.registry.exit(space, name, one)
        elif action == "bind":
            self.registry.bind(space.users, name, one)
        else:
            self.registry.unbind(space.users, name, one)


class StatsTests(EngineCase):
    """`stats_of`"""

    def test_totals(self) -> None:
        """Every number is what the tables hold now, per app and in all."""
        first, second = self.member("u1"), self.member("u1")
        self.member("u2", "presence-s")
        first.subscribe("news")
        second.subscribe("news")
        first.signin("x")
        second.signin("x")
        self.open()
        expected = AppStats(
            connections=4,
            authenticated_connections=2,
            users=1,
            channels=3,
            subscriptions=5,
            presence_channels=2,
            presence_subscriptions=3,
            presence_members=2,
        )
        self.assertEqual(stats_of(self.engine.registry), ({"app": expected}, expected))

    def test_nothing(self) -> None:
        """Nobody is nothing, not an error."""
        stats = self.engine.stats()
        self.assertEqual((stats.apps, set(stats.totals)), ({}, {0}))
