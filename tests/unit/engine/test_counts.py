"""Subscription counts: when they are told, and how often (protocol.md 11, decisions.md 46)."""

from __future__ import annotations

from sockudo_tx.interfaces import Fact

from .case import EngineCase, Peer


def fact(count: int, channel: str = "news") -> Fact:
    return Fact("subscription_count", channel, subscription_count=count)


class CountCase(EngineCase):
    """An app that wants them."""

    def setUp(self) -> None:
        self.serve(enable_subscription_count_events=True)

    def subscriber(self, channel: str = "news") -> Peer:
        peer = self.open()
        peer.subscribe(channel)
        return peer

    def counts(self, peer: Peer) -> list[int]:
        return [data["subscription_count"] for name, data in peer.events() if name == "subscription_count"]

    def webhooks(self) -> list[int | None]:
        return [fact.subscription_count for fact in self.told("subscription_count")]


class SmallChannelTests(CountCase):
    """Up to a hundred subscribers"""

    def test_each_change(self) -> None:
        """Every change is told to all, the newcomer included, a tenth of a second later; also to webhooks."""
        first = self.subscriber()
        self.assertEqual(first.take(), [])
        self.advance(0.1)
        self.assertEqual(first.events(), [("subscription_count", {"subscription_count": 1})])
        second = self.subscriber()
        self.advance(0.1)
        self.assertEqual((self.counts(first), self.counts(second)), ([2], [2]))
        second.unsubscribe("news")
        self.advance(0.1)
        self.assertEqual((self.counts(first), self.counts(second)), ([1], []))
        first.vanish()
        self.advance(0.1)
        self.assertEqual(self.told("subscription_count"), [fact(1), fact(2), fact(1), fact(0)])

    def test_gathered(self) -> None:
        """Changes within a tenth of a second travel as one."""
        first = self.subscriber()
        for _ in range(9):
            self.advance(0.01)
            self.subscriber()
        self.advance(0.05)
        self.assertEqual((self.counts(first), self.webhooks()), ([10], [10]))

    def test_newcomer(self) -> None:
        """Somebody who takes another's place at once is told the count, though it has not changed; webhooks are not."""
        first = self.subscriber()
        second = self.subscriber()
        self.advance(0.1)
        self.counts(first)
        second.unsubscribe("news")
        third = self.subscriber()
        self.advance(0.1)
        self.assertEqual((self.counts(first), self.counts(third), self.webhooks()), ([2], [2], [2]))

    def test_every_kind(self) -> None:
        """Every kind of channel but presence and user channels is counted."""
        peer = self.open()
        peer.signin("u1")
        counted = ["news", "private-a", "private-encrypted-a", "cache-a", "private-cache-a"]
        for channel in [*counted, "#server-to-user-u1"]:
            peer.subscribe(channel)
        peer.subscribe("presence-r", "u1")
        self.advance(1)
        self.assertEqual([f.channel for f in self.told("subscription_count")], counted)
        self.assertEqual(self.counts(peer), [1] * len(counted))

    def test_repeat(self) -> None:
        """A repeated subscribe changes nothing."""
        peer = self.subscriber()
        self.advance(1)
        peer.take()
        peer.subscribe("news")
        self.advance(6)
        self.assertEqual(peer.take(), [])

    def test_nobody_is_told_zero(self) -> None:
        """When the last one leaves there is nobody to tell, and nothing is kept."""
        peer = self.subscriber()
        self.advance(1)
        peer.take()
        peer.unsubscribe("news")
        self.advance(0.1)
        self.assertEqual((peer.take(), self.authority.tables()["authority.paces"]), ([], 0))

    def test_only_one_leaves_and_comes_back(self) -> None:
        """The only connection of an app reconnects within the tenth of a second: the new one is told its count."""
        peer = self.subscriber()
        self.advance(0.05)
        peer.vanish()
        again = self.subscriber()
        self.advance(0.1)
        self.assertEqual(self.counts(again), [1])

    def test_off(self) -> None:
        """Without the option sockets hear nothing; webhooks have their own list of events."""
        self.change_app()
        peer = self.subscriber()
        self.advance(6)
        self.assertEqual((peer.take(), self.webhooks()), ([], [1]))

    def test_switched_off(self) -> None:
        """When nobody wants them any more nothing is kept for a channel."""
        self.facts.wants = lambda app, name: False  # type: ignore[method-assign]
        first = self.subscriber()
        self.advance(0.1)
        second = self.subscriber()
        self.change_app()
        third = self.subscriber()
        self.assertEqual(self.authority.tables()["authority.paces"], 0)
        self.advance(6)
        self.assertEqual([self.counts(peer) for peer in (first, second, third)], [[1], [], []])


class CrowdTests(CountCase):
    """More than a hundred subscribers"""

    def setUp(self) -> None:
        super().setUp()
        self.crowd = [self.subscriber() for _ in range(101)]
        self.advance(10)
        for peer in self.crowd:
            peer.take()
        self.told()

    def test_pace(self) -> None:
        """At most one count in five seconds, with the value at its end, and none when nothing changed."""
        first = self.crowd[0]
        for _ in range(50):
            self.subscriber()
            self.advance(0.09)
        self.assertEqual(self.counts(first), [])
        self.advance(1)
        self.assertEqual(self.counts(first), [151])
        self.subscriber()
        self.advance(4.9)
        self.assertEqual(self.counts(first), [])
        self.advance(30)
        self.assertEqual((self.counts(first), self.webhooks()), ([152], [151, 152]))

    def test_same_again(self) -> None:
        """A count that is back where it was is not told."""
        self.subscriber().vanish()
        self.advance(10)
        self.assertEqual((self.counts(self.crowd[0]), self.webhooks()), ([], []))

    def test_down_again(self) -> None:
        """A channel that has become small is told of at once again, and the slow count is not told as well."""
        self.subscriber()
        for peer in self.crowd[1:4]:
            peer.vanish()
        self.advance(0.1)
        self.assertEqual(self.counts(self.crowd[0]), [99])
        self.advance(10)
        self.assertEqual((self.counts(self.crowd[0]), self.webhooks()), ([], [99]))

    def test_all_at_once(self) -> None:
        """Everybody leaving is one fact, not one for each."""
        for peer in self.crowd:
            peer.vanish()
        self.advance(10)
        self.assertEqual(self.webhooks(), [0])
