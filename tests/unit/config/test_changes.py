"""How two configurations differ, in words fit for the log."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.config.changes import RELOADED, Change, changes, followed, reloads
from sockudo_tx.config.declare import walk
from sockudo_tx.config.load import load
from sockudo_tx.config.schema import Config

ONE = {"id": "1", "key": "one", "secret": "hunter2"}


def config(*apps: dict[str, Any], **settings: Any) -> Config:
    """A configuration with these settings and apps, `ONE` if none."""
    written = {"app_manager": {"array": {"apps": apps or [ONE]}}, **settings}
    return load("test.json", {}, "/", read=lambda path: json.dumps(written).encode()).config


class ChangesTests(SynchronousTestCase):
    """`changes` and `followed`"""

    def test_nothing(self) -> None:
        """Two readings of one file do not differ."""
        self.assertEqual(changes(config(), config()), [])

    def test_unused(self) -> None:
        """Keys that this version does not use make no difference."""
        self.assertEqual(changes(config(), config(database={"redis": {"host": "h", "password": "p"}})), [])

    def test_keys(self) -> None:
        """A key says what it was and what it is, and whether it takes a restart."""
        self.assertEqual(
            changes(
                config(),
                config(port=7001, activity_timeout=30, cors={"credentials": False, "origin": ["https://a.example"]}),
            ),
            [
                Change("port", "6001", "7001", restart=True),
                Change("activity_timeout", "120", "30"),
                Change("cors.origin", '["*"]', '["https://a.example"]'),
            ],
        )

    def test_apps(self) -> None:
        """Apps are told one by one: come, gone, and the members that differ."""
        two = {"id": "2", "key": "two", "secret": "s"}
        found = changes(config(ONE, two), config({**ONE, "max_connections": 7, "enabled": False}, {**two, "id": "3"}))
        self.assertEqual(
            found,
            [
                Change("app 1", "enabled true, max_connections 100", "enabled false, max_connections 7"),
                Change("app 2", "there", "removed"),
                Change("app 3", "not there", "added"),
            ],
        )

    def test_secrets(self) -> None:
        """That a secret differs is told, and neither the old one nor the new one."""
        webhook = {"url": "https://a.example/?token=hunter2", "event_types": ["channel_occupied"]}
        other = {**webhook, "url": "https://a.example/?token=hunter3"}
        for old, new in (
            (config(), config({**ONE, "secret": "hunter3"})),
            (config({**ONE, "webhooks": [webhook]}), config({**ONE, "webhooks": [other]})),
            (config(ssl={"passphrase": "hunter2"}), config(ssl={"passphrase": "hunter3"})),
        ):
            (change,) = changes(old, new)
            self.assertNotIn("hunter", str(change))
            self.assertIn("***", str(change))

    def test_followed(self) -> None:
        """What takes a restart stays as it was, so that the next reload tells of it again."""
        old, new = config(), config(port=7001, activity_timeout=30)
        kept = followed(old, new)
        self.assertEqual((kept.port, kept.activity_timeout), (6001, 30))
        self.assertEqual([change.path for change in changes(kept, new)], ["port"])

    def test_switched_on(self) -> None:
        """So does what was off, empty or 0 before."""
        new = {"unix_socket": {"enabled": True}, "metrics": {"enabled": False}, "instance": {"process_id": "x"}}
        kept = followed(config(), config(**new))
        self.assertEqual(kept, config())

    def test_long_values(self) -> None:
        """A value without end is shown with one."""
        (change,) = changes(
            config(), config(cors={"credentials": False, "origin": [f"https://{n}.example" for n in range(100)]})
        )
        self.assertEqual(len(change.after), 200)

    def test_page(self) -> None:
        """docs/running.md names what follows a reload, all of it and nothing else."""
        page = (Path(__file__).resolve().parents[3] / "docs" / "running.md").read_text()
        rows = page.partition("What follows a reload:")[2].partition("Everything else")[0].splitlines()
        named = {word for row in rows if row.startswith("| `") for word in re.findall(r"`([^`]+)`", row.split("|")[1])}
        self.assertEqual(named, {name + "*" if name[-1] in "._" else name for name in RELOADED})

    def test_every_word_is_a_key(self) -> None:
        """What is said to follow a reload exists, sections with at least one key."""
        followed_keys = [key.path for key in walk(Config) if reloads(key.path)]
        for path in ("cors.origin", "websocket.compression", "rate_limiter.api_rate_limit.max_requests", "debug"):
            self.assertIn(path, followed_keys)
        for name in RELOADED:
            self.assertTrue([key for key in walk(Config) if key.path.startswith(name) and reloads(key.path)], name)
        for path in ("host", "port", "path_prefix", "adapter.driver", "cache.driver", "ssl.enabled", "metrics.port"):
            self.assertNotIn(path, followed_keys)
