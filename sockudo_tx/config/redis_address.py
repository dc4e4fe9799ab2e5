"""Which Redis servers the configuration means: one server, sentinels that know it, or the seeds of a cluster.

One resolution for adapter, cache, queue and rate limiter (configuration.md 2.16). Credentials stay beside the
address and are never written into one, so they may hold any character.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import msgspec

from .schema import Config
from .sections.redis import ClusterNode, RedisConfig

__all__ = ["Endpoint", "Sentinels", "adapter_seeds", "cluster_seeds", "parse_address", "queue_seeds", "single_server"]

REDIS_PORT = 6379
SENTINEL_PORT = 26379
_QUEUE_NODES = ("redis://127.0.0.1:6379",)
_QUEUE_SEEDS = ("127.0.0.1:7000", "127.0.0.1:7001", "127.0.0.1:7002")
_HOST_PORT = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]{1,5}))?", re.ASCII)


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One server. `host` is without brackets."""

    host: str
    port: int = REDIS_PORT
    tls: bool = False
    db: int = 0
    username: str | None = None
    password: str | None = None

    @property
    def address(self) -> str:
        """For people and for clients that take one: scheme, host and port, no credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'rediss' if self.tls else 'redis'}://{host}:{self.port}"

    def __repr__(self) -> str:
        return f"Endpoint({self.address}/{self.db})"  # never the password


class Sentinels(msgspec.Struct, frozen=True, kw_only=True):
    """Sentinels to ask for the server called `name`, and how to log in to it then."""

    nodes: tuple[tuple[str, int], ...]
    """Host and port of each."""
    name: str
    password: str | None = None
    """Of the sentinels themselves."""
    db: int = 0
    server_username: str | None = None
    server_password: str | None = None

    def __repr__(self) -> str:
        return f"Sentinels({self.name} of {', '.join(f'{host}:{port}' for host, port in self.nodes)})"


def single_server(redis: RedisConfig, url: str | None = None) -> Endpoint | Sentinels:
    """What `database.redis` means, or `url` in its place. Raises `ValueError` for a bad one."""
    if url:
        return parse_address(url)
    if redis.sentinels:
        return Sentinels(
            nodes=tuple((_unbracketed(node.host.strip()), node.port) for node in redis.sentinels),
            name=redis.name,
            password=redis.sentinel_password or None,
            db=redis.db,
            server_username=redis.username or None,
            server_password=redis.password or None,
        )
    tls = redis.host.startswith("rediss://")
    host = redis.host.removeprefix("rediss://").removeprefix("redis://").strip()
    return Endpoint(
        host=_unbracketed(host),
        port=redis.port,
        tls=tls,
        db=redis.db,
        username=redis.username or None,
        password=redis.password or None,
    )


def parse_address(url: str) -> Endpoint | Sentinels:
    """What a `redis://`, `rediss://` or `redis+sentinel://` address means. Raises `ValueError`, quoting nothing."""
    parts = urlsplit(url.strip())
    if parts.scheme == "redis+sentinel":
        return _sentinels(parts)
    if parts.scheme not in ("redis", "rediss"):
        raise ValueError("a Redis address begins with redis://, rediss:// or redis+sentinel://")
    username, password, host, port = _login(parts)
    if not host:
        raise ValueError("a Redis address needs a host")
    return Endpoint(
        host=host,
        port=port or REDIS_PORT,
        tls=parts.scheme == "rediss",
        db=_database(parts.path.strip("/")),
        username=username,
        password=password,
    )


def adapter_seeds(config: Config) -> tuple[Endpoint, ...]:
    """The cluster nodes of the adapter."""
    return cluster_seeds(config.database.redis, config.adapter.cluster.nodes)


def queue_seeds(config: Config) -> tuple[Endpoint, ...]:
    """The cluster nodes of the queue. Its built-in list counts only when nobody names any node."""
    redis, own = config.database.redis, config.queue.redis_cluster.nodes
    if own == _QUEUE_NODES:
        return cluster_seeds(redis) or cluster_seeds(redis, own)
    return cluster_seeds(redis, own) or cluster_seeds(redis, _QUEUE_SEEDS)


def cluster_seeds(redis: RedisConfig, own: Iterable[str] = ()) -> tuple[Endpoint, ...]:
    """The nodes of `own`; if it names none, those of `database.redis.cluster`, or of the older `cluster_nodes`.

    Raises `ValueError` for a bad address.
    """
    for nodes in (
        [ClusterNode(host=text, port=REDIS_PORT) for text in own],
        redis.cluster.nodes,
        redis.cluster_nodes,
    ):
        seeds = tuple(_seed(redis, node) for node in nodes if node.host.strip())
        if seeds:
            return seeds
    return ()


def _seed(redis: RedisConfig, node: ClusterNode) -> Endpoint:
    """A node with the credentials it names, or else those all nodes share."""
    text = node.host.strip()
    shared = (redis.cluster.username or redis.username or None, redis.cluster.password or redis.password or None)
    if "://" not in text:
        host, port = _host_port(text)
        return _endpoint(host, port or node.port, redis.cluster.use_tls, shared)
    parts = urlsplit(text)
    if parts.scheme not in ("redis", "rediss"):
        raise ValueError("a cluster node is host, host:port, or an address with redis:// or rediss://")
    username, password, host, port = _login(parts)
    if not host:
        raise ValueError("a cluster node needs a host")
    own = (username, password)
    return _endpoint(host, port or node.port, parts.scheme == "rediss", own if any(own) else shared)


def _endpoint(host: str, port: int, tls: bool, login: tuple[str | None, str | None]) -> Endpoint:
    return Endpoint(host=host, port=port, tls=tls, username=login[0], password=login[1])


def _sentinels(parts: SplitResult) -> Sentinels:
    """`redis+sentinel://:password@h1:p1,h2:p2/name/db?password=…&username=…`"""
    login, _, hosts = parts.netloc.rpartition("@")
    name, _, db = parts.path.strip("/").partition("/")
    nodes = [_host_port(host.strip()) for host in hosts.split(",") if host.strip()]
    if not nodes or not name:
        raise ValueError("a sentinel address is redis+sentinel://host:port,host:port/name/db")
    query = parse_qs(parts.query)
    return Sentinels(
        nodes=tuple((host, port or SENTINEL_PORT) for host, port in nodes),
        name=unquote(name),
        password=unquote(login.partition(":")[2]) or None,
        db=_database(db),
        server_username=next(iter(query.get("username", ())), None),
        server_password=next(iter(query.get("password", ())), None),
    )


def _login(parts: SplitResult) -> tuple[str | None, str | None, str, int | None]:
    """User, password, host and port of an address."""
    login, _, place = parts.netloc.rpartition("@")
    username, _, password = login.partition(":")
    host, port = _host_port(place)
    return unquote(username) or None, unquote(password) or None, host, port


def _host_port(text: str) -> tuple[str, int | None]:
    """A host without brackets and the port behind it. An IPv6 address with no brackets has no port."""
    if text.count(":") > 1 and "[" not in text:
        return text, None
    match = _HOST_PORT.fullmatch(text)
    if match is None or int(match[2] or 0) > 65535:
        raise ValueError("host and port must be written host:port or [address]:port")
    return _unbracketed(match[1]), int(match[2]) if match[2] else None


def _unbracketed(host: str) -> str:
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def _database(text: str) -> int:
    if not re.fullmatch(r"[0-9]{0,10}", text, re.ASCII):
        raise ValueError("the path of a Redis address is the number of a database")
    return int(text or 0)
