"""Documentation, schema and example: made from the declarations, and true."""

from __future__ import annotations

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from jsonschema import Draft202012Validator

from sockudo_tx.config.apps import APP_DOCS
from sockudo_tx.config.declare import keys_of, walk
from sockudo_tx.config.default_app import DEMO_APP
from sockudo_tx.config.effective import effective
from sockudo_tx.config.environment import value_at
from sockudo_tx.config.masks import MASK
from sockudo_tx.config.nested import nested
from sockudo_tx.config.pages.jsonschema import json_schema
from sockudo_tx.config.pages.production import CHOICES
from sockudo_tx.config.pages.prose import THEMES
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
            if not key.older:
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

    def test_schema_is_one(self) -> None:
        """It is a JSON Schema; the files it is for keep it, and a value the server refuses does not."""
        Draft202012Validator.check_schema(json_schema())
        check = Draft202012Validator(json_schema())
        for name in ("config/config.json", "config/production.json"):
            self.assertEqual([error.message for error in check.iter_errors(json.loads(files()[name]))], [])
        for key in walk(Config):
            wrong = {"an": "object"}
            (error,) = check.iter_errors(nested({key.path: wrong}))
            self.assertIn(key.path.split(".")[0], error.absolute_path)

    def test_schema_defaults(self) -> None:
        """The schema tells type, default and range of a key."""
        port = json_schema()["properties"]["port"]
        self.assertEqual((port["type"], port["default"], port["maximum"]), ("integer", 6001, 65535))
        self.assertEqual(json_schema()["properties"]["activity_timeout"]["minimum"], 1)


CREDENTIALS = {
    "SOCKUDO_DEFAULT_APP_ID": "shop",
    "SOCKUDO_DEFAULT_APP_KEY": "shop-key",
    "SOCKUDO_DEFAULT_APP_SECRET": "6f1d2c77a1b84c0f9e3d5b6a",
}


class ExampleTests(ConfigCase):
    """The examples beside the default file"""

    def test_themes(self) -> None:
        """Every section is in one part of the page, so that none is left out of it."""
        names = [name for part in THEMES.values() for name in part]
        self.assertEqual(sorted(names), sorted(key.name for key in keys_of(Config) if key.section is not None))

    def test_production(self) -> None:
        """The start for production has nothing to be told of but the app it needs."""
        content = files()["config/production.json"].encode()
        loaded = self.default(content, **CREDENTIALS)
        self.assertEqual([str(finding) for finding in loaded.findings if finding.severity != "info"], [])
        for path, value, why in CHOICES:
            self.assertIn(f"`{path}`", files()["config/README.md"])
            self.assertTrue(why.endswith("."))
            if not isinstance(value, dict):
                self.assertEqual(value_at(loaded.config, path), value)

    def test_environment(self) -> None:
        """Every line of the example may be used: it is accepted, and says what is built in."""
        text = files()["config/example.env"]
        pairs = dict(line[1:].split("=", 1) for line in text.splitlines() if re.match("#[A-Z]", line))
        plain, loaded = self.variables(**CREDENTIALS), self.variables(**pairs | CREDENTIALS)
        for name, section in effective(plain.config).items():
            if name not in ("logging", "rate_limiter"):  # naming them makes what is absent otherwise
                self.assertEqual(effective(loaded.config)[name], section, name)
        self.assertEqual(texts(loaded, "warning"), [])
        self.assertEqual(texts(loaded, "error"), [])

    def test_environment_is_complete(self) -> None:
        """Every variable with an effect is there, and none without."""
        text = files()["config/example.env"]
        for key in walk(Config):
            for env in key.env:
                if not key.unused:
                    self.assertIn(f"\n#{env.name}=", text)
        self.assertNotIn("NATS", text)


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
