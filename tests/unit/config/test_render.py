"""Documentation, schema and example: made from the declarations, and true."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from sockudo_tx.config.apps import APP_DOCS
from sockudo_tx.config.declare import walk
from sockudo_tx.config.default_app import DEMO_APP
from sockudo_tx.config.effective import MASK, effective
from sockudo_tx.config.jsonschema import json_schema
from sockudo_tx.config.render import files, main, stale
from sockudo_tx.config.schema import Config
from sockudo_tx.protocol.app import App

from .cases import APP, ConfigCase, strangers, texts

ROOT = Path(__file__).parents[3]


class RenderTests(ConfigCase):
    """`python -m sockudo_tx.config.render`"""

    def test_up_to_date(self) -> None:
        """The files in the repository say what the declarations say."""
        self.assertEqual(stale(ROOT), [], "run python -m sockudo_tx.config.render")

    def test_writes_and_checks(self) -> None:
        """It writes what is missing or old, and with --check only tells."""
        with TemporaryDirectory() as folder:
            self.assertEqual(main(["--check", folder]), 1)
            self.assertEqual(main([folder]), 0)
            self.assertEqual(main(["--check", folder]), 0)
            Path(folder, "docs/configuration.md").write_text("old")
            self.assertEqual(stale(Path(folder)), ["docs/configuration.md"])

    def test_example_is_the_built_in_configuration(self) -> None:
        """The example file is accepted without a word but for the demo app, and changes nothing but the apps."""
        loaded = self.default(files()["config/config.json"].encode())
        plain = self.load()
        self.assertEqual(loaded.config, plain.config)
        self.assertEqual(loaded.apps, [DEMO_APP])
        (warning,) = texts(loaded, "warning")
        self.assertIn("demo app", warning)
        self.assertEqual(texts(loaded, "info"), [])

    def test_page_names_everything(self) -> None:
        """Every key, variable and app member is on the page."""
        page = files()["docs/configuration.md"]
        for key in walk(Config):
            self.assertIn(f"`{key.path}`", page)
            for env in key.env:
                self.assertIn(f"`{env.name}`", page)
        for name in APP_DOCS:
            self.assertIn(f"`{name}`", page)

    def test_app_members_are_documented(self) -> None:
        """Every member of an app has a text, and nothing else has one."""
        members = {name for name in App.__struct_fields__ if not name.startswith("idempotency_")}
        self.assertEqual(set(APP_DOCS), members | {"idempotency"})

    def test_schema_accepts_real_files(self) -> None:
        """An editor finds nothing unknown in the example file."""
        schema = json_schema()
        self.assertEqual(strangers(json.loads(files()["config/config.json"]), schema), [])
        self.assertEqual(strangers({"prot": 1, "cors": {"orgin": 1}}, schema), [".prot", ".cors.orgin"])

    def test_schema_defaults(self) -> None:
        """The schema tells type, default and range of a key."""
        port = json_schema()["properties"]["port"]
        self.assertEqual((port["type"], port["default"], port["maximum"]), ("integer", 6001, 65535))
        self.assertEqual(json_schema()["properties"]["activity_timeout"]["minimum"], 1)


class EffectiveTests(ConfigCase):
    """`effective`"""

    def test_C96_masked(self) -> None:
        """The effective configuration shows no secret, and otherwise what is in force."""
        webhook = {
            "url": "https://user:sekret@hooks.example:8443/path?token=sekret",
            "event_types": ["member_added"],
            "headers": {"Authorization": "sekret"},
        }
        loaded = self.default({"apps": [{**APP, "secret": "sekret", "webhooks": [webhook]}]}, PORT="7000")
        shown = effective(loaded.config)
        self.assertNotIn("sekret", json.dumps(shown))
        self.assertEqual(shown["port"], 7000)
        (app,) = shown["app_manager"]["array"]["apps"]
        self.assertEqual((app["key"], app["secret"]), ("k", MASK))
        self.assertEqual(app["webhooks"][0]["url"], f"https://{MASK}@hooks.example:8443/path?{MASK}")
        self.assertEqual(app["webhooks"][0]["headers"], {"Authorization": MASK})

    def test_readable_again(self) -> None:
        """What is shown is a configuration file of the same meaning, but for what is masked."""
        loaded = self.default({"apps": [APP], "websocket": {"compression": "shared"}})
        again = self.default(json.loads(json.dumps(effective(loaded.config))))
        self.assertEqual(texts(again, "error"), [])
        self.assertEqual(effective(again.config), effective(loaded.config))
