"""The services a configuration names, those that the chosen drivers use: addresses only, never a credential.

How addresses are read follows configuration.md 2.16: an address with a scheme, `host`, `host:port` or `[v6]:port`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from ..config.grammar import shown
from ..config.redis_address import Endpoint, cluster_seeds, queue_seeds, single_server
from ..config.schema import Config
from .reach import Target

__all__ = ["targets"]

_PORTS = {"redis": 6379, "rediss": 6379, "nats": 4222, "tls": 4222, "http": 80, "https": 443, "ws": 80, "wss": 443}
_REDIS = ("redis", "redis-cluster")


def targets(config: Config) -> list[Target]:
    """Everything the server would connect to with this configuration, each address once for each key."""
    found = [*_adapter(config), *_apps(config), *_queue(config)]
    if config.cache.driver in _REDIS:
        clustered = config.cache.driver == "redis-cluster" or config.cache.redis.cluster_mode
        found += _redis(config, "cache.redis", "the cache", clustered, config.cache.redis.url_override)
    limiter = config.rate_limiter
    if limiter.enabled and limiter.driver in _REDIS:
        clustered = limiter.driver == "redis-cluster" or limiter.redis.cluster_mode
        found += _redis(config, "rate_limiter.redis", "the rate limiter", clustered, limiter.redis.url_override)
    if config.queue.driver != "none":
        found += _webhooks(config)
    return _merged(found)


def _merged(found: Iterable[Target]) -> list[Target]:
    """Each address once for each key, with all that use it; required by one is required."""
    places: dict[tuple[str, str, int, bool], list[Target]] = {}
    for target in found:
        places.setdefault((target.path, target.host, target.port, target.connect), []).append(target)
    return [
        targets[0]._replace(
            what=" and ".join(dict.fromkeys(target.what for target in targets)),
            required=any(target.required for target in targets),
        )
        for targets in places.values()
    ]


def _adapter(config: Config) -> Iterator[Target]:
    adapter = config.adapter
    required = not adapter.fallback_to_local
    if adapter.driver == "nats":
        yield from _addresses("adapter.nats.servers", "NATS", adapter.nats.servers, 4222, required)
    elif adapter.driver == "redis-cluster" or (adapter.driver == "redis" and adapter.redis.cluster_mode):
        own = ("adapter.cluster.nodes", adapter.cluster.nodes)
        yield from _seeds(config, "the adapter", own, required)
    elif adapter.driver == "redis":
        url = adapter.redis.redis_pub_options.url
        yield from _redis(config, "adapter.redis.redis_pub_options", "the adapter", False, url, required)


def _apps(config: Config) -> Iterator[Target]:
    database, driver = config.database, config.app_manager.driver
    if driver == "mysql":
        yield Target("database.mysql.host", "MySQL", database.mysql.host, database.mysql.port, required=True)
    elif driver == "pgsql":
        host, port = database.postgres.host, database.postgres.port
        if not host.startswith("/"):  # a directory of Unix sockets
            yield Target("database.postgres.host", "PostgreSQL", host, port, required=True)
    elif driver == "scylladb":
        yield from _addresses("database.scylladb.nodes", "ScyllaDB", database.scylladb.nodes, 9042, True)
    elif driver == "dynamodb":
        yield from _endpoint(
            "database.dynamodb", "DynamoDB", "dynamodb", database.dynamodb.endpoint_url, database.dynamodb.region
        )


def _queue(config: Config) -> Iterator[Target]:
    queue = config.queue
    if queue.driver == "redis" and not queue.redis.cluster_mode:
        yield from _redis(config, "queue.redis", "the queue", False, queue.redis.url_override)
    elif queue.driver in _REDIS:
        with suppress(ValueError):
            for seed in queue_seeds(config):
                yield Target("queue.redis_cluster.nodes", "Redis Cluster for the queue", seed.host, seed.port)
    elif queue.driver == "sqs":
        yield from _endpoint("queue.sqs", "SQS", "sqs", queue.sqs.endpoint_url, queue.sqs.region)
    elif queue.driver == "sns":
        yield from _endpoint("queue.sns", "SNS", "sns", queue.sns.endpoint_url, queue.sns.region)


def _redis(
    config: Config, path: str, user: str, clustered: bool, url: str | None, required: bool = False
) -> Iterator[Target]:
    """The Redis that one part of the server uses; an address that is none is told elsewhere."""
    redis = config.database.redis
    key = "database.redis.host"
    if clustered:
        yield from _seeds(config, user, None, required)
        return
    if url:
        key = f"{path}.url" if path.endswith("_options") else f"{path}.url_override"
    with suppress(ValueError):
        found = single_server(redis, url)
        if isinstance(found, Endpoint):
            yield Target(key, f"Redis for {user}", found.host, found.port, required=required)
            return
        for index, (host, port) in enumerate(found.nodes):
            where = key if url else f"database.redis.sentinels[{index}].host"
            yield Target(where, f"Redis Sentinel for {user}", host, port, required=required)


def _seeds(config: Config, user: str, own: tuple[str, Sequence[str]] | None, required: bool) -> Iterator[Target]:
    """Nodes of a cluster: the part's own, or those that all parts share."""
    redis, path = config.database.redis, "database.redis.cluster.nodes"
    if own is not None and own[1]:
        path = own[0]
    elif not redis.cluster.nodes:
        path = "database.redis.cluster_nodes"
    with suppress(ValueError):
        for seed in cluster_seeds(redis, own[1] if own else ()):
            yield Target(path, f"Redis Cluster for {user}", seed.host, seed.port, required=required)


def _addresses(path: str, what: str, texts: Iterable[str], port: int, required: bool) -> Iterator[Target]:
    for text in texts:
        found = address(text, port)
        if found is not None:
            yield Target(path, what, *found, required=required)


def _endpoint(path: str, what: str, service: str, url: str | None, region: str) -> Iterator[Target]:
    """A service of AWS: at the address of its region, or where a key says."""
    if url:
        yield from _addresses(f"{path}.endpoint_url", what, [url], 443, what == "DynamoDB")
    else:
        yield Target(f"{path}.region", what, f"{service}.{region}.amazonaws.com", 443, required=what == "DynamoDB")


def _webhooks(config: Config) -> Iterator[Target]:
    for app in config.app_manager.array.apps:
        for webhook in app.webhooks:
            found = address(webhook.url, 443) if webhook.url else None
            if found is not None:
                what = f"the host of a webhook of app {shown(app.id)},"
                yield Target("app_manager.array.apps", what, *found, connect=False)


def address(text: str, port: int) -> tuple[str, int] | None:
    """Host and port of an address; None when it holds none."""
    text = text.strip()
    scheme, separator, rest = text.partition("://")
    if not separator:
        rest = text
        if rest.count(":") > 1 and not rest.startswith("["):
            rest = f"[{rest}]"  # IPv6 without brackets
    try:
        parts = urlsplit("//" + rest)
        found = parts.port
    except ValueError:
        return None
    usual = _PORTS.get(scheme.lower(), port) if separator else port
    return (parts.hostname, found or usual) if parts.hostname else None
