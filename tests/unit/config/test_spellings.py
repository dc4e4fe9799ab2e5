"""Spellings a file may use beside the reference's own (configuration.md 1.3), and texts with a form (1.4)."""

from __future__ import annotations

from typing import Any

from sockudo_tx.config.declare import walk
from sockudo_tx.config.environment import value_at
from sockudo_tx.config.load import Loaded, survey
from sockudo_tx.config.masks import MASK
from sockudo_tx.config.nested import nested
from sockudo_tx.config.schema import Config

from .cases import APP, ConfigCase, as_bytes, texts

REDIS_CLUSTER = ("redis-cluster", "redis_cluster", "rediscluster")
DRIVERS: dict[str, dict[str, tuple[str, ...]]] = {
    "app_manager.driver": {
        "memory": ("memory", "array"),
        "mysql": ("mysql",),
        "pgsql": ("pgsql", "postgres", "postgresql"),
        "dynamodb": ("dynamodb",),
        "scylladb": ("scylladb", "scylla"),
    },
    "adapter.driver": {"local": ("local",), "redis": ("redis",), "redis-cluster": REDIS_CLUSTER, "nats": ("nats",)},
    "cache.driver": {"memory": ("memory",), "redis": ("redis",), "redis-cluster": REDIS_CLUSTER, "none": ("none",)},
    "rate_limiter.driver": {"memory": ("memory",), "redis-cluster": REDIS_CLUSTER, "none": ("none",)},
    "queue.driver": {
        "memory": ("memory",),
        "redis": ("redis",),
        "redis-cluster": REDIS_CLUSTER,
        "sqs": ("sqs",),
        "sns": ("sns",),
        "none": ("none",),
    },
    "metrics.driver": {"prometheus": ("prometheus",)},
    "delta_compression.algorithm": {"fossil": ("fossil",), "xdelta3": ("xdelta3", "vcdiff")},
}


class WordTests(ConfigCase):
    """Keys that take one of a few words"""

    def surveyed(self, content: Any, **environ: str) -> Loaded:
        return survey(None, environ, "/here", read=lambda _: as_bytes(content))

    def test_C18_words(self) -> None:
        """Every word and alias counts in any letter case, in the file as well as in the variable."""
        keys = {key.path: key for key in walk(Config)}
        for path, words in DRIVERS.items():
            for meant, spellings in words.items():
                for text in {form for word in spellings for form in (word, word.upper(), word.title())}:
                    self.assertEqual(value_at(self.surveyed(nested({path: text})).config, path), meant, text)
                    for env in keys[path].env:
                        found = self.surveyed({}, **{env.name: text})
                        self.assertEqual(value_at(found.config, path), meant, text)

    def test_C19_postgres(self) -> None:
        """The database has three names, in both places."""
        for text in ("postgres", "postgresql", "pgsql"):
            for found in (self.surveyed({}, APP_MANAGER_DRIVER=text), self.surveyed({"app_manager": {"driver": text}})):
                self.assertEqual(found.config.app_manager.driver, "pgsql")

    def test_C18_drivers_that_need_a_later_version(self) -> None:
        """A driver this version does not have stops the start and names those that work."""
        for path, word, usable in (
            ("adapter.driver", "redis", "local"),
            ("cache.driver", "redis", "memory or none"),
            ("queue.driver", "sqs", "memory or sqlite or none"),
            ("app_manager.driver", "postgres", "memory"),
        ):
            (finding,) = self.refused({"config/config.json": nested({path: word})})
            self.assertEqual(finding.path, path)
            self.assertIn("not available in this version", finding.message)
            self.assertIn(f"Use {usable}", finding.cure)

    def test_limiter_that_is_off(self) -> None:
        """The driver of a rate limiter that is off does no harm; on, it stops the start."""
        self.default({"rate_limiter": {"enabled": False, "driver": "redis"}})
        self.assertEqual(
            self.refused_file({"rate_limiter": {"enabled": True, "driver": "redis"}}), ["rate_limiter.driver"]
        )

    def test_sections_of_other_drivers(self) -> None:
        """Settings of drivers that are not chosen do no harm and are named once."""
        content = {"apps": [APP], "database": {"redis": {"host": "r"}}, "queue": {"redis": {"concurrency": 9}}}
        (line,) = (text for text in texts(self.default(content), "info") if "not used" in text)
        self.assertIn("database.redis, queue.redis", line)

    def test_unknown_algorithm(self) -> None:
        """An unknown algorithm stops the start (delta-and-filters.md 9.1)."""
        self.assertEqual(
            self.refused_file({"delta_compression": {"algorithm": "zip"}}), ["delta_compression.algorithm"]
        )


class PlaceTests(ConfigCase):
    """Keys in another place"""

    def test_moved(self) -> None:
        """Each is read as if it stood in its own place."""
        config = self.default(
            {
                "websocket": {"max_payload_kb": 8, "ping_interval": 9},
                "metrics": {"prefix": "m_", "port": 1},
                "nats": {"servers": "a, b", "token": "t"},
                "database": {"redis": {"cluster": {"useTLS": True}}},
            }
        ).config
        self.assertEqual((config.websocket_max_payload_kb, config.websocket.ping_interval), (8, 9))
        self.assertEqual((config.metrics.prometheus.prefix, config.metrics.port), ("m_", 1))
        self.assertEqual((config.adapter.nats.servers, config.adapter.nats.token), (("a", "b"), "t"))
        self.assertTrue(config.database.redis.cluster.use_tls)

    def test_both_places(self) -> None:
        """Its own place counts, and the other is told to have no effect."""
        loaded = self.default(
            {
                "apps": [APP],
                "metrics": {"prefix": "old_", "prometheus": {"prefix": "new_"}},
                "nats": {"prefix": "old"},
                "adapter": {"nats": {"prefix": "new"}},
            }
        )
        self.assertEqual(loaded.config.metrics.prometheus.prefix, "new_")
        self.assertEqual(loaded.config.adapter.nats.prefix, "new")
        told = " ".join(texts(loaded, "warning"))
        self.assertIn("metrics.prefix: is not used, because metrics.prometheus.prefix is there too", told)
        self.assertIn("nats: is not used, because adapter.nats is there too", told)

    def test_wrong_at_the_other_place(self) -> None:
        """What is wrong there is told with the path that was written."""
        content = {"metrics": {"prefix": 5}, "nats": {"prefix": 5, "zzz": 1}, "websocket": {"max_payload_kb": "8"}}
        self.assertEqual(
            sorted(self.refused_file(content)), ["metrics.prefix", "nats.prefix", "websocket.max_payload_kb"]
        )
        self.assertEqual(self.refused_file({"nats": []}), ["nats"])
        loaded = self.default({"nats": {"zzz": 1}, "apps": [APP]})
        self.assertIn("nats.zzz", texts(loaded, "warning")[0])

    def test_something_in_the_way(self) -> None:
        """A place that is taken by something else is what is told."""
        self.assertEqual(self.refused_file({"metrics": {"prefix": "m_", "prometheus": 5}}), ["metrics.prometheus"])
        self.assertEqual(self.refused_file({"nats": {}, "adapter": 5}), ["adapter"])


class FormTests(ConfigCase):
    """Texts with a form of their own"""

    def test_C42_mode_in_the_file(self) -> None:
        """The mode of the socket is a text of octal digits up to 777."""
        for text, mode in (("755", 0o755), ("000", 0), ("660", 0o660), ("0640", 0o640)):
            config = self.default({"unix_socket": {"permission_mode": text}}).config
            self.assertEqual(config.unix_socket.mode, mode)
        bad: Any
        for bad in ("789", "1000", "", 660, "rw", " 660", "660\n", None):
            (finding,) = self.refused({"config/config.json": {"unix_socket": {"permission_mode": bad}}})
            self.assertEqual(finding.path, "unix_socket.permission_mode")
            self.assertIn("octal digits up to 777", str(finding))
        self.assertIn(
            "quotation marks",
            self.refused({"config/config.json": nested({"unix_socket.permission_mode": 660})})[0].cure,
        )

    def test_C24_mode_in_the_variable(self) -> None:
        """A bad mode in the variable is told and ignored; an empty one only ignored."""
        self.assertEqual(self.variables(UNIX_SOCKET_PERMISSION_MODE="640").config.unix_socket.mode, 0o640)
        for text, told in (("999", 1), ("1000", 1), ("abc", 1), ("", 0)):
            loaded = self.variables(UNIX_SOCKET_PERMISSION_MODE=text)
            self.assertEqual(loaded.config.unix_socket.mode, 0o660)
            self.assertEqual(len(texts(loaded, "warning")), told, text)

    def test_C14_metrics(self) -> None:
        """The switch of the metrics takes four words each way; other texts are told and ignored."""
        for text in ("true", "TRUE", "1", "yes", "On"):
            self.assertTrue(self.default({"metrics": {"enabled": False}}, METRICS_ENABLED=text).config.metrics.enabled)
        for text in ("false", "0", "no", "OFF"):
            self.assertFalse(self.variables(METRICS_ENABLED=text).config.metrics.enabled)
        for text in ("maybe", " true"):
            loaded = self.variables(METRICS_ENABLED=text)
            self.assertTrue(loaded.config.metrics.enabled)
            self.assertEqual(len([text for text in texts(loaded, "warning") if "METRICS_ENABLED" in text]), 1)

    def test_large_numbers(self) -> None:
        """Counts of the size of a machine word may be that large; others end at 32 bits."""
        content = {"cache": {"memory": {"max_capacity": 10**12}}, "websocket": {"max_messages": 10**10}}
        config = self.default(content, CACHE_MAX_CAPACITY="5000000000").config
        self.assertEqual((config.cache.memory.max_capacity, config.websocket.max_messages), (5_000_000_000, 10**10))
        self.assertEqual(
            self.refused_file({"event_limits": {"max_batch_size": 2**32}}), ["event_limits.max_batch_size"]
        )

    def test_networks(self) -> None:
        """Proxies are addresses or networks."""
        networks = ("10.0.0.0/8", "192.0.2.1", "2001:db8::/32")
        config = self.variables(LISTENER_PROXY_PROTOCOL_FROM=", ".join(networks)).config
        self.assertEqual(config.listener.proxy_protocol_from, networks)
        for bad in ("10.0.0.0/33", "proxy.example", "10.0.0.1/8"):
            (finding,) = self.refused({"config/config.json": {"listener": {"proxy_protocol_from": [bad]}}})
            self.assertIn(bad, str(finding))

    def test_metric_prefix(self) -> None:
        """A prefix of metrics must begin a metric's name; empty is none."""
        for good in ("", "a_", "my:app_"):
            self.assertEqual(self.default({"metrics": {"prefix": good}}).config.metrics.prometheus.prefix, good)
        for bad in ("1a", "a-b", "ä", "a b"):
            self.assertEqual(len(self.refused_file({"metrics": {"prometheus": {"prefix": bad}}})), 1, bad)


class WrongTypeTests(ConfigCase):
    """A value of a type the key does not take"""

    def test_every_key_at_once(self) -> None:
        """One file with every key wrong gives one finding for each: path, value, rule and cure."""
        wrong: Any = {"an": "object"}
        keys = [key for key in walk(Config) if key.path != "app_manager.array.apps"]
        findings = self.refused({"config/config.json": nested({key.path: wrong for key in keys})})
        self.assertEqual(sorted({finding.path for finding in findings}), sorted(key.path for key in keys))
        self.assertEqual(len(findings), len(keys))
        secret = {key.path for key in keys if key.secret}
        for finding in findings:
            self.assertIn("must be ", finding.message)
            self.assertIn(MASK if finding.path in secret else "an object", str(finding))
            self.assertTrue(finding.cure, finding.path)

    def test_list_items(self) -> None:
        """What is wrong inside a list of objects is told with its place there."""
        nodes = [{"host": "a", "port": 70000}, "b", {"prt": 1}]
        content = {"apps": [APP], "database": {"redis": {"cluster": {"nodes": nodes}}}}
        path = "database.redis.cluster.nodes"
        self.assertEqual(self.refused_file(content), [f"{path}[0].port", f"{path}[1]"])
        content["database"] = {"redis": {"cluster": {"nodes": nodes[2:]}}}
        loaded = self.default(content)
        self.assertIn(f"{path}[0].prt (did you mean {path}[0].port?)", texts(loaded, "warning")[0])
        self.assertEqual(set(loaded.sources), {key.path for key in walk(Config)})
