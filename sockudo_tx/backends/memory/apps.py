"""Apps that live in this process: those of the configuration file and of the environment."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from ...config.schema import Config
from ...interfaces import IApps
from ...protocol.app import App, LimitDefaults

__all__ = ["MemoryApps", "from_config"]


@implementer(IApps)
class MemoryApps:
    """Answers at once and never fails, so it needs no cache in front of it."""

    def __init__(self, apps: Iterable[App], defaults: LimitDefaults | None = None) -> None:
        self._defaults = defaults or LimitDefaults()
        self.replace(apps)

    def replace(self, apps: Iterable[App], defaults: LimitDefaults | None = None) -> None:
        """Serve these apps from now on, with these defaults if given. Of two with one id or one key the later wins."""
        self._defaults = defaults or self._defaults
        complete = [app.with_defaults(self._defaults) for app in apps]
        self._by_id = {app.id: app for app in complete}
        self._by_key = {app.key: app for app in self._by_id.values()}

    def by_key(self, key: str) -> App | None:
        return self._by_key.get(key)

    def by_id(self, app_id: str) -> App | None:
        return self._by_id.get(app_id)

    def all(self) -> list[App]:
        return list(self._by_id.values())


def from_config(config: Config, clock: IReactorTime) -> MemoryApps:
    """The driver `memory` of `app_manager`."""
    return MemoryApps(config.app_manager.array.apps, config.limit_defaults)
