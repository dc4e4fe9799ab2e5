"""What the server listens on: ports that collide, Unix sockets, TLS, the PROXY protocol."""

from __future__ import annotations

from collections.abc import Iterator

from ..schema import Config
from .advice import Advice, Rule, Written, loopback

__all__ = ["RULES"]

_SOCKET_NAME = 107
"""Bytes of a Unix socket's path, at most: `sun_path` of unix(7) less its end."""


def _ports(config: Config, written: Written) -> Iterator[Advice]:
    """Ports of one process that hinder each other; the main one wins because the others may be missing."""
    main = None if config.unix_socket.enabled or not config.port else config.port
    metrics = config.metrics.port if config.metrics.enabled else None
    redirect = config.ssl.redirect_port if config.ssl.enabled and config.ssl.redirect_http else None
    if metrics and metrics == main:
        yield Advice(
            ("metrics.port", "port"),
            "must differ from `port`",
            f"both are {main}, so there would be no metrics",
            "Set metrics.port (METRICS_PORT) to another port, for example 9601, or switch metrics.enabled off",
            "error",
        )
    for other, name in ((main, "port"), (metrics, "metrics.port")):
        if redirect and redirect == other:
            yield Advice(
                ("ssl.http_port", name),
                f"must differ from `{name}`",
                f"both are {other}, so plain HTTP would not be redirected",
                "Set ssl.http_port (SSL_HTTP_PORT) to 80, or switch ssl.redirect_http off",
                "error",
            )


def _unix_path(config: Config, written: Written) -> Iterator[Advice]:
    """The rules of configuration.md 1.6, for a socket that is switched on."""
    if not config.unix_socket.enabled:
        return
    path, fault = config.unix_socket.path, None
    if not path:
        fault = "cannot be empty"
    elif "../" in path or "..\\" in path:
        fault = "cannot lead upwards with `../`"
    elif not path.startswith("/"):
        fault = "must be absolute, beginning with `/`"
    elif "\0" in path or path.endswith("/"):
        fault = "must be the name of a file"
    elif len(path.encode("utf-8", "replace")) > _SOCKET_NAME:
        fault = f"cannot be longer than {_SOCKET_NAME} bytes"
    if fault is not None:
        cause = "unix_socket.enabled is on, so the server would listen there"
        cure = "Set unix_socket.path (UNIX_SOCKET_PATH), for example to /var/run/sockudo/sockudo.sock"
        yield Advice(("unix_socket.path",), fault, cause, cure, "refuse")


def _unix(config: Config, written: Written) -> Iterator[Advice]:
    """Settings of a Unix socket that open it to others, or that it takes the effect from."""
    unix = config.unix_socket
    if not unix.enabled:
        return
    others = unix.mode & 0o007
    if others & 0o002 or others > 5:
        yield Advice(
            ("unix_socket.permission_mode",),
            "lets every user of this machine connect",
            "the last digit is for users outside the socket's group",
            "Use 660 and put the proxy's user into the group of the server",
        )
    if config.mode == "production" and unix.path.startswith("/tmp/"):  # noqa: S108 - what is warned of
        yield Advice(
            ("unix_socket.path",),
            "is under /tmp, where any user may have put something first",
            "`mode` is production",
            "Choose a directory of the server's own, for example /run/sockudo/sockudo.sock",
        )
    if config.ssl.enabled:
        yield Advice(
            ("ssl.enabled", "unix_socket.enabled"),
            "has no effect on a Unix socket",
            "unix_socket.enabled is on, and it replaces the TCP port that TLS would be spoken on",
            "Let the proxy in front speak TLS and switch ssl.enabled off, or switch unix_socket.enabled off",
            "ignored",
        )
    if written("port") and written("unix_socket.enabled"):
        yield Advice(
            ("port", "unix_socket.enabled"),
            "is not listened on",
            "unix_socket.enabled is on, and it replaces the TCP port",
            "Leave it, or switch unix_socket.enabled off",
            "info",
        )


def _tls(config: Config, written: Written) -> Iterator[Advice]:
    ssl = config.ssl
    if ssl.redirect_http and not ssl.enabled:
        yield Advice(
            ("ssl.redirect_http", "ssl.enabled"),
            "has no effect without TLS",
            "ssl.enabled is off, so there is nothing to redirect to",
            "Switch ssl.enabled on with ssl.cert_path and ssl.key_path, or ssl.redirect_http off",
            "ignored",
        )
    if not ssl.enabled and not written("ssl.enabled") and ssl.cert_path and ssl.key_path:
        yield Advice(
            ("ssl.enabled", "ssl.cert_path"),
            "is off, although certificate and key are named",
            f"ssl.cert_path is {ssl.cert_path}",
            "Switch ssl.enabled on (SSL_ENABLED=true), or remove the paths",
        )
    if ssl.enabled and ssl.cert_path and ssl.cert_path == ssl.ca_path:
        yield Advice(
            ("ssl.ca_path", "ssl.cert_path"),
            "adds nothing, because it names the certificate's own file",
            "ssl.ca_path is for intermediate certificates in another file",
            "Remove it",
            "info",
        )


def _proxy_protocol(config: Config, written: Written) -> Iterator[Advice]:
    listener = config.listener
    key = "listener.proxy_protocol"
    if not listener.proxy_protocol:
        if listener.proxy_protocol_from:
            yield Advice(
                ("listener.proxy_protocol_from", key),
                "has no effect",
                "listener.proxy_protocol is off",
                "Switch listener.proxy_protocol on, or remove the list",
                "ignored",
            )
        return
    if not listener.proxy_protocol_from and not config.unix_socket.enabled and not loopback(config.host):
        yield Advice(
            (key, "listener.proxy_protocol_from", "host"),
            "believes everybody who connects",
            f"listener.proxy_protocol_from is empty and {config.host} can be reached from outside, so a client can "
            "claim any address",
            "Name the proxies in listener.proxy_protocol_from (LISTENER_PROXY_PROTOCOL_FROM), for example 10.0.0.0/8",
        )
    if config.rate_limiter.api_rate_limit.trust_hops:
        yield Advice(
            ("rate_limiter.api_rate_limit.trust_hops", key),
            "believes `X-Forwarded-For` beside the PROXY header",
            "a proxy that only passes bytes on adds no such header, so clients can write it themselves",
            "Set it to 0, unless an HTTP proxy stands behind the one that sends PROXY headers",
        )


def _path_prefix(config: Config, written: Written) -> Iterator[Advice]:
    if any(character in config.path_prefix for character in "?#%\\") or not config.path_prefix.isprintable():
        yield Advice(
            ("path_prefix",),
            "must be a plain path",
            "`?`, `#`, `%`, `\\` and control characters never reach the server as they are written",
            "Use letters, digits, `-`, `_`, `.` and `/`, for example /ws",
            "refuse",
        )


RULES: tuple[Rule, ...] = (_ports, _unix_path, _unix, _tls, _proxy_protocol, _path_prefix)
