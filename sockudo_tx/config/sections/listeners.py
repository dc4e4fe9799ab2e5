"""What the server listens on: `listener`, `ssl`, `unix_socket`, `cors`."""

from __future__ import annotations

from typing import Annotated

from ..declare import (
    SECRET,
    Bytes,
    Count,
    Doc,
    Env,
    Milliseconds,
    OctalMode,
    Port,
    Section,
)
from ..rules import CORS_ORIGINS, NETWORKS, ONE_OR_MORE, TOKENS

__all__ = ["CorsConfig", "ListenerConfig", "SslConfig", "UnixSocketConfig"]


class ListenerConfig(Section, frozen=True, kw_only=True):
    """Limits of connections, whatever they are for, and proxies in front."""

    max_connections_per_address: Annotated[
        Count,
        Doc(
            "Connections of one client address at once, at each worker; more get 429. Loopback and Unix sockets are "
            "not limited, nor is anybody where `trust_hops` says that proxies stand in front, without "
            "`proxy_protocol`. 0: no limit."
        ),
        Env("LISTENER_MAX_CONNECTIONS_PER_ADDRESS"),
    ] = 0
    max_pending: Annotated[
        Count,
        Doc(
            "Connections that have not yet sent a whole request head, at most, at each worker; above it the oldest are "
            "dropped. Never more than half of the files the process may open. 0: no limit."
        ),
        Env("LISTENER_MAX_PENDING"),
    ] = 10000
    header_timeout_ms: Annotated[
        Milliseconds,
        Doc("A request head, or a TLS handshake, has this long."),
        ONE_OR_MORE,
        Env("LISTENER_HEADER_TIMEOUT_MS"),
    ] = 10000
    idle_timeout_ms: Annotated[
        Milliseconds,
        Doc("An HTTP connection without a request is closed after this."),
        ONE_OR_MORE,
        Env("LISTENER_IDLE_TIMEOUT_MS"),
    ] = 60000
    max_header_bytes: Annotated[Bytes, Doc("Largest request head."), ONE_OR_MORE, Env("LISTENER_MAX_HEADER_BYTES")] = (
        16384
    )
    proxy_protocol: Annotated[
        bool,
        Doc("Every connection of `port` begins with a PROXY protocol header, version 1 or 2; health checks too."),
        Env("LISTENER_PROXY_PROTOCOL"),
    ] = False
    proxy_protocol_from: Annotated[
        tuple[str, ...],
        Doc(
            "Addresses and networks whose PROXY headers are believed; others are disconnected. Empty: everybody is "
            "believed. Health checks on this machine need 127.0.0.1 here, Unix sockets nothing."
        ),
        NETWORKS,
        Env("LISTENER_PROXY_PROTOCOL_FROM"),
    ] = ()


class UnixSocketConfig(Section, frozen=True, kw_only=True):
    """Listening on a Unix socket, for a proxy on the same machine."""

    enabled: Annotated[bool, Doc("Listen on a Unix socket instead of `port`."), Env("UNIX_SOCKET_ENABLED")] = False
    path: Annotated[str, Doc("Absolute path of the socket."), Env("UNIX_SOCKET_PATH")] = "/var/run/sockudo/sockudo.sock"
    permission_mode: Annotated[
        OctalMode,
        Doc("Who may connect, as text: `660` lets the owner and the group in."),
        Env("UNIX_SOCKET_PERMISSION_MODE"),
    ] = "660"

    @property
    def mode(self) -> int:
        """`permission_mode` as a number."""
        return int(self.permission_mode, 8)


class SslConfig(Section, frozen=True, kw_only=True):
    """TLS in this process."""

    enabled: Annotated[
        bool,
        Doc("Speak TLS on `port`. Without both paths the server starts unencrypted, with an error in its log."),
        Env("SSL_ENABLED"),
    ] = False
    cert_path: Annotated[
        str,
        Doc("Certificate in PEM: the server's own first, then the intermediate ones."),
        Env("SSL_CERT_PATH"),
    ] = ""
    key_path: Annotated[str, Doc("The certificate's private key in PEM."), Env("SSL_KEY_PATH")] = ""
    passphrase: Annotated[str | None, Doc("Decrypts the private key."), SECRET] = None
    ca_path: Annotated[str | None, Doc("More intermediate certificates in PEM.")] = None
    redirect_http: Annotated[
        bool, Doc("Answer plain HTTP on `http_port` with a redirect to HTTPS."), Env("SSL_REDIRECT_HTTP")
    ] = False
    http_port: Annotated[Port | None, Doc("Port of the redirect. null: 80."), Env("SSL_HTTP_PORT")] = 80
    watch_interval_ms: Annotated[
        Milliseconds,
        Doc("How often the certificate files are looked at for a change. 0: only on SIGHUP."),
        Env("SSL_WATCH_INTERVAL_MS"),
    ] = 10000
    expiry_warning_days: Annotated[
        Count, Doc("Days before its end from which on a certificate is warned of. 0: never.")
    ] = 30

    @property
    def redirect_port(self) -> int:
        """`http_port`, or the usual one. 0: any free port."""
        return 80 if self.http_port is None else self.http_port


class CorsConfig(Section, frozen=True, kw_only=True):
    """Pages of which sites may call the HTTP API from a browser."""

    credentials: Annotated[
        bool,
        Doc("Let pages send credentials. Always off when every origin is allowed, or none."),
        Env("CORS_CREDENTIALS"),
    ] = True
    origin: Annotated[
        tuple[str, ...],
        Doc("Pages that may call the HTTP API: `*` or `any` for all, or the patterns of `allowed_origins`."),
        CORS_ORIGINS,
        Env("CORS_ORIGINS"),
    ] = ("*",)
    methods: Annotated[tuple[str, ...], Doc("Methods a preflight allows."), TOKENS, Env("CORS_METHODS")] = (
        "GET",
        "POST",
        "OPTIONS",
    )
    allowed_headers: Annotated[tuple[str, ...], Doc("Headers a preflight allows."), TOKENS, Env("CORS_HEADERS")] = (
        "Authorization",
        "Content-Type",
        "X-Requested-With",
        "Accept",
    )
