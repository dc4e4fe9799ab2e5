"""The apps of file and environment together: which are refused, which of two counts, and what is told of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..protocol.app import App
from .apps import AppFault, Notes, parse_app
from .complete import quoted
from .default_app import DEMO_APP, default_app, named_in
from .findings import Report
from .grammar import one_line, shown
from .resolve import APPS, nearest
from .schema import Config

__all__ = ["all_apps", "file_apps"]

_MEMBER = re.compile(r"`([^`]+)`")
_ENVIRONMENT = "environment SOCKUDO_DEFAULT_APP_ID"
_APP_CURE = "Correct it; docs/configuration.md tells the members of an app"


def file_apps(
    records: Iterable[tuple[str, object]], source: str, report: Report, unknown: list[tuple[str, str | None]]
) -> list[App]:
    """The good ones: a bad app costs only itself."""
    apps = []
    for where, record in records:
        notes = Notes()
        try:
            apps.append(parse_app(record, notes))
        except AppFault as fault:
            name = record.get("id") if isinstance(record, dict) else None
            app = f"app {shown(name)}" if isinstance(name, str) and name else "an app without an id"
            for each in fault.faults:
                path = _place(where, each)
                report.error(path, each, cause=f"{app} is refused, the others run", cure=_APP_CURE, source=source)
        for warning in notes.warnings:
            report.warn(_place(where, warning), warning, source=source)
        for name, siblings in notes.unknown:
            unknown.append((one_line(f"{where}.{name}"), nearest(f"{where}.{name}", siblings)))
    return apps


def _place(where: str, sentence: str) -> str:
    """The path of what a sentence about an app begins with, or of the app."""
    member = _MEMBER.match(sentence)
    return f"{where}.{member[1]}" if member else where


def all_apps(
    apps: list[App],
    named: bool,
    path: str | None,
    used: str | None,
    environ: Mapping[str, str],
    config: Config,
    report: Report,
    sources: dict[str, str],
) -> tuple[list[App], dict[str, str]]:
    """Apps of the file, then the one of the environment; of two with one id or key the later wins.

    `named` says that the file had apps, good or bad. Also tells the source of each app, by its id; what `sources` says
    of all of them together names both.
    """
    app_sources = {app.id: sources[APPS] for app in apps}
    from_environment = default_app(environ, report)
    if from_environment is not None:
        app_sources[from_environment.id] = _ENVIRONMENT
        sources[APPS] = f"{sources[APPS]} and {_ENVIRONMENT}" if apps else _ENVIRONMENT
        apps = [*apps, from_environment]
    return _served(_distinct(apps, report), named, path, used, environ, config, report, app_sources), app_sources


def _served(
    apps: list[App],
    named: bool,
    path: str | None,
    used: str | None,
    environ: Mapping[str, str],
    config: Config,
    report: Report,
    app_sources: Mapping[str, str],
) -> list[App]:
    """These, or the demo app where nobody has said anything; tells when nobody can be served."""
    if report.refused:
        return apps
    if not apps and used is None and path is None and not named_in(environ):
        report.warn(
            APPS,
            f"no app is configured, so the public demo app {DEMO_APP.id!r} is served",
            cure="Anyone can use it: write your own apps into config/config.json or set SOCKUDO_DEFAULT_APP_*",
        )
        return [DEMO_APP]
    if not apps and named:
        report.refuse(APPS, "every app is refused, so nobody could be served", cure="Correct at least one of them")
    elif not apps:
        report.warn(
            APPS,
            "there is no app, so every client is refused with 4001",
            cure="Add one to app_manager.array.apps or set SOCKUDO_DEFAULT_APP_ID, _KEY and _SECRET",
        )
    _tell_demo(apps, config, report, app_sources)
    return apps


def _distinct(apps: list[App], report: Report) -> list[App]:
    """One app for each id and each key: the last one."""
    by_id = {app.id: app for app in apps}
    for name in sorted({app.id for app in apps if by_id[app.id] is not app}):
        message = f"more than one app has the id {shown(name)}"
        cure = "Give each app an id of its own"
        report.warn(APPS, message, value=quoted(name), cause="the last of them counts", cure=cure)
    by_key: dict[str, App] = {}
    for app in by_id.values():
        other = by_key.get(app.key)
        if other is not None:
            message = f"apps {other.id!r} and {app.id!r} have the same key"
            cure = "Give each app a key of its own"
            report.error(APPS, message, value=quoted(app.key), cause=f"{other.id!r} is left out", cure=cure)
        by_key[app.key] = app
    return list(by_key.values())


def _tell_demo(apps: list[App], config: Config, report: Report, app_sources: Mapping[str, str]) -> None:
    local = config.host in ("localhost", "::1") or config.host.startswith("127.")
    demo = [app.id for app in apps if (app.key, app.secret) == (DEMO_APP.key, DEMO_APP.secret)]
    if demo and config.mode == "production" and not local:
        report.warn(
            APPS,
            "the demo app, whose secret is public, can be used by anyone who reaches this server",
            cure="Replace it, listen on 127.0.0.1, or set `mode` to something else than production",
            source=app_sources[demo[0]],
        )
