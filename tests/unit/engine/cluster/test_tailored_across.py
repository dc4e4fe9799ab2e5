"""Deltas and tag filters where the publisher is on another node."""

from __future__ import annotations

from typing import Any

from zope.interface import implementer

from sockudo_tx.delta.settings import DeltaSettings
from sockudo_tx.engine.settings import EngineSettings
from sockudo_tx.interfaces import IDeltaPace
from tests.delta.case import Follower, padded, plain

from .case import ClusterCase


@implementer(IDeltaPace)
class Told:
    """Gives these verdicts in turn, then False; remembers what was counted."""

    def __init__(self, *verdicts: bool | None) -> None:
        self.verdicts = list(verdicts)
        self.counted: list[str] = []

    def count(self, app_id: str, channel: str, key: str, interval: int) -> bool | None:
        self.counted.append(key)
        return self.verdicts.pop(0) if self.verdicts else False


class TailoredCase(ClusterCase):
    """Followers on nodes `a` and `b`; what is published comes from `c`, unless a test says otherwise."""

    def begin(self, pace: IDeltaPace | None = None, **delta: Any) -> list[Follower]:
        settings = EngineSettings(delta=DeltaSettings(filtering=True, **delta))
        self.start(settings=settings, pace=pace)
        followers = [Follower(self.cluster[place].client()) for place in range(2)]
        for follower in followers:
            follower.enable()
            follower.subscribe()
            follower.take()
        return followers


class DeltaTests(TailoredCase):
    """Bases and numbers are each node's own: plain messages cross."""

    def test_D79_deltas(self) -> None:
        """Each node makes its own, and followers everywhere read the same events."""
        followers = self.begin()
        for n in range(4):
            self.c.publish("c", "n", padded(n))
        for follower in followers:
            self.assertEqual(follower.kinds(), ["full", "delta", "delta", "delta"])
        self.a.publish("c", "n", padded(9))
        self.assertEqual([follower.events() for follower in followers], [[plain(padded(9))]] * 2)

    def test_D80_no_delta(self) -> None:
        """`delta: false` of the publisher holds on every node."""
        followers = self.begin()
        for n in range(3):
            self.c.publish("c", "n", padded(n), delta=n != 1)
        for follower in followers:
            self.assertEqual(follower.kinds(), ["full", "plain", "delta"])

    def test_relayed(self) -> None:
        """A client's event is never numbered; one that spoils what followers remember makes them forget it everywhere."""
        self.begin()
        followers = [Follower(self.cluster[place].client()) for place in range(2)]
        for follower in followers:
            follower.enable()
            follower.subscribe("private-c", auth=follower.client.auth("private-c", None))
        author = self.c.client()
        author.subscribe("private-c")
        self.c.publish("private-c", "n", padded(1))
        data = {"__delta_seq": 7}
        author.send({"event": "client-e", "channel": "private-c", "data": data})
        self.c.publish("private-c", "n", padded(2))
        for follower in followers:
            self.assertEqual(follower.kinds().count("delta"), 0)
            self.assertNotEqual(follower.events(), None)

    def test_D81_pace(self) -> None:
        """Who publishes counts, once, whether or not anybody there follows; the verdict holds on every node."""
        pace = Told(False, False, True, False)
        followers = self.begin(pace=IDeltaPace(pace))
        for n in range(4):
            self.c.publish("c", "n", padded(n))
        self.assertEqual(len(pace.counted), 4)
        for follower in followers:
            self.assertEqual(follower.kinds(), ["full", "delta", "full", "delta"])

    def test_D82_no_pace(self) -> None:
        """Without a verdict each node goes by its own count."""
        followers = self.begin(pace=IDeltaPace(Told(None, None, None, None)), full_message_interval=2)
        for n in range(4):
            self.c.publish("c", "n", padded(n))
        for follower in followers:
            self.assertEqual(follower.kinds(), ["full", "delta", "delta", "full"])


class FilterTests(TailoredCase):
    """Tags cross; filters are where the sockets are."""

    def test_D118_tags(self) -> None:
        """Each node filters its own sockets by the tags of the publisher, and sends them along."""
        self.start(settings=EngineSettings(delta=DeltaSettings(filtering=True)))
        clients = [self.cluster[place].client() for place in range(2)]
        wanted = {"cmp": "eq", "key": "type", "val": "goal"}
        for client in clients:
            client.subscribe("c", filter=wanted)
        everything = self.b.client()
        everything.subscribe("c")
        for kind in ("goal", "shot"):
            self.c.publish("c", "n", "{}", tags={"type": kind})
        goal = plain("{}", tags={"type": "goal"})
        self.assertEqual([client.take() for client in clients], [[goal]] * 2)
        self.assertEqual(everything.take(), [goal, plain("{}", tags={"type": "shot"})])
