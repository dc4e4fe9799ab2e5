"""Whatever a node says, and whatever gets lost: in the end a remote authority knows what is so."""

from __future__ import annotations

import random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from sockudo_tx.interfaces import BackendError

from .steady_case import SteadyCase


class AnySequenceTests(SteadyCase):
    """Channels, members and users come and go at random, while the authority is away at times and answers get lost."""

    def test_any_sequence(self) -> None:
        """What the authority knows in the end is what the node knows."""
        for seed in range(25):
            self.setUp()
            self.play(random.Random(seed))

    def play(self, chance: random.Random) -> None:
        self.channels: dict[str, int] = {}
        self.members: dict[tuple[str, str], str] = {}
        self.users: set[tuple[str, str]] = set()
        self.asking: set[tuple[str, str]] = set()
        self.far.lossy = lambda: chance.random() < 0.05
        for _ in range(300):
            self.pass_time(chance.choice((0, 0, 0, 0.001, 0.02, 0.3)))
            if chance.random() < 0.02:
                self.far.down = not self.far.down
            channel, socket, user = (f"{kind}{chance.randrange(4)}" for kind in ("presence-", "1.", "u"))
            what = chance.randrange(3)
            if what == 0:
                self.change_channel(channel, chance.randrange(4))
            elif what == 1:
                self.change_member((channel, socket), user)
            else:
                self.change_user((user, socket))
        self.far.down = False
        self.far.lossy = lambda: False
        self.pass_time(30)
        self.compare()

    def change_channel(self, channel: str, subscribers: int) -> None:
        if channel not in self.channels:
            subscribers = 1
            _ignore(self.steady.occupy("app", channel, "a"))
        if subscribers:
            self.channels[channel] = subscribers
            self.steady.count("app", channel, "a", subscribers)
        else:
            del self.channels[channel]
            self.steady.vacate("app", channel, "a")

    def change_member(self, place: tuple[str, str], user: str) -> None:
        """A socket that asks to be a member does nothing else until it is answered, as in the engine."""
        channel, socket = place
        if place in self.asking:
            return
        if self.members.pop(place, None) is not None:
            self.part(socket, channel)
            return

        def answered(result: object) -> None:
            self.asking.discard(place)
            if isinstance(result, Failure):
                result.trap(BackendError)
                self.part(socket, channel)
            else:
                self.members[place] = user

        self.asking.add(place)
        self.join(socket, user, channel).addBoth(answered)

    def change_user(self, sign_in: tuple[str, str]) -> None:
        user, socket = sign_in
        if sign_in in self.users:
            self.users.discard(sign_in)
            self.steady.user_down("app", user, "a", socket)
        else:
            self.users.add(sign_in)
            _ignore(self.steady.user_up("app", user, "a", socket))

    def compare(self) -> None:
        self.assertEqual(self.asking, set())
        self.assertEqual(self.steady.backlog, 0)
        found = self.truth.channels("app", "")
        self.assertEqual({name: counts.subscriptions for name, counts in found.items()}, self.channels)
        for channel in (f"presence-{number}" for number in range(4)):
            here = {user for (name, _), user in self.members.items() if name == channel}
            self.assertEqual(set(self.truth.snapshot("app", channel).members), here)
        for user in (f"u{number}" for number in range(4)):
            self.assertEqual(self.truth.user_connections("app", user), sum(name == user for name, _ in self.users))


def _ignore(answer: Any) -> None:
    if isinstance(answer, Deferred):
        answer.addErrback(lambda failure: failure.trap(BackendError))
