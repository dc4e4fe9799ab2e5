"""The memory in front of an app store: when it asks, whom it asks for, and what it says while the store is down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from sockudo_tx.backends.cached_apps import CachedApps
from sockudo_tx.interfaces import BackendError, IApps
from sockudo_tx.protocol.app import App

ONE = App(id="1", key="one", secret="s")


@implementer(IApps)
class Store:
    """A store whose answers the test gives, and that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.answers: list[Deferred[Any]] = []
        self.answer: Callable[[], Any] = self._later

    def by_key(self, key: str) -> Any:
        self.asked.append(("key", key))
        return self.answer()

    def by_id(self, app_id: str) -> Any:
        self.asked.append(("id", app_id))
        return self.answer()

    def all(self) -> Any:
        self.asked.append(("all", ""))
        return self.answer()

    def says(self, value: Any) -> None:
        """From now on, answer this at once; an exception is raised."""

        def answer() -> Any:
            if isinstance(value, Exception):
                raise value
            return value

        self.answer = answer

    def _later(self) -> Deferred[Any]:
        self.answers.append(Deferred())
        return self.answers[-1]


class CachedAppsTests(SynchronousTestCase):
    """`CachedApps`"""

    def setUp(self) -> None:
        self.clock = Clock()
        self.store = Store()
        self.apps = CachedApps(self.store, self.clock, 100)

    def knows_one(self) -> None:
        """The cache has learned the app ONE just now."""
        self.store.says(ONE)
        self.assertEqual(self.apps.by_key("one"), ONE)
        self.store.asked.clear()

    def test_C71_one_query(self) -> None:
        """An app asked for by key is known by key and by id."""
        self.store.says(ONE)
        self.assertEqual([self.apps.by_key("one"), self.apps.by_key("one"), self.apps.by_id("1")], [ONE] * 3)
        self.assertEqual(self.store.asked, [("key", "one")])

    def test_C72_unknown(self) -> None:
        """An unknown key is asked for again after 5 seconds, not before."""
        self.store.says(None)
        for _ in range(3):
            self.assertIsNone(self.apps.by_key("x"))
        self.clock.advance(4.9)
        self.assertIsNone(self.apps.by_key("x"))
        self.assertEqual(len(self.store.asked), 1)
        self.clock.advance(0.1)
        self.store.says(App(id="x", key="x", secret="s"))
        self.assertIsNotNone(self.apps.by_key("x"))

    def test_C72_single_flight(self) -> None:
        """Fifty that ask at once wait for one query."""
        waiting = [self.apps.by_key("one") for _ in range(50)]
        self.assertEqual(self.store.asked, [("key", "one")])
        self.store.answers[0].callback(ONE)
        self.assertEqual([self.successResultOf(each) for each in waiting if isinstance(each, Deferred)], [ONE] * 50)
        self.assertEqual(self.apps.by_key("one"), ONE)

    def test_refresh_ahead(self) -> None:
        """After four fifths of its time an app is asked for in the background; nobody waits."""
        self.knows_one()
        self.clock.advance(79)
        self.apps.by_key("one")
        self.assertEqual(self.store.asked, [])
        self.clock.advance(1)
        del self.store.answer  # answers come later from here on
        self.store.answer = self.store._later
        self.assertEqual([self.apps.by_key("one"), self.apps.by_key("one")], [ONE, ONE])
        self.assertEqual(self.store.asked, [("key", "one")])
        newer = App(id="1", key="one", secret="newer")
        self.store.answers[0].callback(newer)
        self.assertEqual(self.apps.by_id("1"), newer)

    def test_old_records_are_not_served(self) -> None:
        """When its time is over and the store works, the store's answer is waited for."""
        self.knows_one()
        self.clock.advance(100)
        self.store.says(None)
        self.assertIsNone(self.apps.by_key("one"))
        self.assertIsNone(self.apps.by_id("1"))

    def test_for_ever(self) -> None:
        """A ttl of 0 never asks again."""
        self.apps = CachedApps(self.store, self.clock, 0)
        self.knows_one()
        self.clock.advance(1e9)
        self.apps.by_key("one")
        self.assertEqual(self.store.asked, [])

    def test_S105_store_down(self) -> None:
        """While the store fails, known apps are served for a day, unknown ones are told as a failure."""
        self.knows_one()
        self.clock.advance(100)
        self.store.says(BackendError("down"))
        self.assertEqual(self.apps.by_key("one"), ONE)
        self.assertRaises(BackendError, self.apps.by_key, "two")
        self.clock.advance(24 * 3600 - 1)
        self.assertEqual(self.apps.by_key("one"), ONE)
        self.clock.advance(1)
        self.assertRaises(BackendError, self.apps.by_key, "one")
        self.assertEqual(self.apps.stale_answers, 2)

    def test_store_down_is_asked_seldom(self) -> None:
        """A store that failed is asked again every 5 seconds, in the background, and believed when it is back."""
        self.knows_one()
        self.clock.advance(100)
        self.store.answer = self.store._later
        waiting = self.apps.by_key("one")
        self.store.answers.pop().errback(BackendError("down"))
        assert isinstance(waiting, Deferred)
        self.assertEqual(self.successResultOf(waiting), ONE)
        for _ in range(10):
            self.assertEqual(self.apps.by_key("one"), ONE)
        self.assertEqual(len(self.store.asked), 1)
        self.clock.advance(5)
        self.assertEqual(self.apps.by_key("one"), ONE)
        self.assertEqual(len(self.store.asked), 2)
        newer = App(id="1", key="one", secret="newer")
        self.store.answers.pop().callback(newer)
        self.assertEqual(self.apps.by_key("one"), newer)

    def test_failures_are_not_kept(self) -> None:
        """A failure is told to all who wait, and the next one asks again."""
        waiting = [self.apps.by_key("one") for _ in range(3)]
        self.store.answers[0].errback(BackendError("down"))
        for each in waiting:
            assert isinstance(each, Deferred)
            self.failureResultOf(each, BackendError)
        self.store.says(ONE)
        self.assertEqual(self.apps.by_key("one"), ONE)

    def test_bugs_are_told(self) -> None:
        """An error that is not the store's reaches who asked."""
        waiting = self.apps.by_key("one")
        self.store.answers[0].errback(ZeroDivisionError())
        assert isinstance(waiting, Deferred)
        self.failureResultOf(waiting, ZeroDivisionError)

    def test_bugs_in_the_background_are_logged(self) -> None:
        """An error that is not the store's, while nobody waits, is logged as the bug it is."""
        self.knows_one()
        self.clock.advance(90)
        self.store.answer = self.store._later
        self.apps.by_key("one")
        self.store.answers[0].errback(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_giving_up(self) -> None:
        """One who gives up takes nothing from the others."""
        first, second = self.apps.by_key("one"), self.apps.by_key("one")
        assert isinstance(first, Deferred)
        assert isinstance(second, Deferred)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.store.answers[0].callback(ONE)
        self.assertEqual(self.successResultOf(second), ONE)

    def test_giving_up_on_another(self) -> None:
        """Being told may make one cancel another who waits; everybody else is still told."""
        first, second, third = (self.apps.by_key("one") for _ in range(3))
        assert isinstance(first, Deferred)
        assert isinstance(second, Deferred)
        assert isinstance(third, Deferred)
        _ = first.addCallback(lambda _: second.cancel())
        self.store.answers[0].callback(ONE)
        self.failureResultOf(second, CancelledError)
        self.assertEqual(self.successResultOf(third), ONE)

    def test_C73_forget(self) -> None:
        """After a change notice the next lookup asks, and an old key does not resolve."""
        self.knows_one()
        changed = App(id="1", key="uno", secret="s")
        self.apps.forget("1")
        self.store.says(changed)
        self.assertEqual(self.apps.by_id("1"), changed)
        self.store.says(None)
        self.assertIsNone(self.apps.by_key("one"))
        self.assertEqual(self.apps.by_key("uno"), changed)

    def test_forget_unknown(self) -> None:
        """After a change notice an unknown key may be the new app's."""
        self.store.says(None)
        self.assertIsNone(self.apps.by_key("one"))
        self.apps.forget("1")
        self.store.says(ONE)
        self.assertEqual(self.apps.by_key("one"), ONE)

    def test_forget_while_asking(self) -> None:
        """An answer that was asked for before the change notice is neither kept nor given to later ones."""
        early = self.apps.by_key("one")
        self.apps.forget("1")
        late = self.apps.by_key("one")
        old, new = self.store.answers
        newer = App(id="1", key="one", secret="newer")
        new.callback(newer)
        old.callback(ONE)
        assert isinstance(early, Deferred)
        assert isinstance(late, Deferred)
        self.assertEqual(self.successResultOf(early), ONE)
        self.assertEqual(self.successResultOf(late), newer)
        self.assertEqual(self.apps.by_key("one"), newer)

    def test_changed_key(self) -> None:
        """When an app comes back with another key, its old key is asked for again."""
        self.knows_one()
        self.clock.advance(90)
        self.store.says(App(id="1", key="uno", secret="s"))
        self.apps.by_id("1")  # refreshed
        self.store.says(None)
        self.assertIsNone(self.apps.by_key("one"))

    def test_all(self) -> None:
        """All apps come from the store each time, and each is known afterwards."""
        self.store.says([ONE])
        self.assertEqual([self.apps.all(), self.apps.all()], [[ONE], [ONE]])
        self.assertEqual(self.apps.by_id("1"), ONE)
        self.assertEqual(self.store.asked, [("all", ""), ("all", "")])

    def test_all_later(self) -> None:
        """The same for a store that answers later."""
        waiting = self.apps.all()
        self.store.answers[0].callback([ONE])
        assert isinstance(waiting, Deferred)
        self.assertEqual(self.successResultOf(waiting), [ONE])
        self.assertEqual(self.apps.by_key("one"), ONE)

    def test_bounded(self) -> None:
        """Made-up keys do not fill the memory, and push out no app; of the apps those used least go."""
        apps = CachedApps(self.store, self.clock, 100, capacity=10)
        self.store.says(ONE)
        apps.by_key("one")
        self.store.says(None)
        for number in range(50):
            apps.by_key(str(number))
        self.assertEqual(len(apps._unknown), 10)
        self.store.says(BackendError("down"))
        self.assertEqual(apps.by_key("one"), ONE)
        for number in range(50):
            self.store.says(App(id=str(number), key=f"key {number}", secret="s"))
            apps.by_id(f"{number}")
        self.assertEqual(len(apps._entries), 10)
        self.store.says(BackendError("down"))
        self.assertRaises(BackendError, apps.by_key, "one")

    def test_C72_unknown_after_known(self) -> None:
        """An app that is gone when asked again is unknown, under its other name as well as soon as that is asked."""
        self.knows_one()
        self.clock.advance(101)
        self.store.says(None)
        self.assertEqual([self.apps.by_key("one"), self.apps.by_key("one"), self.apps.by_id("1")], [None] * 3)
        self.assertEqual(self.store.asked, [("key", "one"), ("id", "1")])
