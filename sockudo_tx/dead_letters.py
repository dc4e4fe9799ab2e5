"""`sockudo webhooks`: the dead letters in the file of the webhook queue, whether the server runs or not."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from .backends.sqlite.database import Database
from .backends.sqlite.faults import UnusableFileError
from .check import read_configuration, refusal
from .config.findings import ConfigError
from .config.masks import printable, without_password
from .interfaces import DeadWebhook

__all__ = ["dead_letters"]

_WORDS = {"replay": "made due again", "drop": "forgotten"}


def dead_letters(path: str | None, *, strict: bool, action: str, job_id: str | None, as_json: bool) -> int:
    """Lists dead letters, shows one, or replays or drops one (None: all of them); 0 or 1."""
    try:
        config = read_configuration(path, strict).config
    except ConfigError as error:
        print(refusal(error), file=sys.stderr)
        return 1
    if config.queue.driver != "sqlite":
        return _fail(
            f"queue.driver is {config.queue.driver}: its dead letters go with the server. queue.driver: sqlite "
            "(QUEUE_DRIVER=sqlite) keeps them in a file"
        )
    file = os.path.abspath(config.queue.sqlite.path)
    try:
        database = Database(file, create=False) if os.path.exists(file) else None
        try:
            return _ACTIONS[action](database, job_id, as_json)
        finally:
            if database is not None:
                database.close()
    except UnusableFileError as error:
        return _fail(str(error))
    except (sqlite3.Error, OSError) as error:
        return _fail(f"{file} cannot be used: {error} (queue.sqlite.path). Run this as the server's user")


def _list(database: Database | None, job_id: str | None, as_json: bool) -> int:
    letters = [] if database is None else database.dead()
    if as_json:
        _say(json.dumps([_plain(letter) for letter in letters], indent=2))
        return 0
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
                _hook(letter),
                letter.reason,
            )
        )
    _say(_table(rows) if letters else "no dead letters")
    return 0


def _show(database: Database | None, job_id: str | None, as_json: bool) -> int:
    found = [] if database is None else database.dead(job_id=job_id)
    if not found:
        return _unknown(job_id)
    plain = _plain(found[0])
    if as_json:
        _say(json.dumps(plain, indent=2))
        return 0
    for name, value in plain.items():
        if name != "events":
            _say(f"{name:<10} {printable(str(value))}")
    for event in plain["events"]:
        _say(f"{'event':<10} {json.dumps(event)}")
    return 0


def _replay(database: Database | None, job_id: str | None, as_json: bool) -> int:
    return _settled("replay", 0 if database is None else database.revive(job_id), job_id, as_json)


def _drop(database: Database | None, job_id: str | None, as_json: bool) -> int:
    return _settled("drop", 0 if database is None else database.drop(job_id), job_id, as_json)


_ACTIONS: dict[str, Callable[[Database | None, str | None, bool], int]] = {
    "list": _list,
    "show": _show,
    "replay": _replay,
    "drop": _drop,
}


def _settled(action: str, count: int, job_id: str | None, as_json: bool) -> int:
    if job_id is not None and not count:
        return _unknown(job_id)
    _say(json.dumps({"count": count}) if as_json else f"{count} dead letter{'s' * (count != 1)} {_WORDS[action]}")
    return 0


def _plain(letter: DeadWebhook) -> dict[str, Any]:
    """The shape that programs may rely on: members are added, never taken away."""
    job = letter.job
    return {
        "id": job.id,
        "app_id": job.app_id,
        "hook": _hook(letter),
        "reason": letter.reason,
        "given_up": _moment(letter.at_ms),
        "at_ms": letter.at_ms,
        "time_ms": job.time_ms,
        "attempts": job.attempt,
        "first_ms": job.first_ms,
        "events": [json.loads(event) for event in job.events],
    }


def _hook(letter: DeadWebhook) -> str:
    return without_password(letter.job.hook)


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    clean = [[printable(text) for text in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*clean, strict=True)]
    return "\n".join(
        "  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip() for row in clean
    )


def _unknown(job_id: str | None) -> int:
    return _fail(f"no dead letter {printable(job_id or '')}: `sockudo webhooks list` tells which there are")


def _fail(text: str) -> int:
    print(f"sockudo: {text}", file=sys.stderr)
    return 1


def _say(text: str) -> None:
    """Prints it in whatever encoding the terminal has."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))
