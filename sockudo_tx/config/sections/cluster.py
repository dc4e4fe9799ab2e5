"""One node among several: `instance`, `adapter`, `cleanup`."""

from __future__ import annotations

from typing import Annotated, Literal

from ..declare import (
    UNUSED,
    Count,
    Doc,
    Env,
    Milliseconds,
    Section,
    Words,
)
from ..rules import ONE_OR_MORE
from .names import REDIS_CLUSTER

__all__ = ["AdapterConfig", "CleanupConfig", "InstanceConfig"]


class InstanceConfig(Section, frozen=True, kw_only=True):
    process_id: Annotated[
        str | None,
        Doc("Label of this process in logs and metrics. Unset: a random UUID each start. Not the cluster's node id."),
        UNUSED,
        Env("INSTANCE_PROCESS_ID"),
    ] = None


class AdapterConfig(Section, frozen=True, kw_only=True):
    driver: Annotated[
        Literal["local", "redis", "redis-cluster", "nats"],
        Doc("What connects several nodes. `local`: one node, nothing outside this process."),
        Words(aliases=REDIS_CLUSTER, later=("redis", "redis-cluster", "nats")),
        Env("ADAPTER_DRIVER"),
    ] = "local"


class CleanupConfig(Section, frozen=True, kw_only=True):
    async_enabled: Annotated[
        bool, Doc("Clean up after disconnects in the background."), UNUSED, Env("CLEANUP_ASYNC_ENABLED")
    ] = True
    queue_buffer_size: Annotated[
        Count,
        Doc("Disconnects waiting to be told to the other nodes before batches grow."),
        UNUSED,
        ONE_OR_MORE,
        Env("CLEANUP_QUEUE_BUFFER_SIZE"),
    ] = 1024
    batch_size: Annotated[Count, Doc("Disconnects of one batch."), UNUSED, ONE_OR_MORE, Env("CLEANUP_BATCH_SIZE")] = 64
    batch_timeout_ms: Annotated[
        Milliseconds, Doc("Longest wait for a batch to fill."), UNUSED, ONE_OR_MORE, Env("CLEANUP_BATCH_TIMEOUT_MS")
    ] = 100
    worker_threads: Annotated[
        Count | Literal["auto"], Doc("Batches under way at once."), UNUSED, ONE_OR_MORE, Env("CLEANUP_WORKER_THREADS")
    ] = "auto"
    max_retry_attempts: Annotated[Count, Doc("Attempts of one batch."), UNUSED, Env("CLEANUP_MAX_RETRY_ATTEMPTS")] = 3
    fallback_to_sync: Annotated[
        bool, Doc("Clean up at once when too many wait."), UNUSED, Env("CLEANUP_FALLBACK_TO_SYNC")
    ] = True
