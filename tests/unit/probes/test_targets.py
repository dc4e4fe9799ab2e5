"""Which addresses a configuration names, and how each way to write one is read (configuration.md 2.16)."""

from __future__ import annotations

from typing import Any

from sockudo_tx.config.load import survey
from sockudo_tx.config.schema import Config
from sockudo_tx.probes.targets import address, targets
from tests.unit.config.cases import APP, DEFAULT, ConfigCase, reader


def named(content: dict[str, Any], **environ: str) -> list[tuple[str, str, int]]:
    """Key, host and port of every target of a file."""
    read = reader({DEFAULT: {"apps": [APP], **content}})
    return [(one.path, one.host, one.port) for one in targets(survey(None, environ, "/here", read=read).config)]


class TargetTests(ConfigCase):
    """`targets`"""

    def test_nothing(self) -> None:
        """The built-in configuration needs nobody, whatever its database sections say."""
        self.assertEqual(targets(Config()), [])
        self.assertEqual(named({"database": {"redis": {"host": "r"}, "mysql": {"host": "m"}}}), [])

    def test_redis(self) -> None:
        """One Redis: `database.redis` with or without a scheme, or the part's own address, without its password."""
        self.assertEqual(named({"cache": {"driver": "redis"}}), [("database.redis.host", "127.0.0.1", 6379)])
        redis = {"host": "rediss://far", "port": 7, "password": "hunter2"}
        content = {"cache": {"driver": "redis"}, "database": {"redis": redis}}
        self.assertEqual(named(content), [("database.redis.host", "far", 7)])
        content = {"cache": {"driver": "redis", "redis": {"url_override": "redis://u:hunter2@own:8/2"}}}
        self.assertEqual(named(content), [("cache.redis.url_override", "own", 8)])

    def test_redis_url(self) -> None:
        """REDIS_URL is the address of every part that uses one Redis."""
        content = {"cache": {"driver": "redis"}, "adapter": {"driver": "redis"}, "queue": {"driver": "redis"}}
        found = named(content, REDIS_URL="redis://h:1/2")
        keys = ("adapter.redis.redis_pub_options.url", "queue.redis.url_override", "cache.redis.url_override")
        self.assertEqual(found, [(key, "h", 1) for key in keys])

    def test_shared(self) -> None:
        """What several parts use is one target that names them all, required when one of them requires it."""
        drivers = {name: {"driver": "redis"} for name in ("adapter", "cache", "queue")}
        (target,) = targets(survey(None, {}, "/here", read=reader({DEFAULT: {"apps": [APP], **drivers}})).config)
        self.assertEqual(target.what, "Redis for the adapter and Redis for the queue and Redis for the cache")
        self.assertTrue(target.required)

    def test_sentinels(self) -> None:
        """With sentinels those are asked, not the host; an address may name them too."""
        content = {"cache": {"driver": "redis"}, "database": {"redis": {"sentinels": [{"host": "s1"}, {"port": 5}]}}}
        self.assertEqual([one[1:] for one in named(content)], [("s1", 26379), ("localhost", 5)])
        url = "redis+sentinel://:hunter2@s1:7,s2/name/0"
        content = {"cache": {"driver": "redis", "redis": {"url_override": url}}}
        self.assertEqual([one[1:] for one in named(content)], [("s1", 7), ("s2", 26379)])

    def test_cluster(self) -> None:
        """A cluster: the part's own nodes, else the shared ones, else those under the older name."""
        shared = {"redis": {"cluster": {"nodes": [{"host": "a", "port": 7001}, {"host": "redis://b"}]}}}
        content = {"adapter": {"driver": "redis-cluster"}, "database": shared}
        self.assertEqual([one[1:] for one in named(content)], [("a", 7001), ("b", 7000)])
        content = {"adapter": {"driver": "redis-cluster", "cluster": {"nodes": ["c:7002"]}}, "database": shared}
        self.assertEqual(named(content), [("adapter.cluster.nodes", "c", 7002)])
        older = {"redis": {"cluster_nodes": [{"host": "d"}]}}
        self.assertEqual(
            named({"cache": {"driver": "redis-cluster"}, "database": older}),
            [("database.redis.cluster_nodes", "d", 7000)],
        )

    def test_nats(self) -> None:
        """Every NATS server, without user and password."""
        content = {"adapter": {"driver": "nats", "nats": {"servers": ["nats://u:p@a:1", "tls://b", "c:2"]}}}
        key = "adapter.nats.servers"
        self.assertEqual(named(content), [(key, "a", 1), (key, "b", 4222), (key, "c", 2)])

    def test_databases(self) -> None:
        """The database of the app store that was chosen, and no other."""
        for driver, key, host, port in (
            ("mysql", "database.mysql.host", "localhost", 3306),
            ("pgsql", "database.postgres.host", "localhost", 5432),
            ("scylladb", "database.scylladb.nodes", "127.0.0.1", 9042),
            ("dynamodb", "database.dynamodb.region", "dynamodb.us-east-1.amazonaws.com", 443),
        ):
            self.assertEqual(named({"app_manager": {"driver": driver}}), [(key, host, port)])

    def test_queues(self) -> None:
        """SQS and SNS at the address of their region, or where they are told to be."""
        self.assertEqual(
            named({"queue": {"driver": "sqs", "sqs": {"region": "eu-west-1"}}}),
            [("queue.sqs.region", "sqs.eu-west-1.amazonaws.com", 443)],
        )
        content = {"queue": {"driver": "sns", "sns": {"topic_arn": "t", "endpoint_url": "http://local:4566"}}}
        self.assertEqual(named(content), [("queue.sns.endpoint_url", "local", 4566)])

    def test_webhooks(self) -> None:
        """Of webhooks the host name, unless webhooks are off."""
        app = {**APP, "webhooks": [{"url": "https://u:p@hooks.example/x?token=y", "event_types": []}]}
        self.assertEqual([one[1:] for one in named({"apps": [app]})], [("hooks.example", 443)])
        self.assertEqual(named({"apps": [app], "queue": {"driver": "none"}}), [])

    def test_switched_off(self) -> None:
        """A limiter that is off needs no Redis."""
        self.assertEqual(named({"rate_limiter": {"driver": "redis"}}), [])
        self.assertEqual(len(named({"rate_limiter": {"driver": "redis", "enabled": True}})), 1)

    def test_address(self) -> None:
        """Every way to write an address."""
        for text, found in (
            ("h", ("h", 9)),
            ("h:1", ("h", 1)),
            (" h:1 ", ("h", 1)),
            ("redis://h", ("h", 6379)),
            ("rediss://u:p@h:1/2", ("h", 1)),
            ("[::1]:1", ("::1", 1)),
            ("::1", ("::1", 9)),
            ("redis://[::1]", ("::1", 6379)),
            ("http://h/x", ("h", 80)),
            ("HTTPS://h", ("h", 443)),
            ("", None),
            ("h:x", None),
            ("redis://", None),
            ("[::1", None),
        ):
            self.assertEqual(address(text, 9), found, text)
