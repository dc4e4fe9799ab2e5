"""The app of the environment."""

from __future__ import annotations

from sockudo_tx.protocol.app import App
from sockudo_tx.protocol.origins import ALLOW_NONE, origin_allowed

from .cases import APP, ConfigCase, texts

CREDENTIALS = {
    "SOCKUDO_DEFAULT_APP_ID": "e",
    "SOCKUDO_DEFAULT_APP_KEY": "ek",
    "SOCKUDO_DEFAULT_APP_SECRET": "es",
}


class DefaultAppTests(ConfigCase):
    """`SOCKUDO_DEFAULT_APP_*`"""

    def app(self, **variables: str) -> App:
        """The app these variables make, the `SOCKUDO_DEFAULT_APP_` in front left out."""
        named = {f"SOCKUDO_DEFAULT_APP_{name}": text for name, text in variables.items()}
        (app,) = self.load(environ=CREDENTIALS | named).apps
        return app

    def test_C45_credentials_only(self) -> None:
        """Three variables make an app, with the reference's limits of 100."""
        app = self.app()
        self.assertEqual((app.id, app.key, app.secret), ("e", "ek", "es"))
        self.assertEqual(
            (app.max_connections, app.max_event_payload_in_kb, app.max_channel_name_length), (100, 100, 100)
        )
        self.assertFalse(app.enable_client_messages)

    def test_rates_are_not_enforced_unasked(self) -> None:
        """The rates of the HTTP API are limited only when their variables say so (decisions.md 24)."""
        app = self.app(MAX_READ_REQUESTS_PER_SECOND="5")
        self.assertEqual((app.max_backend_events_per_second, app.max_read_requests_per_second), (None, 5))

    def test_after_the_file(self) -> None:
        """It comes after the apps of the file."""
        loaded = self.load({"config/config.json": {"apps": [APP]}}, CREDENTIALS)
        self.assertEqual([app.id for app in loaded.apps], ["a", "e"])
        source = "config/config.json and environment SOCKUDO_DEFAULT_APP_ID"
        self.assertEqual(loaded.sources["app_manager.array.apps"], source)

    def test_where_from(self) -> None:
        """What is odd about an app is told with the place that app comes from."""
        file = {"config/config.json": {"apps": [{**APP, "secret": "short"}]}}
        loaded = self.load(file, {**CREDENTIALS, "SOCKUDO_DEFAULT_APP_SECRET": "tiny"})
        self.assertEqual(
            {finding.message[:7]: finding.source for finding in loaded.findings if "guessed" in finding.message},
            {"app 'a'": "config/config.json", "app 'e'": "environment SOCKUDO_DEFAULT_APP_ID"},
        )

    def test_C46_switched_off(self) -> None:
        """Switched off it is not made, and the file's apps are as they were; nonsense leaves it on."""
        off = {**CREDENTIALS, "SOCKUDO_DEFAULT_APP_ENABLED": "no"}
        self.assertEqual([app.id for app in self.load({"config/config.json": {"apps": [APP]}}, off).apps], ["a"])
        self.assertEqual(self.app(ENABLED="maybe").id, "e")

    def test_C47_incomplete(self) -> None:
        """Without all three there is no app, and what is missing is told."""
        for missing in CREDENTIALS:
            for environ in ({**CREDENTIALS, missing: ""}, {k: v for k, v in CREDENTIALS.items() if k != missing}):
                loaded = self.load(environ=environ)
                self.assertEqual(loaded.apps, [])
                self.assertIn(f"{missing} is not set", texts(loaded, "warning")[0])

    def test_C48_origins(self) -> None:
        """Origins are items between commas."""
        self.assertEqual(
            self.app(ALLOWED_ORIGINS="https://a.com, *.b.com").allowed_origins, ("https://a.com", "*.b.com")
        )
        self.assertEqual(self.app(ALLOWED_ORIGINS="").allowed_origins, ())

    def test_bad_origins(self) -> None:
        """A bad pattern is dropped with an error; when none is left the app refuses every page."""
        self.assertEqual(self.app(ALLOWED_ORIGINS="*.*.com,a.com").allowed_origins, ("a.com",))
        app = self.app(ALLOWED_ORIGINS="*.*.com,\udcff")
        self.assertEqual(app.allowed_origins, ALLOW_NONE)
        self.assertFalse(origin_allowed(app.allowed_origins, "https://x.y.com"))
        self.refused({}, {**CREDENTIALS, "SOCKUDO_DEFAULT_APP_ALLOWED_ORIGINS": "*.*"}, strict=True)

    def test_numbers(self) -> None:
        """A limit that is no number is told and left as it was."""
        self.assertEqual(self.app(MAX_CONNECTIONS="+5").max_connections, 5)
        for text in ("x", "-1", str(2**32), "1 "):
            self.assertEqual(self.app(MAX_CONNECTIONS=text).max_connections, 100, text)
        self.assertEqual(
            len(self.refused({}, {**CREDENTIALS, "SOCKUDO_DEFAULT_APP_MAX_CONNECTIONS": "x"}, strict=True)), 1
        )

    def test_client_messages(self) -> None:
        """Both names of the switch work; the shorter one wins."""
        self.assertTrue(self.app(ENABLE_CLIENT_MESSAGES="1").enable_client_messages)
        environ = {
            **CREDENTIALS,
            "SOCKUDO_DEFAULT_APP_ENABLE_CLIENT_MESSAGES": "1",
            "SOCKUDO_ENABLE_CLIENT_MESSAGES": "0",
        }
        self.assertFalse(self.load(environ=environ).apps[0].enable_client_messages)

    def test_not_utf8(self) -> None:
        """Credentials that are no text are an error, not an app."""
        loaded = self.load(environ={**CREDENTIALS, "SOCKUDO_DEFAULT_APP_SECRET": "\udcff"})
        self.assertEqual(loaded.apps, [])
        self.assertIn("SECRET is not UTF-8", texts(loaded, "error")[0])
