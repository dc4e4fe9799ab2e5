"""Variables that set several keys, and what an empty one means (configuration.md 1.4, 3.2)."""

from __future__ import annotations

from typing import Any

from sockudo_tx.config.load import survey
from sockudo_tx.config.pooling import Pool, pool_of
from sockudo_tx.config.schema import Config
from sockudo_tx.config.sections.redis import ClusterNode

from .cases import APP, ConfigCase, as_bytes, texts


class FanOutTests(ConfigCase):
    """One variable, several keys"""

    def config(self, content: Any, **environ: str) -> Config:
        return survey(None, environ, "/here", read=lambda _: as_bytes(content)).config

    def test_C20_lists(self) -> None:
        """Servers of NATS are items between commas, trimmed, empty ones dropped; the file may write one text too."""
        servers = ("nats://a:4222", "nats://b:4222")
        self.assertEqual(self.config({}, NATS_SERVERS="nats://a:4222, nats://b:4222,").adapter.nats.servers, servers)
        for content in (
            {"adapter": {"nats": {"servers": ",".join(servers)}}},
            {"nats": {"servers": ", ".join(servers)}},
        ):
            self.assertEqual(self.config(content).adapter.nats.servers, servers)
        for written in ({"adapter": {"nats": {"servers": 1}}}, {"adapter": {"nats": {"servers": ""}}}):
            self.assertEqual(self.refused_file(written), ["adapter.nats.servers"])

    def test_bad_text_once(self) -> None:
        """A text that one of the keys does not take is told once and sets none of them."""
        for name, text in (("CACHE_TTL_SECONDS", "5m"), ("CACHE_MAX_CAPACITY", "-1")):
            loaded = survey(None, {name: text}, "/here", read=lambda _: as_bytes({"apps": [APP]}))
            self.assertEqual([finding.source for finding in loaded.findings], [f"environment {name}"])
            self.assertEqual(loaded.config.cache, Config().cache)

    def test_C25_empty_password(self) -> None:
        """An empty Redis password means none, and clears the file's."""
        redis = {"username": "u", "password": "p", "cluster": {"username": "u", "password": "p"}}
        names = ("USERNAME", "PASSWORD", "CLUSTER_USERNAME", "CLUSTER_PASSWORD")
        empty = {f"DATABASE_REDIS_{name}": "" for name in names}
        found = self.config({"database": {"redis": redis}}, **empty).database.redis
        self.assertEqual((found.username, found.password), (None, None))
        self.assertEqual((found.cluster.username, found.cluster.password), (None, None))

    def test_other_empty_texts(self) -> None:
        """An empty text is a value for prefixes and the passwords of databases, and none for anything else."""
        content = {
            "database": {"mysql": {"password": "p"}, "postgres": {"password": "p"}, "redis": {"key_prefix": "k"}},
            "metrics": {"prometheus": {"prefix": "m_"}},
            "host": "127.0.0.1",
        }
        names = ("DATABASE_MYSQL_PASSWORD", "DATABASE_POSTGRES_PASSWORD", "DATABASE_REDIS_KEY_PREFIX")
        config = self.config(content, **dict.fromkeys((*names, "METRICS_PROMETHEUS_PREFIX", "HOST"), ""))
        self.assertEqual((config.database.mysql.password, config.database.postgres.password), ("", ""))
        self.assertEqual((config.database.redis.key_prefix, config.metrics.prometheus.prefix), ("", ""))
        self.assertEqual(config.host, "127.0.0.1")

    def test_C27_cluster_nodes(self) -> None:
        """The nodes of a cluster are in four lists; of both variables the longer name wins, and empty means none."""
        config = self.config({}, REDIS_CLUSTER_NODES="a:1", DATABASE_REDIS_CLUSTER_NODES="b:2")
        self.assertEqual(config.adapter.cluster.nodes, ("b:2",))
        self.assertEqual(config.queue.redis_cluster.nodes, ("b:2",))
        self.assertEqual(config.database.redis.cluster.nodes, (ClusterNode(host="b", port=2),))
        self.assertEqual(config.database.redis.cluster_nodes, config.database.redis.cluster.nodes)
        self.assertEqual(self.config({}, REDIS_CLUSTER_NODES="").queue.redis_cluster.nodes, ())
        several = self.config({}, REDIS_CLUSTER_NODES=" a , ,[::1]:7000,rediss://c:3").database.redis.cluster.nodes
        expected = (("a", 6379), ("[::1]", 7000), ("rediss://c:3", 6379))
        self.assertEqual(tuple((node.host, node.port) for node in several), expected)

    def test_C28_redis_url(self) -> None:
        """`REDIS_URL` is for adapter, cache, queue and limiter, and not for `database.redis`."""
        url = "redis://h:1/2"
        config = self.config({}, REDIS_URL=url)
        options = config.adapter.redis
        self.assertEqual((options.redis_pub_options.url, options.redis_sub_options.url), (url, url))
        overrides = (config.cache.redis.url_override, config.queue.redis.url_override)
        self.assertEqual((*overrides, config.rate_limiter.redis.url_override), (url, url, url))
        self.assertEqual(config.database, Config().database)
        self.assertEqual(config.cache.redis.prefix, "sockudo_cache:")

    def test_C29_ttl(self) -> None:
        """`CACHE_TTL_SECONDS` is for apps and memory, and leaves cached channel events alone."""
        config = self.config({"channel_limits": {"cache_ttl": 7}}, CACHE_TTL_SECONDS="60")
        database = config.database
        found = (config.app_manager.cache.ttl, config.cache.memory.ttl, database.mysql.cache_ttl)
        self.assertEqual((*found, database.postgres.cache_ttl), (60, 60, 60, 60))
        self.assertEqual(config.channel_limits.cache_ttl, 7)
        self.assertEqual(self.config({}, CACHE_TTL_SECONDS="60").channel_limits.cache_ttl, 3600)

    def test_C30_capacity(self) -> None:
        """`CACHE_MAX_CAPACITY` and `CACHE_CLEANUP_INTERVAL` are for the memory cache and both databases."""
        config = self.config({}, CACHE_MAX_CAPACITY="5", CACHE_CLEANUP_INTERVAL="6", DATABASE_CONNECTION_POOL_SIZE="4")
        caches = (config.database.mysql, config.database.postgres)
        self.assertEqual([(each.cache_max_capacity, each.cache_cleanup_interval) for each in caches], [(5, 6)] * 2)
        self.assertEqual((config.cache.memory.max_capacity, config.cache.memory.cleanup_interval), (5, 6))
        self.assertEqual([each.connection_pool_size for each in caches], [4, 4])

    def test_C16_socket_counting(self) -> None:
        """The switch of socket counting takes the words of every other switch."""
        self.assertFalse(self.config({}, ADAPTER_ENABLE_SOCKET_COUNTING="0").adapter.enable_socket_counting)

    def test_inline_apps(self) -> None:
        """Both names of the switch work; the one that says skip is turned round, and has the last word."""
        self.assertFalse(self.config({}, APP_MANAGER_REGISTER_INLINE_APPS="no").app_manager.register_inline_apps)
        self.assertFalse(self.config({}, SOCKUDO_SKIP_INLINE_APPS="true").app_manager.register_inline_apps)
        both = {"APP_MANAGER_REGISTER_INLINE_APPS": "no", "SOCKUDO_SKIP_INLINE_APPS": "no"}
        self.assertTrue(self.config({}, **both).app_manager.register_inline_apps)


class ClusterHealthTests(ConfigCase):
    """`cluster_health` and `adapter.cluster_health`"""

    def test_C31_variable(self) -> None:
        """The variable counts for the adapter, over what either place of the file says."""
        content = {"cluster_health": {"node_timeout_ms": 20000}, "adapter": {"cluster_health": {"enabled": False}}}
        loaded = self.default(content, CLUSTER_HEALTH_NODE_TIMEOUT="60000")
        health = loaded.config.adapter.cluster_health
        self.assertEqual((health.node_timeout_ms, health.enabled), (60000, False))
        self.assertEqual(loaded.config.cluster_health, health)

    def test_merged(self) -> None:
        """Key by key: the adapter's own, else that of the older place, whose source is told."""
        content = {
            "cluster_health": {"node_timeout_ms": 20000, "heartbeat_interval_ms": 1500},
            "adapter": {"cluster_health": {"heartbeat_interval_ms": 2000}},
        }
        loaded = self.default(content)
        health = loaded.config.adapter.cluster_health
        self.assertEqual((health.node_timeout_ms, health.heartbeat_interval_ms), (20000, 2000))
        path = "adapter.cluster_health.node_timeout_ms"
        self.assertEqual(loaded.sources[path], "config/config.json (cluster_health.node_timeout_ms)")

    def test_C32_inconsistent(self) -> None:
        """Intervals that do not fit stop the start, from either place, and the keys are named."""
        health = {"heartbeat_interval_ms": 1000, "node_timeout_ms": 3000, "cleanup_interval_ms": 5000}
        for content in ({"cluster_health": health}, {"adapter": {"cluster_health": health}}):
            (finding,) = self.refused({"config/config.json": content})
            self.assertIn("cleanup_interval_ms", finding.path)
            self.assertIn("node_timeout_ms", str(finding))
        zero = {"cluster_health": {"node_timeout_ms": 0}}
        self.assertIn("adapter.cluster_health.node_timeout_ms", self.refused_file(zero))

    def test_scylladb(self) -> None:
        """`app_manager.scylladb` fills in what `database.scylladb` leaves open."""
        content = {
            "app_manager": {"scylladb": {"keyspace": "k", "nodes": ["a"]}},
            "database": {"scylladb": {"nodes": ["b"]}},
        }
        config = self.default(content).config
        self.assertEqual((config.database.scylladb.keyspace, config.database.scylladb.nodes), ("k", ("b",)))
        self.assertEqual(config.app_manager.scylladb, config.database.scylladb)


class PoolTests(ConfigCase):
    """`pool_of`"""

    def pools(self, content: Any, **environ: str) -> list[Pool]:
        config = self.default(content, **environ).config
        return [pool_of(config, each) for each in (config.database.mysql, config.database.postgres)]

    def test_C43_timeout(self) -> None:
        """The wait for a connection is what the file says, 5 seconds otherwise."""
        self.assertEqual(self.pools({})[0], Pool(2, 10, 5))
        self.assertEqual(self.pools({"database_pooling": {"timeout": 30}})[0].timeout, 30)

    def test_C44_sizes(self) -> None:
        """With pooling on, a database's own bounds or the common ones; off, the size of the pool."""
        content = {"database": {"mysql": {"pool_max": 4}}, "database_pooling": {"max": 20}}
        self.assertEqual([pool.most for pool in self.pools(content)], [4, 20])
        off = self.pools({"database_pooling": {"enabled": False}}, DATABASE_CONNECTION_POOL_SIZE="7")
        self.assertEqual(off, [Pool(0, 7, 5)] * 2)

    def test_clamped(self) -> None:
        """A minimum above the maximum is the maximum, with a warning."""
        content = {
            "database": {"mysql": {"pool_min": 5, "pool_max": 3}},
            "apps": [{"id": "a", "key": "k", "secret": "s"}],
        }
        self.assertEqual(self.pools(content)[0], Pool(3, 3, 5))
        self.assertTrue([text for text in texts(self.default(content), "warning") if "pool_min" in text])
