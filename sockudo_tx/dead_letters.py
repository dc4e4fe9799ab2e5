"""`sockudo webhooks`: the dead letters in the file of the webhook queue, whether the server runs or not."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, NamedTuple

from .backends.sqlite.database import Database, Grave
from .backends.sqlite.faults import UnusableFileError, cause
from .check import read_configuration, refusal
from .config.findings import ConfigError
from .config.load import Loaded
from .config.masks import printable
from .interfaces import DeadWebhook
from .protocol.webhooks import safe_name
from .readdressing import Readdressing

__all__ = ["dead_letters"]

_SHOWN = 10
"""Lines about what is kept, at most."""


class _RefusedError(Exception):
    """It cannot be done, or only in part; the text says why. `more` is for programs."""

    def __init__(self, text: str, more: dict[str, Any] | None = None) -> None:
        super().__init__(text)
        self.more = more or {}


class _Request(NamedTuple):
    """What is wanted of the dead letters in a file."""

    file: str
    database: Database
    loaded: Loaded
    ids: Sequence[str] | None
    """As they were typed, perhaps beginnings; None: all."""
    to: str | None
    as_json: bool


def dead_letters(
    path: str | None, *, strict: bool, action: str, ids: Sequence[str] | None, to: str | None, as_json: bool
) -> int:
    """Lists dead letters, shows one, or replays or drops some (None: all of them); 0 or 1."""
    try:
        loaded = _configuration(path, strict)
        file = _file(loaded)
        try:
            with closing(Database(file, create=False)) as database:
                _ACTIONS[action](_Request(file, database, loaded, ids, to, as_json))
        except UnusableFileError as error:
            raise _RefusedError(str(error)) from None
        except (sqlite3.Error, OSError) as error:
            raise _RefusedError(f"{file} cannot be used: {cause(error)} (queue.sqlite.path)") from None
    except _RefusedError as refused:
        if as_json:
            _say(json.dumps({"error": str(refused), **refused.more}))
        else:
            print(f"sockudo: {refused}", file=sys.stderr)
        return 1
    return 0


def _configuration(path: str | None, strict: bool) -> Loaded:
    """With what is wrong with it on standard error: settings that are not the server's lead to another file."""
    try:
        loaded = read_configuration(path, strict)
    except ConfigError as error:
        raise _RefusedError(refusal(error)) from None
    for finding in loaded.findings:
        if finding.severity == "error":
            print(f"error: {finding}", file=sys.stderr)
    driver = loaded.config.queue.driver
    if driver != "sqlite":
        raise _RefusedError(
            f"queue.driver is {driver}: its dead letters go with the server. queue.driver: sqlite "
            "(QUEUE_DRIVER=sqlite) keeps them in a file"
        )
    return loaded


def _file(loaded: Loaded) -> str:
    """Its absolute path. It is never made here: an empty one would say that all is well."""
    path = loaded.config.queue.sqlite.path
    file = os.path.abspath(path)
    if os.path.exists(file):
        return file
    source = loaded.sources["queue.sqlite.path"]
    if os.path.isabs(path):
        raise _RefusedError(
            f"{file} is not there (queue.sqlite.path, from {source}): no server with these settings has run here yet"
        )
    raise _RefusedError(
        f"{file} is not there. queue.sqlite.path is {path} (from {source}), which begins at the working directory: run "
        "this in the server's, or write an absolute path for both (QUEUE_SQLITE_PATH)"
    )


def _list(request: _Request) -> None:
    letters = request.database.dead()
    if request.as_json:
        _say(json.dumps([_plain(letter) for letter in letters], indent=2))
        return
    rows = [("ID", "GIVEN UP", "APP", "EVENTS", "ATTEMPTS", "HOOK", "REASON")]
    for letter in letters:
        job = letter.job
        rows.append(
            (
                job.id,
                _moment(letter.at_ms),
                job.app_id,
                str(len(job.events)),
                str(job.attempt),
                _hook(job.hook),
                letter.reason,
            )
        )
    _say(_table(rows) if letters else _none(request))


def _show(request: _Request) -> None:
    plain = _plain(request.database.dead(job_id=_chosen(request)[0].id)[0])
    if request.as_json:
        _say(json.dumps(plain, indent=2))
        return
    for name, value in plain.items():
        if name != "events":
            _say(f"{name:<10} {printable(str(value))}")
    for event in plain["events"]:
        _say(f"{'event':<10} {json.dumps(event)}")


def _replay(request: _Request) -> None:
    """What has nobody to go to is kept: a server could only give it up again."""
    sorted_out = Readdressing(request.loaded.apps).sort_out(
        _chosen(request), request.to, only_homeless=request.ids is None
    )
    kept = sorted_out.kept
    halfway = kept and request.ids is not None  # of what was named one by one nothing is done then
    count = 0 if halfway else request.database.replay(sorted_out.ready)
    if not kept:
        _settled(request, count, "made due again")
        return
    more = {
        "count": count,
        "kept": [{"id": each.id, "app_id": each.app_id, "hook": _hook(each.hook)} for each, _ in kept],
    }
    groups = dict.fromkeys(f"  {_hook(grave.hook)} of app {grave.app_id}: {why}" for grave, why in kept)
    lines = [printable(line) for line in list(groups)[:_SHOWN]] + ["  …"] * (len(groups) > _SHOWN)
    raise _RefusedError(
        f"{_counted(count)} made due again, {len(kept)} kept:\n"
        + "\n".join(lines)
        + "\nConfigure the webhook again, or "
        "send them to another one of the app: sockudo webhooks replay ID --to URL",
        more,
    )


def _drop(request: _Request) -> None:
    if request.ids is None:
        count = request.database.drop(None)
    else:
        count = sum(request.database.drop(grave.id) for grave in _chosen(request))
    _settled(request, count, "forgotten")


_ACTIONS: dict[str, Callable[[_Request], None]] = {"list": _list, "show": _show, "replay": _replay, "drop": _drop}


def _chosen(request: _Request) -> list[Grave]:
    """Those that are meant, oldest first."""
    graves = request.database.graves()
    if request.ids is None:
        return graves
    found = {}
    for typed in request.ids:
        fitting = [grave for grave in graves if typed and grave.id.startswith(typed)]
        exact = [grave for grave in fitting if grave.id == typed]
        if not fitting:
            raise _RefusedError(
                f"no dead letter {printable(typed)} in {request.file}: `sockudo webhooks list` tells which there are"
            )
        if len(fitting) > 1 and not exact:
            raise _RefusedError(f"{len(fitting)} dead letters begin with {printable(typed)}: write more of the id")
        found[(exact or fitting)[0].id] = (exact or fitting)[0]
    return list(found.values())


def _settled(request: _Request, count: int, word: str) -> None:
    if request.as_json:
        _say(json.dumps({"count": count}))
    else:
        _say(f"{_counted(count)} {word}" if count else _none(request))


def _counted(count: int) -> str:
    return f"{count} dead letter{'s' * (count != 1)}"


def _none(request: _Request) -> str:
    return f"no dead letters in {request.file}"


def _plain(letter: DeadWebhook) -> dict[str, Any]:
    """The shape that programs may rely on: members are added, never taken away."""
    job = letter.job
    return {
        "id": job.id,
        "app_id": job.app_id,
        "hook": _hook(job.hook),
        "reason": letter.reason,
        "given_up": _moment(letter.at_ms),
        "at_ms": letter.at_ms,
        "time_ms": job.time_ms,
        "attempts": job.attempt,
        "first_ms": job.first_ms,
        "events": [json.loads(event) for event in job.events],
    }


def _hook(name: str) -> str:
    """As in the log, and which of several with the same address."""
    return f"{safe_name(name)} {name.partition(' ')[2]}".rstrip()


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    clean = [[printable(text) for text in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*clean, strict=True)]
    return "\n".join(
        "  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip() for row in clean
    )


def _say(text: str) -> None:
    """Prints it in whatever encoding the terminal has."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))
