"""Which Redis servers are meant, and how keys begin there."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sockudo_tx.config.load import survey
from sockudo_tx.config.redis_address import (
    Endpoint,
    Sentinels,
    adapter_seeds,
    cluster_seeds,
    parse_address,
    queue_seeds,
    single_server,
)
from sockudo_tx.config.redis_keys import cache_keys, limiter_keys, queue_keys
from sockudo_tx.config.schema import Config

from .cases import ConfigCase, as_bytes


class RedisCase(ConfigCase):
    def config(self, content: Any, **environ: str) -> Config:
        """What is configured, whether or not this version can start with it."""
        return survey(None, environ, "/here", read=lambda _: as_bytes(content)).config

    def single(self, url: str | None = None, **redis: Any) -> Endpoint | Sentinels:
        """The server that `database.redis` with these members means."""
        return single_server(self.config({"database": {"redis": redis}}).database.redis, url)


class SingleServerTests(RedisCase):
    """`single_server`"""

    def test_built_in(self) -> None:
        """Nothing written is this machine's usual port, without login."""
        self.assertEqual(self.single(), Endpoint(host="127.0.0.1", port=6379))

    def test_login(self) -> None:
        """Credentials may hold any character; an empty one is none."""
        found = self.single(host="r", db=3, username="a@b", password="p/:?#%@")
        self.assertEqual(found, Endpoint(host="r", db=3, username="a@b", password="p/:?#%@"))
        self.assertEqual(self.single(host="r", username="", password=""), Endpoint(host="r"))

    def test_tls(self) -> None:
        """A scheme in front of the host says whether to use TLS."""
        self.assertEqual(self.single(host="rediss://r", port=1), Endpoint(host="r", port=1, tls=True))
        self.assertEqual(self.single(host="redis://r"), Endpoint(host="r"))

    def test_address_for_people(self) -> None:
        """An address never shows credentials, and an IPv6 host has brackets."""
        server = Endpoint(host="::1", tls=True, username="me", password="sekret")
        self.assertEqual(server.address, "rediss://[::1]:6379")
        self.assertNotIn("sekret", repr(server))

    def test_sentinels(self) -> None:
        """Sentinels take the place of the host; their password and the server's are two things."""
        found = self.single(
            host="x", name="main", db=2, username="u", password="p", sentinel_password="s", sentinels=[{"host": "s1"}]
        )
        nodes = (("s1", 26379),)
        self.assertEqual(
            found,
            Sentinels(nodes=nodes, name="main", password="s", db=2, server_username="u", server_password="p"),
        )
        self.assertEqual(repr(found), "Sentinels(main of s1:26379)")

    def test_url(self) -> None:
        """An address in place of the section says everything."""
        self.assertEqual(self.single("redis://h:1/2", host="x", password="p"), Endpoint(host="h", port=1, db=2))
        self.assertEqual(
            self.single("rediss://u%40x:p%2Fw@[::1]"), Endpoint(host="::1", tls=True, username="u@x", password="p/w")
        )
        self.assertEqual(self.single("redis://:pw@h").password, "pw")

    def test_sentinel_url(self) -> None:
        """Sentinels may be written as an address too."""
        found = self.single("redis+sentinel://:pw@h1:1,h2/main/4?password=x%2Fy&username=me")
        self.assertEqual(
            found,
            Sentinels(
                nodes=(("h1", 1), ("h2", 26379)),
                name="main",
                password="pw",
                db=4,
                server_username="me",
                server_password="x/y",
            ),
        )

    def test_bad_addresses(self) -> None:
        """What is no address is refused in words that do not repeat it: it may hold a password."""
        for url in (
            "h:1",
            "http://:sekret@h",
            "redis://",
            "redis://:sekret@h:x",
            "redis://h/x",
            "redis+sentinel://h:1",
            "redis://h:99999",
            "redis+sentinel:///main",
        ):
            error = self.assertRaises(ValueError, parse_address, url)
            self.assertNotIn("sekret", str(error))

    @given(st.text(max_size=30))
    def test_any_text(self, text: str) -> None:
        """Any text is an address or is refused."""
        for url in (text, f"redis://{text}", f"redis+sentinel://{text}"):
            try:
                parse_address(url)
            except ValueError:
                continue


class ClusterTests(RedisCase):
    """`cluster_seeds`"""

    def test_C41_seeds(self) -> None:
        """Hosts, ports, schemes and credentials of seeds."""
        redis = self.config(
            {"database": {"redis": {"password": "shared", "cluster": {"use_tls": True}}}}
        ).database.redis
        seeds = cluster_seeds(redis, ("h:7005", "rediss://h", " redis://u:p@h:7001/5 ", "[::1]:7000", "  ", "fe80::1"))
        self.assertEqual(
            seeds,
            (
                Endpoint(host="h", port=7005, tls=True, password="shared"),
                Endpoint(host="h", port=6379, tls=True, password="shared"),
                Endpoint(host="h", port=7001, username="u", password="p"),
                Endpoint(host="::1", port=7000, tls=True, password="shared"),
                Endpoint(host="fe80::1", port=6379, tls=True, password="shared"),
            ),
        )
        self.assertEqual(seeds[3].address, "rediss://[::1]:7000")

    def test_C40_use_tls(self) -> None:
        """`useTLS` is `use_tls`, and means TLS for nodes that name no scheme."""
        for name in ("useTLS", "use_tls"):
            config = self.config({"database": {"redis": {"cluster": {name: True, "nodes": [{"host": "h"}]}}}})
            self.assertTrue(config.database.redis.cluster.use_tls)
            self.assertEqual(cluster_seeds(config.database.redis), (Endpoint(host="h", port=7000, tls=True),))

    def test_node_objects(self) -> None:
        """A port inside a node's host beats its port."""
        nodes = [{"host": "a", "port": 1}, {"host": "b:2", "port": 9}, {"host": "redis://c", "port": 3}]
        seeds = cluster_seeds(self.config({"database": {"redis": {"cluster": {"nodes": nodes}}}}).database.redis)
        self.assertEqual([(seed.host, seed.port) for seed in seeds], [("a", 1), ("b", 2), ("c", 3)])

    def test_credentials(self) -> None:
        """The cluster's own credentials come first, each by itself, then those of the server."""
        redis = {"username": "u", "password": "p", "cluster": {"password": "c", "nodes": [{"host": "h"}]}}
        (seed,) = cluster_seeds(self.config({"database": {"redis": redis}}).database.redis)
        self.assertEqual((seed.username, seed.password), ("u", "c"))

    def test_one_resolution(self) -> None:
        """A list of its own, else the cluster's, else the older list."""
        older = {"cluster_nodes": [{"host": "old"}]}
        newer = {**older, "cluster": {"nodes": [{"host": "new"}]}}
        for redis, own, host in (
            (older, [], "old"),
            (newer, [], "new"),
            (newer, ["mine"], "mine"),
            (newer, [" "], "new"),
        ):
            content = {"database": {"redis": redis}, "adapter": {"cluster": {"nodes": own}}}
            self.assertEqual(adapter_seeds(self.config(content))[0].host, host)
        self.assertEqual(adapter_seeds(Config()), ())

    def test_queue(self) -> None:
        """The queue's built-in list counts only when nobody names a node; an empty one means three local ports."""
        self.assertEqual(queue_seeds(Config()), (Endpoint(host="127.0.0.1"),))
        redis = {"redis": {"cluster": {"nodes": [{"host": "h"}]}}}
        self.assertEqual(queue_seeds(self.config({"database": redis}))[0].host, "h")
        empty = self.config({"queue": {"redis_cluster": {"nodes": []}}})
        self.assertEqual([seed.port for seed in queue_seeds(empty)], [7000, 7001, 7002])
        own = self.config({"database": redis, "queue": {"redis_cluster": {"nodes": ["own:1"]}}})
        self.assertEqual(queue_seeds(own), (Endpoint(host="own", port=1),))

    def test_bad_nodes(self) -> None:
        """A node that is none is refused in words."""
        for node in ("http://h", "redis://", "[::1", "h:x", "h:70000"):
            self.assertRaises(ValueError, cluster_seeds, Config().database.redis, (node,))


class KeyTests(RedisCase):
    """`redis_keys`"""

    def test_C36_keys(self) -> None:
        """Keys begin as the reference writes them, with and without the `redis` object."""
        self.assertEqual(cache_keys(Config()), "sockudo_cache::")
        self.assertEqual(cache_keys(self.config({"cache": {"driver": "redis", "redis": {}}})), "sockudo:cache::")
        prefix = {"database": {"redis": {"key_prefix": "x:"}}, "cache": {"redis": {}}, "rate_limiter": {"redis": {}}}
        self.assertEqual(cache_keys(self.config(prefix)), "x:cache::")
        self.assertEqual(limiter_keys(Config()), "sockudo_rl::rl:")
        self.assertEqual(limiter_keys(self.config(prefix)), "x:rl_http::rl:")
        self.assertEqual(limiter_keys(self.config({}, RATE_LIMITER_REDIS_PREFIX="r")), "r:rl:")

    def test_queue(self) -> None:
        """The queue's keys have the prefix of the driver that is used; null is the built-in one."""
        self.assertEqual(queue_keys(Config()), "sockudo_queue::queue:")
        both = {"driver": "redis-cluster", "redis": {"prefix": "a"}, "redis_cluster": {"prefix": "b"}}
        self.assertEqual(queue_keys(self.config({"queue": both})), "b:queue:")
        self.assertEqual(queue_keys(self.config({"queue": {**both, "driver": "redis"}})), "a:queue:")
        self.assertEqual(queue_keys(self.config({"queue": {"redis": {"prefix": None}}})), "sockudo_queue::queue:")
