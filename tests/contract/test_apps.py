"""The promises of `IApps`, kept by every store: one function from a way to make one to a TestCase."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from sockudo_tx.backends.cached_apps import CachedApps
from sockudo_tx.backends.memory.apps import MemoryApps
from sockudo_tx.interfaces import IApps
from sockudo_tx.protocol.app import App, LimitDefaults

from .test_cache import now

DEFAULTS = LimitDefaults(max_event_batch_size=7)
APPS = (
    App(id="1", key="one", secret="s1"),
    App(id="2", key="two", secret="s2", enabled=False, max_event_batch_size=0, allowed_origins=("a.com",)),
    App(id="one", key="3", secret="s3"),
)
"""The records a store under test holds. An id may look like another app's key."""


def apps_contract(make: Callable[[Sequence[App], LimitDefaults], IApps]) -> type[TestCase]:
    """Tests for stores that `make` fills with these apps and gives these defaults."""

    class Contract(TestCase):
        """`IApps`"""

        def setUp(self) -> None:
            self.apps = make(APPS, DEFAULTS)

        def test_interface(self) -> None:
            """The store provides the interface."""
            verifyObject(IApps, self.apps)

        async def test_by_key(self) -> None:
            """An app is found by its key, complete."""
            self.assertEqual(await now(self.apps.by_key("two")), APPS[1].with_defaults(DEFAULTS))

        async def test_by_id(self) -> None:
            """An app is found by its id, disabled ones too."""
            self.assertEqual(await now(self.apps.by_id("2")), APPS[1].with_defaults(DEFAULTS))

        async def test_ids_are_no_keys(self) -> None:
            """A key that is another app's id finds the app with the key."""
            self.assertEqual((await now(self.apps.by_key("one")) or APPS[1]).id, "1")
            self.assertEqual((await now(self.apps.by_id("one")) or APPS[1]).id, "one")

        async def test_C60_exact(self) -> None:
            """Letter case counts."""
            self.assertIsNone(await now(self.apps.by_key("TWO")))

        async def test_unknown(self) -> None:
            """Nothing is found where nothing is."""
            self.assertIsNone(await now(self.apps.by_key("none")))
            self.assertIsNone(await now(self.apps.by_id("none")))
            self.assertIsNone(await now(self.apps.by_key("")))

        async def test_defaults(self) -> None:
            """Limits that a record leaves open are filled in, and 0 stays 0."""
            first, second = await now(self.apps.by_id("1")), await now(self.apps.by_id("2"))
            assert first is not None
            assert second is not None
            self.assertEqual((first.max_event_batch_size, first.max_event_name_length), (7, 200))
            self.assertEqual(second.max_event_batch_size, 0)

        async def test_all(self) -> None:
            """All are listed, complete."""
            found = {app.id: app for app in await now(self.apps.all())}
            self.assertEqual(found, {app.id: app.with_defaults(DEFAULTS) for app in APPS})

    return Contract


@implementer(IApps)
class LaterApps:
    """Answers of another store, as Deferreds."""

    def __init__(self, inner: MemoryApps) -> None:
        self._inner = inner

    def by_key(self, key: str) -> Deferred[App | None]:
        return succeed(self._inner.by_key(key))

    def by_id(self, app_id: str) -> Deferred[App | None]:
        return succeed(self._inner.by_id(app_id))

    def all(self) -> Deferred[list[App]]:
        return succeed(self._inner.all())


class MemoryAppsTests(apps_contract(MemoryApps)):  # type: ignore[misc]
    """Apps in this process."""


class CachedAppsTests(apps_contract(lambda apps, defaults: CachedApps(MemoryApps(apps, defaults), Clock()))):  # type: ignore[misc]
    """The cache in front of a store that answers at once."""


class CachedLaterAppsTests(
    apps_contract(lambda apps, defaults: CachedApps(LaterApps(MemoryApps(apps, defaults)), Clock()))  # type: ignore[misc]
):
    """The cache in front of a store that answers with Deferreds."""
