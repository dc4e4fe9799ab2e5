"""Who gets the next place in flight: endpoints by how soon they answer, and the hooks of one in turn."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.engine.webhooks import endpoints
from sockudo_tx.engine.webhooks.endpoints import Endpoint, Endpoints, Flight, Kind
from sockudo_tx.engine.webhooks.lane import Lane
from tests.contract.webhook_queue_case import job


class EndpointsTests(SynchronousTestCase):
    """`Endpoints`"""

    def setUp(self) -> None:
        self.places = Endpoints()

    def fly(self, address: str, prompt: bool | None = None) -> tuple[Endpoint, Flight]:
        place = self.places.get(address)
        if prompt is not None:
            place.prompt = prompt
        return place, self.places.begin(job("x"), place, 0.0)

    def test_hangs(self) -> None:
        """One that answered is slow while an attempt hangs, and is what it was as soon as that has ended well."""
        place, flight = self.fly("a", prompt=True)
        self.assertIs(place.kind, Kind.PROMPT)
        self.places.look(2.0)
        self.assertIs(place.kind, Kind.SLOW)
        self.places.end(flight)
        self.assertIs(place.kind, Kind.PROMPT)

    def test_second_ones(self) -> None:
        """With ninety-six in flight at endpoints that never answered, these have one each; one that answers has more."""
        for number in range(96):
            place, _ = self.fly(f"new-{number}")
        self.assertFalse(self.places.room(place))
        self.assertTrue(self.places.room(self.places.get("another")))
        good, _ = self.fly("good", prompt=True)
        self.assertTrue(self.places.room(good))

    def test_last_places(self) -> None:
        """The last places are for endpoints that answer, and have nothing in flight."""
        for number in range(192):
            self.fly(f"new-{number}")
        self.assertFalse(self.places.room(self.places.get("new-too")))
        good, _ = self.fly("good", prompt=True)
        self.assertFalse(self.places.room(good))
        other = self.places.get("other")
        other.prompt = True
        self.assertTrue(self.places.room(other))

    def test_forgotten_and_back(self) -> None:
        """One that was forgotten and came back is another: what is left of the first changes nothing."""
        self.patch(endpoints, "_KNOWN_AT_MOST", 1)
        old = self.places.get("a")
        self.places.rest(old)
        self.places.rest(self.places.get("b"))
        new = self.places.get("a")
        self.assertIsNot(new, old)
        new.fresh.add(job("x"))
        self.places.rest(old)
        self.assertIs(self.places.get("a"), new)


class LaneTests(SynchronousTestCase):
    """`Lane`"""

    def test_busy(self) -> None:
        """A hook is busy from its fourth job on, and not any more with its third."""
        busy: set[str] = set()
        lane = Lane(busy)
        for name in "abcd":
            self.assertEqual(busy, set())
            lane.add(job(name))
        self.assertEqual(busy, {job("a").hook})
        lane.pop()
        self.assertEqual(busy, set())

    def test_in_turn(self) -> None:
        """Hooks have their turn, each in its own order."""
        lane = Lane(set())
        for name, hook in (("a", "x"), ("b", "x"), ("c", "x"), ("d", "y"), ("e", "y")):
            lane.add(job(name, hook))
        self.assertEqual([lane.pop().id[-1] for _ in range(5)], ["a", "d", "b", "e", "c"])
        self.assertFalse(lane)
