"""Coming and going at random, alone and in crowds, some while others wait to be taken out: each transition told once."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from sockudo_tx.interfaces import Fact

from .case import GRACE, EngineCase, Peer

ROOMS = [f"presence-{number}" for number in range(3)]
HALLS = [f"hall-{number}" for number in range(12)]
USERS = [f"u{number}" for number in range(30)]

_OPPOSITE = {
    "channel_occupied": "channel_vacated",
    "channel_vacated": "channel_occupied",
    "member_added": "member_removed",
    "member_removed": "member_added",
}
_GONE = frozenset({"channel_vacated", "member_removed"})


class TransitionsTests(EngineCase):
    """`channel_occupied` and `channel_vacated`, `member_added` and `member_removed`, for webhooks and for members"""

    def play(self, transitions: int) -> None:
        """Until so many transitions were told, to webhooks and to a member of each room together."""
        chance = random.Random(transitions)
        self.watchers = {room: self.member("watcher", room) for room in ROOMS}
        self.peers.clear()  # a list of everybody there ever was
        self.last: dict[object, str] = {}
        self.seen: Counter[str] = Counter()
        here: list[Peer] = []
        waited = 0
        while self.seen.total() < transitions:
            waited += self.engine.tables()["leaving"] > 0
            for _ in range(chance.randrange(40)):
                here.append(self.come(chance))
            chance.shuffle(here)
            for _ in range(chance.choice((0, 1, 3, 20, 60, len(here)))):
                if here:
                    here.pop().vanish()
            if chance.random() < 0.2:
                for peer in here[-5:]:
                    peer.unsubscribe(chance.choice(ROOMS + HALLS))
            self.pass_time(chance)
            self.listen()
        self.assertGreater(waited, transitions // 1000, "how often some came while others waited")
        for leaving in (here, self.watchers.values()):
            for peer in leaving:
                peer.vanish()
            self.advance(GRACE + 1)
            self.listen()
        self.assertEqual({told for told in self.last.values() if told not in _GONE}, set())

    def come(self, chance: random.Random) -> Peer:
        peer = self.connect()
        self.peers.clear()
        for room in chance.sample(ROOMS, chance.randrange(3)):
            peer.subscribe(room, chance.choice(USERS))
        for hall in chance.sample(HALLS, chance.randrange(3)):
            peer.subscribe(hall)
        return peer

    def pass_time(self, chance: random.Random) -> None:
        """Mostly a slice or none, sometimes more than a grace."""
        if chance.random() < 0.5:
            self.turn()
        elif chance.random() < 0.5:
            self.advance(chance.choice((0.01, 0.1, 1.0, GRACE + 1)))

    def listen(self) -> None:
        """Everything told is the opposite of what was told last of the same channel or member."""
        for fact in self.facts.take():
            if fact.name in _OPPOSITE:
                self.note(("webhook", fact.channel, fact.user_id), fact)
        for room, watcher in self.watchers.items():
            for name, data in watcher.events():
                if name in _OPPOSITE:
                    self.note(("member", room, data["user_id"]), Fact(name, room, user_id=data["user_id"]))

    def note(self, what: tuple[str, str, str | None], fact: Fact) -> None:
        before = self.last.get(what)
        if before is None:
            self.assertNotIn(fact.name, _GONE, what)
        else:
            self.assertEqual(fact.name, _OPPOSITE[before], what)
        self.last[what] = fact.name
        self.seen[fact.name] += 1

    def test_alternate(self) -> None:
        """They alternate strictly over 10,000 transitions, and everybody is gone in the end."""
        self.play(10_000)

    @pytest.mark.long
    def test_alternate_long(self) -> None:
        """The same over 100,000."""
        self.play(100_000)
