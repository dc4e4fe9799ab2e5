"""Loading: which file counts, what stops the start, and what is only told."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sockudo_tx.config.declare import walk
from sockudo_tx.config.default_app import DEMO_APP
from sockudo_tx.config.findings import ConfigError
from sockudo_tx.config.load import Loaded, load
from sockudo_tx.config.nested import nested
from sockudo_tx.config.schema import Config

from .cases import APP, DEFAULT, ConfigCase, texts


class PrecedenceTests(ConfigCase):
    """Built-in, file, environment."""

    def test_C1_built_in(self) -> None:
        """With no file and an empty environment the built-in values are the seeds'."""
        config = self.load().config
        self.assertEqual((config.host, config.port, config.adapter.driver), ("0.0.0.0", 6001, "local"))
        self.assertEqual((config.cache.driver, config.activity_timeout), ("memory", 120))
        websocket = config.websocket
        self.assertEqual((websocket.max_messages, websocket.max_bytes), (1000, 1048576))
        self.assertFalse(websocket.disconnect_on_buffer_full)

    def test_C2_default_file(self) -> None:
        """The default file sets what it names; everything else is built-in."""
        loaded = self.default({"port": 7001})
        self.assertEqual((loaded.config.port, loaded.config.host), (7001, "0.0.0.0"))
        self.assertEqual(loaded.file, DEFAULT)

    def test_C3_named_file(self) -> None:
        """A named file replaces the default one completely."""
        loaded = self.load({DEFAULT: {"port": 7001}, "other.json": {"host": "127.0.0.1"}}, path="other.json")
        self.assertEqual((loaded.config.port, loaded.config.host), (6001, "127.0.0.1"))
        self.assertEqual(loaded.file, "other.json")

    def test_C4_environment(self) -> None:
        """A variable beats the file."""
        loaded = self.default({"port": 7001}, PORT="7002")
        self.assertEqual(loaded.config.port, 7002)
        self.assertEqual(loaded.sources["port"], "environment PORT")

    def test_sources(self) -> None:
        """Every key tells where its value comes from."""
        sources = self.default({"port": 1, "cors": {"origin": ["a.com"]}}, HOST="::").sources
        self.assertEqual(set(sources), {key.path for key in walk(Config)})
        self.assertEqual(sources["port"], DEFAULT)
        self.assertEqual(sources["cors.origin"], DEFAULT)
        self.assertEqual(sources["host"], "environment HOST")
        self.assertEqual(sources["cors.methods"], "built-in")

    def test_C5_named_file_missing(self) -> None:
        """A named file that is not there is an error; the default file is used, and strict refuses."""
        loaded = self.load({DEFAULT: {"port": 7001}}, path="gone.json")
        self.assertEqual(loaded.config.port, 7001)
        self.assertEqual(len(texts(loaded, "error")), 1)
        self.assertIn("gone.json", texts(loaded, "error")[0])
        self.assertEqual(len(self.refused({DEFAULT: {}}, path="gone.json", strict=True)), 1)

    def test_absolute_path(self) -> None:
        """A named file may be anywhere."""
        read = {"/etc/sockudo.json": b'{"port": 1}'}
        self.assertEqual(load("/etc/sockudo.json", {}, "/here", read=read.__getitem__).config.port, 1)

    def test_C13_real_files(self) -> None:
        """By default files are read from the disk, from the directory given."""
        with TemporaryDirectory() as folder:
            Path(folder, "config").mkdir()
            Path(folder, DEFAULT).write_bytes(b'{"port": 4321}')
            self.assertEqual(load(None, {}, folder).config.port, 4321)

    def test_strict_variable(self) -> None:
        """`SOCKUDO_STRICT_CONFIG` is `--strict`."""
        self.refused({DEFAULT: {"prot": 1}}, {"SOCKUDO_STRICT_CONFIG": "yes"})
        self.default({"prot": 1}, SOCKUDO_STRICT_CONFIG="no")


class BrokenFileTests(ConfigCase):
    """Files that are rejected."""

    def test_C6_not_json(self) -> None:
        """A file that is not JSON stops the start and says where it is wrong, default or named."""
        for files, path in (({DEFAULT: b'{"port" 1}'}, None), ({"x.json": b'{"port" 1}'}, "x.json")):
            (finding,) = self.refused(files, path=path)
            self.assertIn("Line 1, column 9", str(finding))

    def test_unreadable(self) -> None:
        """A file that is there and cannot be read stops the start."""
        (finding,) = self.refused({DEFAULT: PermissionError(13, "Permission denied")})
        self.assertIn("Permission denied", str(finding))
        self.refused({"x": IsADirectoryError(21, "Is a directory")}, path="x")

    def test_no_file_name(self) -> None:
        """A name no file can have stops the start with a finding."""
        error = self.assertRaises(ConfigError, load, "a\0b", {}, "/")
        self.assertEqual(len([finding for finding in error.findings if finding.refuses]), 1)

    def test_C8_atomic(self) -> None:
        """A wrong type rejects the file, and the finding tells the cure."""
        (finding,) = self.refused({DEFAULT: {"port": "6001", "host": "127.0.0.1"}})
        self.assertEqual((finding.path, finding.source), ("port", DEFAULT))
        self.assertEqual(finding.cure, "Write it without quotation marks")

    def test_C9_wrong_values(self) -> None:
        """Numbers out of range, fractions and nulls reject the file."""
        for content in ({"port": 70000}, {"port": -1}, {"port": 6001.5}, {"port": 6001.0}, {"port": 10**400}):
            self.assertEqual(self.refused_file(content), ["port"])
        self.assertEqual(self.refused_file({"host": None, "ssl": None, "cors": None}), ["host", "ssl", "cors"])
        self.assertEqual(self.refused_file({"cors": {"origin": ["a", 1]}}), ["cors.origin"])
        self.assertEqual(self.refused_file({"app_manager": {"array": {"apps": {}}}}), ["app_manager.array.apps"])
        self.assertEqual(self.refused_file(b'{"http_api": {"accept_traffic": {"memory_threshold": 1e999}}}'), [""])

    def test_only_what_matters(self) -> None:
        """A refused configuration is not told that it has no app: maybe it has."""
        error = self.assertRaises(ConfigError, self.load, {DEFAULT: {"port": "x"}})
        self.assertEqual([finding.path for finding in error.findings], ["port"])

    def test_all_at_once(self) -> None:
        """Everything that is wrong is told, not only the first."""
        found = self.refused_file(
            {
                "port": "x",
                "debug": 1,
                "websocket": {"auto_ping": "yes", "max_bytes": -1},
                "adapter": {"driver": "kafka"},
            }
        )
        self.assertEqual(found, ["port", "debug", "websocket.auto_ping", "websocket.max_bytes", "adapter.driver"])

    def test_C10_nulls(self) -> None:
        """Null is fine where a key may be unset."""
        config = self.default({"logging": None, "websocket": {"max_bytes": None}, "database_pooling": {}}).config
        self.assertIsNone(config.logging)
        self.assertIsNone(config.websocket.max_bytes)

    def test_integer_as_fraction(self) -> None:
        """An integer is a number where a fraction is expected."""
        config = self.default({"http_api": {"accept_traffic": {"memory_threshold": 1}}}).config
        self.assertEqual(config.http_api.accept_traffic.memory_threshold, 1.0)

    def test_C12_byte_order_mark(self) -> None:
        """A byte order mark is tolerated."""
        self.assertEqual(self.default(b'\xef\xbb\xbf{"port": 1}').config.port, 1)

    def test_top_level(self) -> None:
        """The top level must be an object."""
        for content in (b"[]", b"1", b"null", b"", b"\xff"):
            self.assertEqual(self.refused_file(content), [""])

    def test_repeated(self) -> None:
        """Of two members with one name the last counts, with a warning that has the path."""
        loaded = self.default(b'{"cors": {"credentials": true, "credentials": false}}')
        self.assertFalse(loaded.config.cors.credentials)
        self.assertIn("cors.credentials: is written more than once", texts(loaded, "warning")[0])

    def test_surrogates(self) -> None:
        """A text that cannot be written as UTF-8 rejects the file."""
        self.assertEqual(self.refused_file(b'{"mode": "\\ud800", "apps": [{"id": "\\udfff"}]}'), ["apps[0].id", "mode"])


class UnknownKeyTests(ConfigCase):
    """Keys nobody knows, and keys nobody uses yet."""

    def test_C7_one_warning(self) -> None:
        """Unknown keys anywhere give one warning that names them all and what may be meant."""
        loaded = self.default({"prot": 1, "websocket": {"zzz": 1}, "apps": [{**APP, "alowed_origins": []}]})
        (warning,) = (text for text in texts(loaded, "warning") if "unknown" in text)
        self.assertIn("prot (did you mean port?)", warning)
        self.assertIn("websocket.zzz,", warning)
        self.assertIn("apps[0].alowed_origins (did you mean apps[0].allowed_origins?)", warning)

    def test_found_elsewhere(self) -> None:
        """A key at the wrong place is told its place."""
        (warning,) = (text for text in texts(self.default({"ping_interval": 1}), "warning") if "unknown" in text)
        self.assertIn("did you mean websocket.ping_interval?", warning)

    def test_no_idea(self) -> None:
        """A name that many objects have is no hint, and neither is one that is like nothing."""
        content = {"app_manager": {"cache": {"prefix": "x"}}, "zzz": 1}
        (warning,) = (text for text in texts(self.default(content), "warning") if "unknown" in text)
        self.assertNotIn("did you mean", warning)

    def test_later_names_are_meant_too(self) -> None:
        """A misspelt key of a later version is told its name."""
        (warning,) = (text for text in texts(self.default({"ratelimiter": {}}), "warning") if "unknown" in text)
        self.assertIn("did you mean rate_limiter?", warning)

    def test_strict(self) -> None:
        """Under strict they stop the start."""
        (finding,) = self.refused({DEFAULT: {"prot": 1}}, strict=True)
        self.assertEqual((finding.path, finding.severity), ("prot", "error"))

    def test_schema_reference(self) -> None:
        """`$schema`, which editors want, is no unknown key."""
        self.assertEqual(texts(self.default({"$schema": "x", "apps": [APP]}), "warning"), [])

    def test_keys_without_effect(self) -> None:
        """Whoever sets a key that has no effect in this version is told so, from the file or by a variable."""
        content = {"cleanup": {"max_retry_attempts": 65}, "webhooks": {"retry": {"enabled": True}}, "apps": [APP]}
        (line,) = texts(self.default(content, WEBSOCKET_WRITE_BUFFER_SIZE="7"), "info")
        self.assertIn("not used by this version: cleanup.max_retry_attempts, websocket.write_buffer_size.", line)

    def test_unused_beside_refused(self) -> None:
        """What is told as unavailable is not told as unused; beside rejected values nothing is."""
        for content in ({"queue": {"driver": "redis"}}, {"port": "x", "cleanup": {"max_retry_attempts": 9}}):
            found = self.survey({DEFAULT: {"apps": [APP], **content}}, {})
            self.assertFalse([each for each in found if "not used by this version" in each.message])

    def test_S107_unknown_driver(self) -> None:
        """An unknown driver stops the start, wherever it is and whether or not it would be used."""
        for section in ("adapter", "app_manager", "cache", "queue", "rate_limiter", "metrics"):
            for driver in ("kafka", "", None, 5, ["redis"]):
                self.assertEqual(self.refused_file({section: {"driver": driver}}), [f"{section}.driver"], driver)
            (finding,) = self.refused({}, {f"{section.upper()}_DRIVER": "kafka"})
            self.assertIn("kafka", str(finding))

    def test_moved(self) -> None:
        """A key other tools write in another place is taken from there, unless it is in its own place too."""
        self.assertEqual(self.default({"websocket": {"max_payload_kb": 8}}).config.websocket_max_payload_kb, 8)
        both = {"websocket": {"max_payload_kb": 8}, "websocket_max_payload_kb": 9}
        self.assertEqual(self.default(both).config.websocket_max_payload_kb, 9)


class AppTests(ConfigCase):
    """Apps of file and environment together."""

    def test_demo(self) -> None:
        """With nothing configured the demo app is served, with a warning."""
        loaded = self.load()
        self.assertEqual(loaded.apps, [DEMO_APP])
        self.assertEqual((DEMO_APP.id, DEMO_APP.key, DEMO_APP.secret), ("app-id", "app-key", "app-secret"))
        self.assertTrue(DEMO_APP.enable_client_messages)
        self.assertIn("public demo app", texts(loaded, "warning")[0])

    def test_no_demo(self) -> None:
        """Nobody who configured anything about apps or files gets the demo app; having none is warned of."""
        for loaded in (
            self.default({}),
            self.load(environ={"SOCKUDO_DEFAULT_APP_ID": "x"}),
            self.load(environ={"SOCKUDO_DEFAULT_APP_ENABLED": "no"}),
            self.load(path="gone.json"),
        ):
            self.assertEqual(loaded.apps, [])
            self.assertIn("there is no app", texts(loaded, "warning")[-1])

    def test_demo_in_production(self) -> None:
        """The demo app is warned of in production, unless only this machine can reach it."""
        app = {"id": "1", "key": "app-key", "secret": "app-secret"}
        self.assertIn("secret is public", texts(self.default({"apps": [app]}), "warning")[0])
        self.assertEqual(texts(self.default({"apps": [app], "mode": "development"}), "warning"), [])
        self.assertEqual(texts(self.default({"apps": [app], "host": "127.0.0.1"}), "warning"), [])

    def test_both_places(self) -> None:
        """A top-level `apps` is appended to `app_manager.array.apps`, wherever it stands in the file."""
        other = {"id": "b", "key": "l", "secret": "s"}
        loaded = self.default({"apps": [other], "app_manager": {"array": {"apps": [APP]}}})
        self.assertEqual([app.id for app in loaded.apps], ["a", "b"])
        self.assertEqual(list(loaded.config.app_manager.array.apps), loaded.apps)

    def test_C51_bad_app(self) -> None:
        """A bad app is refused with an error that names it; the others run; strict refuses to start."""
        content = {"apps": [{"id": "bad", "key": "x"}, {**APP, "id": "worse", "allowed_origins": ["*.*x.com"]}, APP]}
        loaded = self.default(content)
        self.assertEqual([app.id for app in loaded.apps], ["a"])
        first, second = texts(loaded, "error")
        self.assertIn("apps[0].secret: `secret` is missing", first)
        self.assertIn("App 'bad' is refused", first)
        self.assertIn("`secret` is missing", first)
        self.assertIn("'worse'", second)
        self.assertEqual(len(self.refused({DEFAULT: content}, strict=True)), 2)

    def test_P25_origins(self) -> None:
        """An app with an invalid or empty origin pattern is left out; a file that has no other refuses to start."""
        good = {**APP, "id": "good", "key": "good"}
        for pattern in ("*.*.com", ""):
            bad = {**APP, "allowed_origins": [pattern]}
            self.assertEqual([app.id for app in self.default({"apps": [bad, good]}).apps], ["good"])
            self.assertRaises(ConfigError, self.default, {"apps": [bad]})

    def test_one_id(self) -> None:
        """Of two apps with one id the later counts, and the environment's is the last."""
        loaded = self.default(
            {"apps": [APP, {**APP, "key": "l"}]},
            SOCKUDO_DEFAULT_APP_ID="a",
            SOCKUDO_DEFAULT_APP_KEY="m",
            SOCKUDO_DEFAULT_APP_SECRET="s",
        )
        self.assertEqual([(app.id, app.key) for app in loaded.apps], [("a", "m")])
        self.assertIn("more than one app has the id 'a'", texts(loaded, "warning")[0])

    def test_one_key(self) -> None:
        """Of two apps with one key the later counts, with an error that names both."""
        loaded = self.default({"apps": [APP, {**APP, "id": "b"}]})
        self.assertEqual([app.id for app in loaded.apps], ["b"])
        self.assertIn("'a' and 'b' have the same key", texts(loaded, "error")[0])

    def test_later_webhooks(self) -> None:
        """A webhook that only names a Lambda function is warned of: none is called yet."""
        function = {"function_name": "f", "region": "eu-west-1"}
        for target, told in (({"lambda": function}, 1), ({"lambda": function, "url": "https://x"}, 0)):
            loaded = self.default({"apps": [{**APP, "webhooks": [{**target, "event_types": []}]}]})
            warnings = [text for text in texts(loaded, "warning") if "not part of this version" in text]
            self.assertEqual(len(warnings), told)

    def test_secrets_are_never_told(self) -> None:
        """No finding quotes a secret, a key or an address with a password."""
        bad = {"id": "a", "key": "sekret-1", "secret": ["sekret-2"], "webhooks": [{"url": "ftp://u:sekret-3@h"}]}
        loaded = self.default(
            {"apps": [bad, {"id": "b", "key": 7, "secret": "sekret-4", "headers": {"x": "sekret-5"}}, APP]},
            SOCKUDO_DEFAULT_APP_SECRET="sekret-6",
        )
        self.assertNotIn("sekret", repr(loaded.findings) + repr(loaded.apps))
        self.assertEqual(len(texts(loaded, "error")), 4)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = [key.path for key in walk(Config)]
NAMES = sorted({env.name for key in walk(Config) for env in key.env})
OTHER_NAMES = ["SOCKUDO_DEFAULT_APP_ID", "SOCKUDO_DEFAULT_APP_KEY", "SOCKUDO_DEFAULT_APP_SECRET"]
OTHER_NAMES += [
    "SOCKUDO_DEFAULT_APP_ALLOWED_ORIGINS",
    "SOCKUDO_DEFAULT_APP_MAX_CONNECTIONS",
    "UNIX_SOCKET_ENABLED",
    "QUEUE_DRIVER",
]
APPS = st.dictionaries(
    st.sampled_from(
        ["id", "key", "secret", "allowed_origins", "webhooks", "policy", "max_connections", "enabled", "x"]
    ),
    JSON,
    max_size=6,
)


class AnythingTests(ConfigCase):
    """Whatever is written, there is an answer."""

    def answer(self, content: bytes, environ: dict[str, str]) -> Loaded | None:
        """What loading gives; None for a refusal, which has its reasons."""
        try:
            return self.load({DEFAULT: content}, environ)
        except ConfigError as error:
            self.assertTrue([finding for finding in error.findings if finding.refuses])
            return None

    @given(st.binary(max_size=60))
    def test_any_bytes(self, content: bytes) -> None:
        """Any bytes load or are refused with findings."""
        self.answer(content, {})

    @given(JSON)
    def test_any_json(self, content: Any) -> None:
        """Any JSON value loads or is refused with findings."""
        self.answer(json.dumps(content).encode(), {})

    @given(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=4), st.lists(APPS, max_size=2))
    def test_any_values(self, values: dict[str, Any], apps: list[Any]) -> None:
        """Any value at any key, and anything as an app, loads or is refused with findings."""
        self.answer(json.dumps({**nested(values), "apps": apps}).encode(), {})

    @given(st.dictionaries(st.sampled_from(NAMES + OTHER_NAMES), st.text(max_size=12), max_size=5))
    def test_any_environment(self, environ: dict[str, str]) -> None:
        """Any text in any variable loads or is refused with findings."""
        self.answer(b"{}", environ)

    @given(st.sampled_from(NAMES), st.text("0123456789+-. _abnoneautyTRUE,*\udc80", max_size=8))
    def test_any_variable(self, name: str, text: str) -> None:
        """One odd variable never refuses, but for drivers and rules, and never yields a value of a wrong type."""
        loaded = self.answer(b"{}", {name: text})
        if loaded is not None:
            msgspec.convert(msgspec.to_builtins(loaded.config), Config)

    def test_deep_nesting(self) -> None:
        """Nesting beyond all measure is refused like any other bad file."""
        self.refused_file(b"[" * 100_000)
        self.refused_file(b'{"a":' * 100_000)
        self.answer(b'{"a":' * 900 + b"1" + b"}" * 900, {})

    def test_long_numbers(self) -> None:
        """Numbers beyond all measure are refused like any other bad value."""
        self.assertEqual(self.refused_file(b'{"port": ' + b"9" * 10_000 + b"}"), [""])
        self.assertIsNotNone(self.answer(b"{}", {"PORT": "9" * 10_000}))
