"""The app of the `SOCKUDO_DEFAULT_APP_*` variables, and the public demo app (configuration.md 4)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..protocol.app import App
from ..protocol.origins import ALLOW_NONE, pattern_fault
from .environment import switch
from .findings import Report
from .grammar import is_text, shown

__all__ = ["DEFAULT_APP_NUMBERS", "DEFAULT_APP_SWITCHES", "DEMO_APP", "PREFIX", "default_app", "named_in"]

PREFIX = "SOCKUDO_DEFAULT_APP_"
_REQUIRED = ("ID", "KEY", "SECRET")
_DIGITS = re.compile(r"\+?[0-9]{1,30}", re.ASCII)

DEFAULT_APP_NUMBERS: Mapping[str, int | None] = {
    "max_connections": 100,
    "max_client_events_per_second": 100,
    "max_backend_events_per_second": None,
    "max_read_requests_per_second": None,
    "max_presence_members_per_channel": 100,
    "max_presence_member_size_in_kb": 100,
    "max_channel_name_length": 100,
    "max_event_channels_at_once": 100,
    "max_event_name_length": 100,
    "max_event_payload_in_kb": 100,
    "max_event_batch_size": 100,
}
"""Limits of this app, each with what it is when its variable is unset. The reference counts both rates as 100
then and enforces neither; ours are enforced when somebody sets them (decisions.md 24)."""

DEFAULT_APP_SWITCHES = {
    "enable_client_messages": (f"{PREFIX}ENABLE_CLIENT_MESSAGES", "SOCKUDO_ENABLE_CLIENT_MESSAGES"),
    "enable_user_authentication": (f"{PREFIX}ENABLE_USER_AUTHENTICATION",),
    "enable_watchlist_events": (f"{PREFIX}ENABLE_WATCHLIST_EVENTS",),
}
"""Flags of this app with their variables; the later one wins."""

DEMO_APP = App(
    id="app-id",
    key="app-key",
    secret="app-secret",  # noqa: S106 - printed in every example, and warned of
    max_connections=100_000,
    enable_client_messages=True,
)
"""What every example uses."""


def named_in(environ: Mapping[str, str]) -> bool:
    """Whether the environment says anything about a default app."""
    return any(name.startswith(PREFIX) and text for name, text in environ.items())


def default_app(environ: Mapping[str, str], report: Report) -> App | None:
    """The app the variables describe, when all of id, key and secret are set and it is not switched off."""
    if not named_in(environ) or switch(f"{PREFIX}ENABLED", environ, report) is False:
        return None
    credentials = {name.lower(): environ.get(PREFIX + name, "") for name in _REQUIRED}
    missing = [PREFIX + name.upper() for name, text in credentials.items() if not text]
    if missing:
        report.ignored(
            "",
            f"no app is made from {PREFIX}*",
            value=", ".join(PREFIX + name.upper() for name, text in credentials.items() if text) or "other variables",
            cause=f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set",
            cure=f"Set all of {', '.join(PREFIX + name for name in _REQUIRED)}",
            source="environment",
        )
        return None
    for name, text in credentials.items():
        if not is_text(text):
            report.error("", f"{PREFIX}{name.upper()} is not UTF-8, so the app is refused", source="environment")
            return None
    values: dict[str, Any] = {**credentials}
    values.update((name, _number(name, environ, report)) for name in DEFAULT_APP_NUMBERS)
    for name, variables in DEFAULT_APP_SWITCHES.items():
        said = [value for each in variables if (value := switch(each, environ, report)) is not None]
        values[name] = said[-1] if said else False
    return App(allowed_origins=tuple(_origins(environ, report)), **values)


def _number(name: str, environ: Mapping[str, str], report: Report) -> int | None:
    variable = PREFIX + name.upper()
    text = environ.get(variable, "")
    if _DIGITS.fullmatch(text) and int(text) < 2**32:
        return int(text)
    if text:
        message = f"{variable} must be a whole number from 0 to {2**32 - 1} and is ignored"
        report.ignored("", message, cause=f"found {shown(text)}", source=f"environment {variable}")
    return DEFAULT_APP_NUMBERS[name]


def _origins(environ: Mapping[str, str], report: Report) -> Iterator[str]:
    """The good patterns; when only bad ones were given, the app refuses every page."""
    variable = f"{PREFIX}ALLOWED_ORIGINS"
    given = [item.strip() for item in environ.get(variable, "").split(",") if item.strip()]
    good = [pattern for pattern in given if is_text(pattern) and not pattern_fault(pattern)]
    for pattern in given:
        if pattern not in good:
            fault = pattern_fault(pattern) if is_text(pattern) else "a pattern is not UTF-8"
            rest = "" if good else "; no pattern is left, so this app refuses every page"
            report.error("", f"{variable}: {fault}{rest}", source=f"environment {variable}")
    return iter(good or (ALLOW_NONE if given else ()))
