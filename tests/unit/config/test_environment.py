"""Variables over the file: the grammar of each type, and keys with more than one variable."""

from __future__ import annotations

from typing import Annotated, Any, get_origin

from sockudo_tx.config.declare import SECRET, Count, Doc, Env, Section, keys_of, walk
from sockudo_tx.config.environment import UNSET, overlay
from sockudo_tx.config.findings import Report
from sockudo_tx.config.grammar import Unacceptable, from_json
from sockudo_tx.config.schema import Config

from .cases import APP, ConfigCase, texts


class GrammarTests(ConfigCase):
    """Texts of variables"""

    def kept(self, **environ: str) -> list[str]:
        """The warnings of a load that must have changed nothing else."""
        plain, loaded = self.variables(), self.variables(**environ)
        self.assertEqual(plain.config, loaded.config)
        self.assertEqual(plain.sources, loaded.sources)
        return texts(loaded, "warning")

    def test_C14_switches(self) -> None:
        """Switches take four words each way in any letter case; anything else is told and ignored."""
        for text in ("true", "TRUE", "1", "yes", "On"):
            self.assertTrue(self.variables(DEBUG_MODE=text).config.debug, text)
        for text in ("false", "0", "no", "OFF"):
            self.assertFalse(self.default({"debug": True}, DEBUG_MODE=text).config.debug, text)
        for text in ("maybe", " true", "2", "enabled"):
            self.assertEqual(len(self.kept(WEBSOCKET_AUTO_PING=text)), 1, text)

    def test_C15_numbers(self) -> None:
        """Numbers are ASCII digits after an optional plus, in range; anything else is told and ignored."""
        self.assertEqual(self.variables(PORT="+7000").config.port, 7000)
        self.assertEqual(self.variables(PORT="007000").config.port, 7000)
        for text in (" 7000", "7_000", "٧٠٠٠", "70000", "-1", "7e3", "0x10", "6001.0", "++1", "1\n"):
            self.assertEqual(len(self.kept(PORT=text)), 1, text)

    def test_C26_empty(self) -> None:
        """An empty variable is as good as none, and not worth a word."""
        names = [env.name for key in walk(Config) for env in key.env if env.empty is UNSET]
        self.assertEqual(self.kept(**dict.fromkeys(names, "")), [])

    def test_strict(self) -> None:
        """Under strict an ignored variable stops the start."""
        (finding,) = self.refused({}, {"PORT": "x"}, strict=True)
        self.assertEqual((finding.path, finding.source), ("port", "environment PORT"))

    def test_not_utf8(self) -> None:
        """A variable with bytes that are no text is ignored."""
        self.assertIn("not UTF-8", self.kept(ENVIRONMENT="\udcff")[0])

    def test_C17_debug(self) -> None:
        """`DEBUG` can only switch on, `DEBUG_MODE` both ways, and `DEBUG` has the last word."""
        self.assertTrue(self.default({"debug": True}, DEBUG="false").config.debug)
        self.assertFalse(self.default({"debug": True}, DEBUG_MODE="false").config.debug)
        self.assertTrue(self.variables(DEBUG="1", DEBUG_MODE="0").config.debug)

    def test_C18_S107_drivers(self) -> None:
        """Drivers take any letter case; an unknown one stops the start and names the known ones."""
        self.assertEqual(self.variables(CACHE_DRIVER="NONE").config.cache.driver, "none")
        (finding,) = self.refused({}, {"ADAPTER_DRIVER": "kafka"})
        self.assertIn("local, redis, redis-cluster, nats", str(finding))

    def test_driver_not_available(self) -> None:
        """A driver this version does not have stops the start under each of its spellings and says what to use."""
        for text in ("REDIS-Cluster", "redis_cluster", "RedisCluster"):
            (finding,) = self.refused({}, {"ADAPTER_DRIVER": text})
            self.assertEqual(finding.message, "redis-cluster is not available in this version")
            self.assertEqual(finding.cure, "Use local")
        for text in ("postgres", "postgresql", "pgsql", "PostgreSQL"):
            (finding,) = self.refused({}, {"APP_MANAGER_DRIVER": text})  # C-19
            self.assertEqual(finding.message, "pgsql is not available in this version")

    def test_driver_in_file(self) -> None:
        """The same in a file, whose unavailable driver a variable may replace."""
        self.assertEqual(self.default({"app_manager": {"driver": "Array"}}).config.app_manager.driver, "memory")
        (finding,) = self.refused({"config/config.json": {"app_manager": {"driver": "postgres"}}})
        self.assertEqual(finding.path, "app_manager.driver")
        self.default({"adapter": {"driver": "redis"}}, ADAPTER_DRIVER="local")

    def test_C20_lists(self) -> None:
        """Lists are split at commas, trimmed, empty items dropped; an empty variable changes nothing."""
        cors = self.variables(CORS_ORIGINS="https://a.com, b.com,,").config.cors
        self.assertEqual(cors.origin, ("https://a.com", "b.com"))
        self.assertEqual(self.variables(CORS_ORIGINS="").config.cors.origin, ("*",))

    def test_C21_switching_limits_off(self) -> None:
        """The two limits of waiting messages take `none` and 0 as null, from both places."""
        for text in ("none", "NONE", "0"):
            self.assertIsNone(self.variables(WEBSOCKET_MAX_MESSAGES=text).config.websocket.max_messages, text)
        for value in (None, 0, "none", "0"):
            config = self.default({"websocket": {"max_messages": value}}).config
            self.assertIsNone(config.websocket.max_messages, value)
        self.assertEqual(self.variables(WEBSOCKET_MAX_MESSAGES="5").config.websocket.max_messages, 5)
        self.assertEqual(len(self.kept(WEBSOCKET_MAX_MESSAGES="x")), 1)

    def test_C22_both_off(self) -> None:
        """With both limits off, 1000 messages are the limit."""
        config = self.variables(WEBSOCKET_MAX_BYTES="none", WEBSOCKET_MAX_MESSAGES="none").config
        self.assertEqual((config.websocket.max_messages, config.websocket.max_bytes), (1000, None))

    def test_C23_threads(self) -> None:
        """`auto` or a number, also as text in the file; 0 stops the start."""
        for text, value in (("Auto", "auto"), ("2", 2)):
            self.assertEqual(self.variables(CLEANUP_WORKER_THREADS=text).config.cleanup.worker_threads, value)
            self.assertEqual(self.default({"cleanup": {"worker_threads": text}}).config.cleanup.worker_threads, value)
        self.assertEqual(len(self.kept(CLEANUP_WORKER_THREADS="x")), 1)
        (finding,) = self.refused({}, {"CLEANUP_WORKER_THREADS": "0"})
        self.assertEqual(finding.path, "cleanup.worker_threads")

    def test_C29_one_variable_several_keys(self) -> None:
        """`CACHE_TTL_SECONDS` sets both caches and leaves the life of cached channel events alone."""
        config = self.variables(CACHE_TTL_SECONDS="60").config
        self.assertEqual((config.app_manager.cache.ttl, config.cache.memory.ttl), (60, 60))
        self.assertEqual(config.channel_limits.cache_ttl, 3600)

    def test_C30_capacity(self) -> None:
        """`CACHE_MAX_CAPACITY` counts entries."""
        self.assertEqual(self.variables(CACHE_MAX_CAPACITY="5").config.cache.memory.max_capacity, 5)

    def test_C33_absent_object(self) -> None:
        """A variable makes an object come into being, with its own defaults."""
        logging = self.variables(LOG_INCLUDE_TARGET="false").config.logging
        assert logging is not None
        self.assertEqual((logging.colors_enabled, logging.include_target), (True, False))

    def test_compression(self) -> None:
        """Compression modes take any letter case; an unknown one is told and means none."""
        self.assertEqual(self.variables(WEBSOCKET_COMPRESSION="Shared").config.websocket.compression, "shared")
        loaded = self.default({"apps": [APP], "websocket": {"compression": "shared"}}, WEBSOCKET_COMPRESSION="zip")
        self.assertEqual(loaded.config.websocket.compression, "disabled")
        self.assertIn("disabled is used", texts(loaded, "warning")[0])
        self.assertEqual(self.default({"websocket": {"compression": "zip"}}).config.websocket.compression, "disabled")


class Inner(Section, frozen=True, kw_only=True):
    left: Annotated[Count, Doc("Given when the object is there without it.")] = 1
    right: Annotated[Count, Doc("Another."), Env("RIGHT")] = 1


class Outer(Section, frozen=True, kw_only=True):
    password: Annotated[str | None, Doc("Secret."), SECRET, Env("PASSWORD", empty=None)] = "built-in"
    pin: Annotated[Count, Doc("Secret too."), SECRET, Env("PIN")] = 1234
    names: Annotated[tuple[str, ...], Doc("Some."), Env("FIRST"), Env("SECOND", empty=())] = ("a",)
    inner: Inner = Inner(left=2)


class DeclarationTests(ConfigCase):
    """What declarations of later keys will use"""

    def overlaid(self, tree: Outer | None = None, **environ: str) -> tuple[Outer, Report]:
        report = Report()
        return overlay(tree or Outer(), environ, report, {}), report

    def test_absent_and_partial_object(self) -> None:
        """A variable below an absent object does not make it a partial one (configuration.md 2.2)."""
        tree, _ = self.overlaid(RIGHT="7")
        self.assertEqual(tree.inner, Inner(left=2, right=7))

    def test_empty(self) -> None:
        """An empty variable may have a meaning of its own."""
        self.assertIsNone(self.overlaid(PASSWORD="")[0].password)
        self.assertEqual(self.overlaid(SECOND="")[0].names, ())

    def test_later_variable_wins(self) -> None:
        """Of two variables of one key the one declared later wins, whatever is set first."""
        self.assertEqual(self.overlaid(SECOND="s", FIRST="f")[0].names, ("s",))
        self.assertEqual(self.overlaid(FIRST="f")[0].names, ("f",))

    def test_secrets_are_not_quoted(self) -> None:
        """What is wrong with a secret is told without it."""
        _, report = self.overlaid(PIN="hunter2", PASSWORD="\udcff")
        self.assertEqual(len(report.findings), 2)
        self.assertNotIn("hunter2", repr(report.findings))
        pin = next(key for key in keys_of(Outer) if key.name == "pin")
        for value in ("hunter2", -98765):
            error = self.assertRaises(Unacceptable, from_json, pin, value)
            self.assertNotIn(str(value), str(error))

    def test_every_key_is_told(self) -> None:
        """Every key of the schema has a text, a range if it is a number, and a default of its own type."""
        for key in walk(Config):
            self.assertTrue(key.doc.endswith("."), key.path)
            if int in key.bases:
                self.assertIsNotNone(key.low, key.path)
            if key.path != "app_manager.array.apps":
                value: Any = list(key.default) if isinstance(key.default, tuple) else key.default
                self.assertEqual(from_json(key, value), key.default, key.path)

    def test_one_variable_one_type(self) -> None:
        """A variable that sets several keys has one grammar."""
        kinds: dict[str, set[Any]] = {}
        for key in walk(Config):
            for env in key.env:
                kinds.setdefault(env.name, set()).add(tuple if get_origin(key.bases[0]) is tuple else key.bases)
        self.assertEqual({name: found for name, found in kinds.items() if len(found) > 1}, {})
