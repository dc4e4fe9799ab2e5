"""Where databases are: `database`, `database_pooling`."""

from __future__ import annotations

from typing import Annotated

from ..declare import SECRET, UNUSED, Count, Doc, Env, Large, Port, Seconds, Section
from ..rules import ONE_OR_MORE
from .redis import RedisConfig

__all__ = ["DatabaseConfig", "DynamoDbConfig", "MySqlConfig", "PoolingConfig", "PostgresConfig", "ScyllaDbConfig"]

POOL = Doc("Connections at most, when `database_pooling.enabled` is off.")
CACHE_TTL = Doc("How long an app is used without asking again.")
CACHE_SWEEP = Doc("How often apps that are too old are looked for.")
CACHE_SIZE = Doc("Apps remembered at most.")


class MySqlConfig(Section, frozen=True, kw_only=True):
    """MySQL or MariaDB."""

    host: Annotated[str, Doc("Host name or address."), Env("DATABASE_MYSQL_HOST")] = "localhost"
    port: Annotated[Port, Doc("Its port."), Env("DATABASE_MYSQL_PORT")] = 3306
    username: Annotated[str, Doc("User to log in as."), Env("DATABASE_MYSQL_USERNAME")] = "root"
    password: Annotated[
        str, Doc("An empty variable means an empty password."), SECRET, Env("DATABASE_MYSQL_PASSWORD", empty="")
    ] = ""
    database: Annotated[str, Doc("Name of the database."), Env("DATABASE_MYSQL_DATABASE")] = "sockudo"
    table_name: Annotated[str, Doc("Table of the apps."), Env("DATABASE_MYSQL_TABLE_NAME")] = "applications"
    connection_pool_size: Annotated[Count, POOL, Env("DATABASE_CONNECTION_POOL_SIZE")] = 10
    pool_min: Annotated[Count | None, Doc("Unset: `database_pooling.min`."), Env("DATABASE_MYSQL_POOL_MIN")] = None
    pool_max: Annotated[Count | None, Doc("Unset: `database_pooling.max`."), Env("DATABASE_MYSQL_POOL_MAX")] = None
    cache_ttl: Annotated[Seconds, CACHE_TTL, Env("CACHE_TTL_SECONDS")] = 300
    cache_cleanup_interval: Annotated[Seconds, CACHE_SWEEP, Env("CACHE_CLEANUP_INTERVAL")] = 60
    cache_max_capacity: Annotated[Large, CACHE_SIZE, Env("CACHE_MAX_CAPACITY")] = 100


class PostgresConfig(Section, frozen=True, kw_only=True):
    """PostgreSQL."""

    host: Annotated[str, Doc("Host name or address."), Env("DATABASE_POSTGRES_HOST")] = "localhost"
    port: Annotated[Port, Doc("Its port. Sockudo's own default is MySQL's 3306."), Env("DATABASE_POSTGRES_PORT")] = 5432
    username: Annotated[str, Doc("User to log in as."), Env("DATABASE_POSTGRES_USERNAME")] = "root"
    password: Annotated[
        str, Doc("An empty variable means an empty password."), SECRET, Env("DATABASE_POSTGRES_PASSWORD", empty="")
    ] = ""
    database: Annotated[str, Doc("Name of the database."), Env("DATABASE_POSTGRES_DATABASE")] = "sockudo"
    table_name: Annotated[str, Doc("Table of the apps."), Env("DATABASE_POSTGRES_TABLE_NAME")] = "applications"
    connection_pool_size: Annotated[Count, POOL, Env("DATABASE_CONNECTION_POOL_SIZE")] = 10
    pool_min: Annotated[Count | None, Doc("Unset: `database_pooling.min`."), Env("DATABASE_POSTGRES_POOL_MIN")] = None
    pool_max: Annotated[Count | None, Doc("Unset: `database_pooling.max`."), Env("DATABASE_POSTGRES_POOL_MAX")] = None
    cache_ttl: Annotated[Seconds, CACHE_TTL, Env("CACHE_TTL_SECONDS")] = 300
    cache_cleanup_interval: Annotated[Seconds, CACHE_SWEEP, Env("CACHE_CLEANUP_INTERVAL")] = 60
    cache_max_capacity: Annotated[Large, CACHE_SIZE, Env("CACHE_MAX_CAPACITY")] = 100


class DynamoDbConfig(Section, frozen=True, kw_only=True):
    """DynamoDB."""

    region: Annotated[str, Doc("AWS region."), Env("DATABASE_DYNAMODB_REGION")] = "us-east-1"
    table_name: Annotated[str, Doc("Table of the apps."), Env("DATABASE_DYNAMODB_TABLE_NAME")] = "sockudo-applications"
    endpoint_url: Annotated[
        str | None, Doc("Another address than AWS's own."), Env("DATABASE_DYNAMODB_ENDPOINT_URL")
    ] = None
    aws_access_key_id: Annotated[
        str | None, Doc("Used with its secret only; otherwise the AWS chain."), Env("AWS_ACCESS_KEY_ID")
    ] = None
    aws_secret_access_key: Annotated[
        str | None, Doc("Belongs to the access key."), SECRET, Env("AWS_SECRET_ACCESS_KEY")
    ] = None
    aws_profile_name: Annotated[str | None, Doc("Profile of the AWS chain.")] = None


class ScyllaDbConfig(Section, frozen=True, kw_only=True):
    """ScyllaDB or Cassandra."""

    nodes: Annotated[tuple[str, ...], Doc("Some nodes of the cluster, `host:port`.")] = ("127.0.0.1:9042",)
    keyspace: Annotated[str, Doc("Keyspace of the table; made when it is missing.")] = "sockudo"
    table_name: Annotated[str, Doc("Table of the apps.")] = "applications"
    username: Annotated[str | None, Doc("Used with its password only.")] = None
    password: Annotated[str | None, Doc("Belongs to the user."), SECRET] = None
    replication_class: Annotated[str, Doc("Of a keyspace that is made.")] = "SimpleStrategy"
    replication_factor: Annotated[Count, Doc("Of a keyspace that is made."), ONE_OR_MORE] = 3


class DatabaseConfig(Section, frozen=True, kw_only=True):
    """Where Redis and the databases of apps are."""

    redis: Annotated[RedisConfig, UNUSED] = RedisConfig()
    mysql: Annotated[MySqlConfig, UNUSED] = MySqlConfig()
    postgres: Annotated[PostgresConfig, UNUSED] = PostgresConfig()
    dynamodb: Annotated[DynamoDbConfig, UNUSED] = DynamoDbConfig()
    scylladb: Annotated[ScyllaDbConfig, UNUSED] = ScyllaDbConfig()


class PoolingConfig(Section, frozen=True, kw_only=True):
    """Connections to MySQL and PostgreSQL."""

    enabled: Annotated[
        bool, Doc("Keep connections ready between `min` and `max`."), Env("DATABASE_POOLING_ENABLED")
    ] = True
    min: Annotated[Count, Doc("Connections kept ready."), Env("DATABASE_POOL_MIN")] = 2
    max: Annotated[Count, Doc("Connections at most."), ONE_OR_MORE, Env("DATABASE_POOL_MAX")] = 10
    timeout: Annotated[Seconds, Doc("Longest wait for a free connection.")] = 5
