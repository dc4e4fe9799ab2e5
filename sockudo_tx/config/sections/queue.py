"""Where webhook deliveries wait: `queue`."""

from __future__ import annotations

from typing import Annotated, Literal

from ..declare import UNUSED, Count, Doc, Env, Milliseconds, Receives, Section, VisibilitySeconds, WaitSeconds, Words
from .names import REDIS_CLUSTER
from .redis import NODE_VARIABLES

__all__ = ["QueueConfig"]


class RedisQueueConfig(Section, frozen=True, kw_only=True):
    """Driver `redis`."""

    concurrency: Annotated[Count, Doc("Deliveries taken at once; 0 counts as 1."), Env("QUEUE_REDIS_CONCURRENCY")] = 5
    prefix: Annotated[str | None, Doc("Begins the keys. null: `sockudo_queue:`."), Env("QUEUE_REDIS_PREFIX")] = (
        "sockudo_queue:"
    )
    url_override: Annotated[str | None, Doc("Another server than `database.redis`."), Env("REDIS_URL")] = None
    cluster_mode: Annotated[bool, Doc("The same as driver `redis-cluster`.")] = False


class RedisClusterQueueConfig(Section, frozen=True, kw_only=True):
    """Driver `redis-cluster`."""

    concurrency: Annotated[
        Count, Doc("Deliveries taken at once; 0 counts as 1."), Env("REDIS_CLUSTER_QUEUE_CONCURRENCY")
    ] = 5
    prefix: Annotated[
        str | None, Doc("Begins the keys. null: `sockudo_queue:`."), Env("REDIS_CLUSTER_QUEUE_PREFIX")
    ] = "sockudo_queue:"
    nodes: Annotated[
        tuple[str, ...],
        Doc("Some nodes of the cluster. Left as built in: those of `database.redis`."),
        *NODE_VARIABLES,
    ] = ("redis://127.0.0.1:6379",)
    request_timeout_ms: Annotated[Milliseconds, Doc("Longest wait for an answer.")] = 5000


class SqsConfig(Section, frozen=True, kw_only=True):
    """Driver `sqs`."""

    region: Annotated[str, Doc("AWS region."), Env("QUEUE_SQS_REGION")] = "us-east-1"
    queue_url_prefix: Annotated[str | None, Doc("Address of a queue without its name.")] = None
    visibility_timeout: Annotated[
        VisibilitySeconds,
        Doc("After this a message that is not done is given again."),
        Env("QUEUE_SQS_VISIBILITY_TIMEOUT"),
    ] = 30
    endpoint_url: Annotated[str | None, Doc("Another address than AWS's own."), Env("QUEUE_SQS_ENDPOINT_URL")] = None
    max_messages: Annotated[Receives, Doc("Messages of one call."), Env("QUEUE_SQS_MAX_MESSAGES")] = 10
    wait_time_seconds: Annotated[
        WaitSeconds, Doc("How long a call waits for messages."), Env("QUEUE_SQS_WAIT_TIME_SECONDS")
    ] = 5
    concurrency: Annotated[Count, Doc("Deliveries taken at once; 0 counts as 1."), Env("QUEUE_SQS_CONCURRENCY")] = 5
    fifo: Annotated[bool, Doc("The queue keeps the order; its name ends with `.fifo`."), Env("QUEUE_SQS_FIFO")] = False
    message_group_id: Annotated[str | None, Doc("Group of all messages of such a queue.")] = "default"


class SnsConfig(Section, frozen=True, kw_only=True):
    """Driver `sns`, which only publishes."""

    region: Annotated[str, Doc("AWS region."), Env("QUEUE_SNS_REGION")] = "us-east-1"
    topic_arn: Annotated[str, Doc("Topic to publish to."), Env("QUEUE_SNS_TOPIC_ARN")] = ""
    endpoint_url: Annotated[str | None, Doc("Another address than AWS's own."), Env("QUEUE_SNS_ENDPOINT_URL")] = None


class SqliteQueueConfig(Section, frozen=True, kw_only=True):
    """Driver `sqlite`."""

    path: Annotated[
        str,
        Doc(
            "File of the queue, made when it is missing; others beside it begin with its name. Relative to the working "
            "directory, which packages and the systemd unit make the server's own. Not on a network file system."
        ),
        Env("QUEUE_SQLITE_PATH"),
    ] = "sockudo-webhooks.sqlite3"


class QueueConfig(Section, frozen=True, kw_only=True):
    """Where webhook deliveries wait."""

    driver: Annotated[
        Literal["memory", "sqlite", "redis", "redis-cluster", "sqs", "sns", "none"],
        Doc("Where webhook deliveries wait. `none`: no webhooks. Sockudo's own default is `redis`."),
        Words(aliases=REDIS_CLUSTER, later=("redis", "redis-cluster", "sqs", "sns")),
        Env("QUEUE_DRIVER"),
    ] = "memory"
    sqlite: SqliteQueueConfig = SqliteQueueConfig()
    redis: Annotated[RedisQueueConfig, UNUSED] = RedisQueueConfig()
    redis_cluster: Annotated[RedisClusterQueueConfig, UNUSED] = RedisClusterQueueConfig()
    sqs: Annotated[SqsConfig, UNUSED] = SqsConfig()
    sns: Annotated[SnsConfig, UNUSED] = SnsConfig()
