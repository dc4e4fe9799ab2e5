"""What `docs/configuration.md` says beside its tables."""

from __future__ import annotations

__all__ = [
    "APPS",
    "CHECKING",
    "DEFAULT_APP",
    "INTRODUCTION",
    "LOGGING",
    "LOG_VARIABLES",
    "ORIGINS",
    "REDIS",
    "THEMES",
    "VARIABLES",
]

THEMES: dict[str, tuple[str, ...]] = {
    "The server": ("instance", "listener", "ssl", "unix_socket", "websocket", "http_api", "cors"),
    "Apps and their limits": (
        "app_manager",
        "channel_limits",
        "event_limits",
        "presence",
        "idempotency",
        "rate_limiter",
    ),
    "Events": ("cache", "webhooks", "queue", "delta_compression", "tag_filtering"),
    "Several servers": ("adapter", "cluster_health", "cleanup"),
    "Redis and databases": ("database", "database_pooling"),
    "Watching and stopping": ("metrics", "health", "logging", "shutdown"),
}
"""The sections, by what they are about."""

INTRODUCTION = """\
# Configuration

<!-- Made by `python -m sockudo_tx.config.render`. Change the declarations in sockudo_tx/config, not this file. -->

A `config.json` and a set of environment variables written for Sockudo 3.2 run this server unchanged.

## Where a value comes from

1. Built-in values, the ones in the tables below.
2. `config/config.json` in the working directory, when there is one, **or** the file named by `-c`. Only one file is
   used; a key it leaves out has its built-in value.
3. Environment variables, key by key.

With no file and no `SOCKUDO_DEFAULT_APP_*` variable, the server serves the demo app `app-id`, `app-key`,
`app-secret`, and warns that anybody can use it.

In the repository, `config/config.json` holds every key with its built-in value, `config/production.json` a start for a
server behind a proxy, and `config/example.env` every variable that has an effect; `config/README.md` says how to use
them. To have an editor complete and check a file, write `"$schema": "./config.schema.json"` into it.
"""

CHECKING = """\
## What is checked

A file is JSON in UTF-8. Everything that is found is told at once, each with the key, the value, the rule and the cure.

| found | what happens |
| --- | --- |
| a file that is not JSON | the server does not start |
| a value of the wrong type or out of range, null where a key is never unset | the same |
| a value that cannot work, such as `activity_timeout` 0 | the same |
| a driver that is unknown, or not in this version | the same; settings of drivers that are not chosen do no harm |
| a `-c` file that does not exist | an error; the default file or built-in values are used |
| an app that is wrong | an error; the other apps run, and with none left the server does not start |
| an unknown key, a key written twice | one warning that names all of them and what may be meant |
| a variable with a text its key does not take | a warning; the value stays as it was |
| a key that is accepted and has no effect in this version | a line that names it |

`--strict` (or `SOCKUDO_STRICT_CONFIG=true`) does not start with any error, unknown key or ignored variable either.
`sockudo check-config` tells all of it without starting.

Words, such as drivers, may be written in any letter case. These spellings of other files are understood as well:

| written | read as |
| --- | --- |
| `apps` at the top level | appended to `app_manager.array.apps` |
| `nats` at the top level | `adapter.nats` |
| `metrics.prefix` | `metrics.prometheus.prefix` |
| `websocket.max_payload_kb` | `websocket_max_payload_kb` |
| `database.redis.cluster.useTLS` | `database.redis.cluster.use_tls` |
| `adapter.nats.servers` as one text | split at its commas |

## Environment variables

| type | accepted |
| --- | --- |
| true or false | `true`, `1`, `yes`, `on` and `false`, `0`, `no`, `off`, in any letter case |
| number | digits, optionally after `+` |
| one of some words | any letter case, the aliases of the file too |
| list | items between commas; blanks around them and empty items are dropped |
| text | as it is |

An empty variable is as good as none, except where a key says otherwise.
"""

VARIABLES = """\
### Variables that set several keys

All of them are also named at their keys. Of two variables of one key the one named later there wins.
"""

APPS = """\
## Apps

Members of the objects in `app_manager.array.apps`; a top-level `apps` is appended to that list. Numbers may be
written as texts of digits, and `..._per_sec` and `max_read_req_per_sec` are understood. The shape of Sockudo 5 (limits
inside `policy`) is read too. Of two apps with one id, or with one key, the later counts. A limit an app leaves open
comes from `channel_limits`, `event_limits` and `presence`.
"""

ORIGINS = """\
### Origin patterns

For `allowed_origins` and `cors.origin`; letter case does not matter.

| pattern | lets in |
| --- | --- |
| `*` | everything, also clients without an `Origin` header |
| `https://example.com` | exactly this origin |
| `example.com`, `localhost:3000` | http and https, exactly this host and port |
| `*.example.com` | the host and every host below it, without a port |
| `https://*.example.com`, `http://localhost:*` | what starts like the text before the star and ends like the rest |
"""

DEFAULT_APP = """\
### The app of the environment

Made when `SOCKUDO_DEFAULT_APP_ID`, `SOCKUDO_DEFAULT_APP_KEY` and `SOCKUDO_DEFAULT_APP_SECRET` are all set, unless
`SOCKUDO_DEFAULT_APP_ENABLED` is false. It comes after the apps of the file. Mind that its limits are not those of a
file's app when a variable says nothing.
"""

REDIS = """\
### How a Redis server is named

`database.redis` names one server by `host`, `port` and `db`; `rediss://` in front of the host means TLS. With
`sentinels` they are asked for the server called `name`. `REDIS_URL` and the `url` and `url_override` keys name another
one in its place: `redis://user:password@host:6379/0`, `rediss://…`, or
`redis+sentinel://:password@host:26379,host:26379/name/0`.

Nodes of a cluster are written `host`, `host:port`, `[address]:port`, `redis://…` or `rediss://…`. A scheme beats
`use_tls`, a port in the text beats the node's `port`, and credentials in an address beat the shared ones. The list of
the adapter or the queue counts when it names a node, otherwise `database.redis.cluster.nodes`, otherwise
`database.redis.cluster_nodes`.
"""

LOG_VARIABLES = (
    ("LOG_OUTPUT_FORMAT", "human", "Exactly `json`: one JSON object a line; anything else: lines for people."),
    (
        "RUST_LOG",
        "",
        "`level` or `target=level`, between commas; levels `off`, `error`, `warn`, `info`, `debug`, `trace`.",
    ),
    ("SOCKUDO_LOG_DEBUG", "info,sockudo=debug,tower_http=debug", "The same for debug mode, when `RUST_LOG` is unset."),
    ("SOCKUDO_LOG_PROD", "info", "The same outside debug mode."),
    ("LOG_LEVEL", "", "One level, when nothing else says any."),
)
"""Name, what holds when it is unset, and effect."""

LOGGING = """\
## Logging, by environment only

| variable | effect |
| --- | --- |
""" + "".join(f"| `{name}` | {text} |\n" for name, _, text in LOG_VARIABLES)
