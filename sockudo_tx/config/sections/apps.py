"""Where apps are kept: `app_manager`."""

from __future__ import annotations

from typing import Annotated, Literal

from ...protocol.app import App
from ..declare import (
    UNUSED,
    Doc,
    Env,
    Older,
    Seconds,
    Section,
    Words,
)
from .databases import ScyllaDbConfig

__all__ = ["AppCacheConfig", "AppManagerConfig", "ArrayConfig"]


class ArrayConfig(Section, frozen=True, kw_only=True):
    """Apps of the file, see [Apps](#apps)."""

    apps: Annotated[
        tuple[App, ...],
        Doc("The apps, see “Apps” below. `SOCKUDO_DEFAULT_APP_*` appends one more."),
    ] = ()


class AppCacheConfig(Section, frozen=True, kw_only=True):
    """How long apps from a database are remembered."""

    enabled: Annotated[bool, Doc("Remember apps read from a database. Apps in memory need no cache.")] = True
    ttl: Annotated[
        Seconds, Doc("How long an app read from a database is used without asking again."), Env("CACHE_TTL_SECONDS")
    ] = 300


class AppManagerConfig(Section, frozen=True, kw_only=True):
    """Where apps come from."""

    driver: Annotated[
        Literal["memory", "mysql", "pgsql", "dynamodb", "scylladb"],
        Doc("Where apps are kept. `memory` (or `array`): this file and the environment."),
        Words(
            aliases=(("array", "memory"), ("postgres", "pgsql"), ("postgresql", "pgsql"), ("scylla", "scylladb")),
            later=("mysql", "pgsql", "dynamodb", "scylladb"),
        ),
        Env("APP_MANAGER_DRIVER"),
    ] = "memory"
    register_inline_apps: Annotated[
        bool,
        Doc("Write the apps of this file into the database at every start. In memory they are always served."),
        UNUSED,
        Env("APP_MANAGER_REGISTER_INLINE_APPS"),
        Env("SOCKUDO_SKIP_INLINE_APPS", inverse=True),
    ] = True
    array: ArrayConfig = ArrayConfig()
    cache: AppCacheConfig = AppCacheConfig()
    scylladb: Annotated[
        ScyllaDbConfig,
        Doc("Older place of `database.scylladb`; used for what is not set there."),
        Older("database.scylladb"),
        UNUSED,
    ] = ScyllaDbConfig()
