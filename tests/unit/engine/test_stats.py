"""Totals of several nodes."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.engine.stats import AppStats, Distinct, together


def app(connections: int, users: int, channels: int, subscriptions: int) -> AppStats:
    return AppStats(connections, users, users, channels, subscriptions, channels, subscriptions, users)


class TogetherTests(SynchronousTestCase):
    """`together`"""

    def test_sums(self) -> None:
        """Connections and subscriptions are added; users and channels that are on both count once."""
        nodes = [{"a": app(10, 2, 3, 4), "b": app(1, 1, 1, 1)}, {"a": app(20, 3, 3, 5)}]
        found = together(nodes, {"a": Distinct(4, 5, 6, 7), "c": Distinct(1, 1, 1, 1)})
        self.assertEqual(
            found.apps,
            {
                "a": AppStats(
                    connections=30,
                    authenticated_connections=5,
                    users=4,
                    channels=5,
                    subscriptions=9,
                    presence_channels=6,
                    presence_subscriptions=9,
                    presence_members=7,
                ),
                "b": app(1, 1, 1, 1),
            },
        )
        self.assertEqual((found.totals.connections, found.totals.users, found.totals.channels), (31, 5, 6))

    def test_nothing(self) -> None:
        """Without nodes and without apps everything is zero."""
        self.assertEqual(together([], {}), ({}, (0, 0, 0, 0, 0, 0, 0, 0)))
        self.assertEqual(together([{}, {}], {}).totals.connections, 0)
