"""Several nodes or workers: what each would keep for itself although the others need it."""

from __future__ import annotations

from collections.abc import Iterator

from ..grammar import shown
from ..redis_address import cluster_seeds, parse_address
from ..schema import Config
from ..sections.redis import ClusterNode, RedisConfig
from .advice import Advice, Rule, Written

__all__ = ["RULES"]


def _stores(config: Config, written: Written) -> Iterator[Advice]:
    """Memory of one process beside an adapter that connects several."""
    if config.adapter.driver == "local":
        return
    why = f"adapter.driver is {config.adapter.driver}, so there are other nodes, and each keeps its own"
    if config.cache.driver in ("memory", "none"):
        yield Advice(
            ("cache.driver", "adapter.driver"),
            f"{config.cache.driver} is not shared between nodes",
            f"{why}: a client of another node gets no last event, or an older one, from a cache channel",
            "Use redis or redis-cluster (CACHE_DRIVER)",
        )
    if config.rate_limiter.enabled and config.rate_limiter.driver in ("memory", "none"):
        yield Advice(
            ("rate_limiter.driver", "adapter.driver"),
            f"{config.rate_limiter.driver} is not shared between nodes",
            f"{why} count: a client may ask that often of every node",
            "Use redis or redis-cluster (RATE_LIMITER_DRIVER), or divide the limits by the number of nodes",
        )
    cache = config.app_manager.cache
    if config.app_manager.driver != "memory" and cache.enabled and (cache.ttl == 0 or cache.ttl > 3600):
        how_long = "for ever" if cache.ttl == 0 else f"for {cache.ttl} seconds"
        yield Advice(
            ("app_manager.cache.ttl", "adapter.driver"),
            f"keeps changed apps as they were {how_long}",
            f"{why} copy of what the database says",
            "Use 300 seconds or less",
        )


def _workers(config: Config, written: Written) -> Iterator[Advice]:
    """What several processes of one machine do not have in common (scaling.md 7.3)."""
    workers = config.instance.workers
    if workers == 1:
        return
    if config.adapter.driver != "local":
        yield Advice(
            ("instance.workers", "adapter.driver"),
            "makes each worker a node of the cluster",
            f"adapter.driver is {config.adapter.driver}: workers meet there, like servers of several machines",
            "Count workers where you count nodes (adapter.nats.nodes_number)",
            "info",
        )
    if config.listener.max_connections_per_address:
        yield Advice(
            ("listener.max_connections_per_address", "instance.workers"),
            "is counted by each worker for itself",
            f"instance.workers is {workers}, and connections of one address are dealt out over all workers",
            "Divide it by the number of workers, or let a proxy limit",
            "info",
        )


def _health(config: Config, written: Written) -> Iterator[Advice]:
    """Nodes that would take each other for dead (decisions.md 20)."""
    health = config.adapter.cluster_health
    where = "adapter.cluster_health."
    if not health.enabled:
        return
    if health.heartbeat_interval_ms > health.node_timeout_ms // 3:
        yield Advice(
            (f"{where}heartbeat_interval_ms", f"{where}node_timeout_ms"),
            "must be at most a third of node_timeout_ms",
            f"{health.heartbeat_interval_ms} against {health.node_timeout_ms}: two lost signs of life are a dead node",
            f"Set heartbeat_interval_ms to {max(1, health.node_timeout_ms // 3)} or less, or raise node_timeout_ms",
            "refuse",
        )
    elif health.heartbeat_interval_ms < 1000 and config.adapter.driver != "local":
        yield Advice(
            (f"{where}heartbeat_interval_ms",),
            "is less than a second",
            "every node hears every other one that often",
            "Use 1000 or more",
        )
    if health.cleanup_interval_ms > health.node_timeout_ms:
        yield Advice(
            (f"{where}cleanup_interval_ms", f"{where}node_timeout_ms"),
            "must be at most node_timeout_ms",
            f"{health.cleanup_interval_ms} against {health.node_timeout_ms}: dead nodes would be noticed late",
            f"Set cleanup_interval_ms to {health.node_timeout_ms} or less",
            "refuse",
        )


def _nodes(config: Config, written: Written) -> Iterator[Advice]:
    adapter, redis = config.adapter, config.database.redis
    clustered = adapter.driver == "redis-cluster" or (adapter.driver == "redis" and adapter.redis.cluster_mode)
    if clustered and not (adapter.cluster.nodes or redis.cluster.nodes or redis.cluster_nodes):
        yield Advice(
            ("adapter.cluster.nodes", "database.redis.cluster.nodes"),
            "names no node",
            "neither it nor database.redis.cluster.nodes says where the cluster is",
            "Name some of its nodes there (REDIS_CLUSTER_NODES=host:7000,host:7001)",
            "refuse",
        )
    nats = adapter.nats
    if adapter.driver == "nats" and bool(nats.username) != bool(nats.password) and not nats.token:
        have, lack = ("username", "password") if nats.username else ("password", "username")
        yield Advice(
            (f"adapter.nats.{have}", f"adapter.nats.{lack}"),
            f"has no effect without {lack}",
            "NATS takes both or a token",
            f"Set adapter.nats.{lack} (NATS_{lack.upper()}) too",
            "ignored",
        )


def _addresses(config: Config, written: Written) -> Iterator[Advice]:
    """Redis addresses that are none: they stop who needs them, and are told to who does not (configuration.md 2.16)."""
    adapter, redis = config.adapter, config.database.redis
    urls = (
        ("adapter.redis.redis_pub_options.url", adapter.redis.redis_pub_options.url, adapter.driver),
        ("adapter.redis.redis_sub_options.url", adapter.redis.redis_sub_options.url, adapter.driver),
        ("cache.redis.url_override", config.cache.redis.url_override, config.cache.driver),
        ("queue.redis.url_override", config.queue.redis.url_override, config.queue.driver),
        ("rate_limiter.redis.url_override", config.rate_limiter.redis.url_override, config.rate_limiter.driver),
    )
    told: set[str] = set()
    for path, url, driver in urls:
        fault = _address_fault(url) if url else ""
        if url and fault and url not in told:
            told.add(url)  # REDIS_URL sets them all
            yield _bad_address(path, fault, "redis://user:password@host:6379/0", driver == "redis")
    clustered = adapter.driver == "redis-cluster"
    lists = (
        ("adapter.cluster.nodes", [ClusterNode(host=text) for text in adapter.cluster.nodes], clustered),
        ("database.redis.cluster.nodes", redis.cluster.nodes, clustered),
        ("database.redis.cluster_nodes", redis.cluster_nodes, clustered),
        (
            "queue.redis_cluster.nodes",
            [ClusterNode(host=text) for text in config.queue.redis_cluster.nodes],
            config.queue.driver == "redis-cluster",
        ),
    )
    for path, nodes, used in lists:
        for node in nodes:
            fault = _node_fault(node)
            if fault and node.host not in told:
                told.add(node.host)
                yield _bad_address(path, fault, "host:7000 or redis://user:password@host:7000", used)


def _address_fault(url: str) -> str:
    try:
        parse_address(url)
    except ValueError as error:
        return str(error)
    return ""


def _node_fault(node: ClusterNode) -> str:
    try:
        cluster_seeds(RedisConfig(cluster_nodes=(node,)))
    except ValueError as error:
        return str(error)
    return ""


def _bad_address(path: str, fault: str, example: str, used: bool) -> Advice:
    cure = f"Write it like {example}, and percent-encode a password that is more than letters and digits"
    return Advice((path,), "is not a Redis address", fault, cure, "refuse" if used else "warn")


def _queue(config: Config, written: Written) -> Iterator[Advice]:
    queue = config.queue
    hooked = ", ".join(shown(app.id) for app in config.app_manager.array.apps if app.webhooks)
    if queue.driver == "none" and hooked:
        yield Advice(
            ("queue.driver",),
            "none means that no webhook is sent",
            f"app {hooked} has webhooks",
            "Use memory or redis (QUEUE_DRIVER), or remove the webhooks",
        )
    if queue.driver == "memory" and config.adapter.driver != "local" and hooked:
        yield Advice(
            ("queue.driver", "adapter.driver"),
            "memory loses deliveries that wait when a node ends",
            f"adapter.driver is {config.adapter.driver}: the other nodes could send them",
            "Use redis or redis-cluster (QUEUE_DRIVER)",
        )
    if queue.driver == "sns" and not queue.sns.topic_arn:
        yield Advice(
            ("queue.sns.topic_arn", "queue.driver"),
            "cannot be empty with the sns driver",
            "there is no topic to publish to",
            "Set queue.sns.topic_arn (QUEUE_SNS_TOPIC_ARN)",
            "error",
        )


def _pools(config: Config, written: Written) -> Iterator[Advice]:
    """Pools whose minimum is above their maximum (configuration.md 2.9)."""
    pooling, database = config.database_pooling, config.database
    if not pooling.enabled:
        return
    if pooling.min > pooling.max:
        yield _pool("database_pooling.min", "database_pooling.max", pooling.min, pooling.max)
    for name, store in (("mysql", database.mysql), ("postgres", database.postgres)):
        least = pooling.min if store.pool_min is None else store.pool_min
        most = pooling.max if store.pool_max is None else store.pool_max
        if least > most and (store.pool_min is not None or store.pool_max is not None):
            yield _pool(f"database.{name}.pool_min", f"database.{name}.pool_max", least, most)


def _pool(path: str, other: str, least: int, most: int) -> Advice:
    cause = f"{least} against {most}, so {most} is used for both"
    return Advice((path, other), f"must be at most {other}", cause, f"Lower it to {most}, or raise {other}")


RULES: tuple[Rule, ...] = (_stores, _workers, _health, _nodes, _addresses, _queue, _pools)
