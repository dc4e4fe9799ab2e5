"""Built-in values, and what an object that is there without a key means (configuration.md 2)."""

from __future__ import annotations

from typing import Any

import msgspec

from sockudo_tx.config.declare import walk
from sockudo_tx.config.environment import value_at
from sockudo_tx.config.schema import Config

from .cases import APP, ConfigCase
from .table import BUILT_IN, PARTIAL


class BuiltInTests(ConfigCase):
    """With nothing written"""

    def test_C1_built_in(self) -> None:
        """With no file and an empty environment every key has the value of the specification's tables."""
        found = {path: _plain(value_at(self.load().config, path)) for path in BUILT_IN}
        self.assertEqual(found, {**BUILT_IN, "cors.credentials": False})  # `*` switches them off

    def test_every_key_is_in_the_table(self) -> None:
        """No key is left out of the table, so that none changes unseen."""
        paths = {key.path for key in walk(Config) if key.path != "app_manager.array.apps" and not key.older}
        self.assertEqual(paths, set(BUILT_IN) | {path for path in paths if path.startswith("logging.")})

    def test_C32_cluster_health(self) -> None:
        """Cluster health is 5, 15 and 5 seconds, in both places."""
        for health in (self.load().config.adapter.cluster_health, self.load().config.cluster_health):
            found = (health.heartbeat_interval_ms, health.node_timeout_ms, health.cleanup_interval_ms)
            self.assertEqual(found, (5000, 15000, 5000))


class PartialTests(ConfigCase):
    """An object that is there without a key (configuration.md 2.2)"""

    def test_whole_table(self) -> None:
        """The keys of the table differ between an absent object and one that is there; all others do not."""
        different = {
            key.path: _plain(key.partial) for key in walk(Config) if key.partial != key.default and not key.older
        }
        self.assertEqual(different, PARTIAL)

    def test_C36_cache_prefix(self) -> None:
        """A cache prefix that is not written is built in without the `redis` object, and unset with it."""
        self.assertEqual(self.default({"cache": {}}).config.cache.redis.prefix, "sockudo_cache:")
        self.assertIsNone(self.default({"cache": {"redis": {}}}).config.cache.redis.prefix)

    def test_C37_rate_limit(self) -> None:
        """A limit that names only its window allows 60 requests in it; one that is not there 100 in 60 seconds."""
        limit = self.default({"rate_limiter": {"api_rate_limit": {"window_seconds": 10}}}).config.rate_limiter
        found = limit.api_rate_limit
        self.assertEqual((found.max_requests, found.window_seconds, found.identifier), (60, 10, "default"))
        absent = self.default({"rate_limiter": {"enabled": True}}).config.rate_limiter.api_rate_limit
        self.assertEqual((absent.max_requests, absent.window_seconds, absent.identifier), (100, 60, "api"))

    def test_variables_leave_an_absent_object_absent(self) -> None:
        """A variable below an object that is not there changes one key of the built-in object."""
        limit = self.variables(RATE_LIMITER_API_WINDOW_SECONDS="10").config.rate_limiter.api_rate_limit
        self.assertEqual((limit.max_requests, limit.window_seconds), (100, 10))

    def test_websocket_limit(self) -> None:
        """There is a limit of WebSocket connections only when somebody writes one, in either place."""
        self.assertIsNone(self.default({"rate_limiter": {"enabled": True}}).config.rate_limiter.websocket_rate_limit)
        empty = self.default({"rate_limiter": {"websocket_rate_limit": {}}}).config.rate_limiter.websocket_rate_limit
        assert empty is not None
        self.assertEqual((empty.max_requests, empty.window_seconds), (60, 60))
        variable = self.variables(RATE_LIMITER_WS_WINDOW_SECONDS="10").config.rate_limiter.websocket_rate_limit
        assert variable is not None
        self.assertEqual((variable.max_requests, variable.window_seconds, variable.trust_hops), (20, 10, None))

    def test_C38_tags(self) -> None:
        """Tag filtering with only its switch sends tags when it is on; without its object it does not."""
        self.assertTrue(self.default({"tag_filtering": {"enabled": True}}).config.tag_filtering.enable_tags)
        self.assertFalse(self.default({}).config.tag_filtering.enable_tags)
        for given in ({"enabled": False}, {"enabled": False, "enable_tags": None}):
            self.assertIs(self.default({"tag_filtering": given}).config.tag_filtering.enable_tags, False)
        both = self.default({"tag_filtering": {"enabled": False, "enable_tags": True}}).config.tag_filtering
        self.assertTrue(both.enable_tags)

    def test_C39_postgres_port(self) -> None:
        """PostgreSQL is at 5432 when nobody says otherwise."""
        config = self.default({"database": {"postgres": {"host": "db"}}}).config
        self.assertEqual((config.database.postgres.host, config.database.postgres.port), ("db", 5432))
        self.assertEqual(self.default({"database": {"mysql": {}}}).config.database.mysql.port, 3306)

    def test_nodes(self) -> None:
        """A node object that names nothing is the built-in one of its kind."""
        redis = self.default(
            {"database": {"redis": {"sentinels": [{}], "cluster": {"nodes": [{}]}}}}
        ).config.database.redis
        self.assertEqual((redis.sentinels[0].host, redis.sentinels[0].port), ("localhost", 26379))
        self.assertEqual((redis.cluster.nodes[0].host, redis.cluster.nodes[0].port), ("127.0.0.1", 7000))

    def test_C10_empty_objects(self) -> None:
        """Every object may be empty."""
        sections = {key.path.rpartition(".")[0] for key in walk(Config)} - {""}
        content: dict[str, Any] = {"apps": [APP]}
        for path in sections:
            inner = content
            for name in path.split("."):
                inner = inner.setdefault(name, {})
        self.assertFalse(self.default(content).refused)


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)
