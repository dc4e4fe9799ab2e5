"""Where dead letters would go if they were made due again: to the webhook they were for, or to another of the app."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from .backends.sqlite.database import Grave
from .protocol.app import App
from .protocol.webhooks import hook_named, hooks_of

__all__ = ["Readdressing", "SortedOut"]


class SortedOut(NamedTuple):
    """Those that have a webhook to go to, with its name, and the others, with why."""

    ready: list[Grave]
    kept: list[tuple[Grave, str]]


class Readdressing:
    """Knows the webhooks of the configuration."""

    def __init__(self, apps: Iterable[App]) -> None:
        self._apps = {app.id: app for app in apps}

    def sort_out(self, graves: Sequence[Grave], to: str | None, *, only_homeless: bool) -> SortedOut:
        """`to` is the address of a webhook; with `only_homeless` it is for those whose own one is gone."""
        ready: list[Grave] = []
        kept: list[tuple[Grave, str]] = []
        for grave in graves:
            app = self._apps.get(grave.app_id)
            if app is None:
                kept.append((grave, "the app is not configured any more"))
                continue
            at_home = hook_named(app, grave.hook) is not None
            if to is None or (at_home and only_homeless):
                name = grave.hook if at_home else None
                why = "not configured any more"
            else:
                name = _hook_at(app, to)
                why = "--to names no webhook of this app"
            if name is None:
                kept.append((grave, why))
            else:
                ready.append(grave._replace(hook=name))
        return SortedOut(ready, kept)


def _hook_at(app: App, address: str) -> str | None:
    """The name of the first webhook with this address; user and password may be left out."""
    names = [hook.name for hook in hooks_of(app, functions=False)]
    if address in names:
        return address
    return next((name for name in names if _bare(name) == address), None)


def _bare(address: str) -> str:
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
