"""Findings about what a configuration names outside itself: services, ports, sockets, directories."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence

from ..config.advice import loopback
from ..config.findings import Finding
from ..config.load import Loaded
from .ports import ports_taken
from .reach import AT_MOST, Target, unreachable
from .sockets import socket_fault
from .targets import targets

__all__ = ["world_findings"]

_CONTAINER = ("/.dockerenv", "/run/.containerenv")


def world_findings(loaded: Loaded, markers: Sequence[str] = _CONTAINER) -> Iterator[Finding]:
    """What would be in the way if the server were started here and now. Takes about three seconds at most.

    `markers` are files that say that this is a container.
    """
    yield from _listeners(loaded)
    yield from _container(loaded, markers)
    wanted = targets(loaded.config)
    for target, reason in unreachable(wanted).items():
        yield _unreachable(target, reason, loaded)
    if len(wanted) > AT_MOST:
        yield Finding(
            severity="info",
            path="",
            message=f"only the first {AT_MOST} of {len(wanted)} addresses were tried",
            value=f"{len(wanted)} addresses",
            cure="Try the others by hand, for example with nc -vz HOST PORT",
            source="check-config",
        )


def _container(loaded: Loaded, markers: Sequence[str]) -> Iterator[Finding]:
    """Loopback inside a container is reached by nobody outside, published port or not."""
    config = loaded.config
    if config.unix_socket.enabled or not loopback(config.host) or not any(map(os.path.exists, markers)):
        return
    yield Finding(
        severity="warning",
        path="host",
        message="is reached from inside this container only",
        value=config.host,
        cause="a published port leads to the container's own address, not to its loopback",
        cure="Set it to 0.0.0.0 (HOST=0.0.0.0), unless the proxy runs in the same container or pod",
        source=loaded.sources["host"],
    )


def _unreachable(target: Target, reason: str, loaded: Loaded) -> Finding:
    name = target.host if not target.connect else target.address
    said = f"{target.what} at {name} does not answer" if target.connect else f"{target.what} {name}, does not resolve"
    cure = "Start it, or correct the address" if target.connect else "Correct the address"
    return Finding(
        severity="error" if target.required else "warning",
        path=target.path,
        message=said,
        value=name,
        rule="it resolves" if not target.connect else "it accepts TCP connections from this machine",
        cause=reason,
        cure=f"{cure}; if it is only known elsewhere, use --offline",
        source=loaded.sources.get(target.path, ""),
        refuses=target.required,
    )


def _listeners(loaded: Loaded) -> Iterator[Finding]:
    config = loaded.config
    wanted: dict[tuple[str, int], str] = {}
    if config.ssl.enabled and config.ssl.redirect_http and not config.unix_socket.enabled:
        wanted[config.host, config.ssl.redirect_port] = "ssl.http_port"
    if config.metrics.enabled:
        wanted[config.metrics.host, config.metrics.port] = "metrics.port"
    if not config.unix_socket.enabled:
        wanted[config.host, config.port] = "port"
    for (host, port), error in ports_taken(wanted).items():
        yield _taken(wanted[host, port], host, port, error, loaded)
    if config.unix_socket.enabled and config.unix_socket.path.startswith("/"):
        fault = socket_fault(config.unix_socket.path)
        if fault is not None:
            yield Finding(
                severity="warning",
                path="unix_socket.path",
                message=fault.message,
                value=config.unix_socket.path,
                rule="free, or held by a socket that nobody answers on",
                cause="the server does not start over it; if it is this server itself that runs there, all is well",
                cure=fault.cure,
                source=loaded.sources["unix_socket.path"],
            )


_LISTENING = {
    "port": ("host", "the server"),
    "metrics.port": ("metrics.host", "the metrics"),
    "ssl.http_port": ("host", "the redirect"),
}
"""Where the address of each port comes from, and what listens there."""
_CURES = {
    errno.EADDRINUSE: "Stop the other program, or choose another port",
    errno.EACCES: "Use a port from 1024 on, or give the server CAP_NET_BIND_SERVICE",
    errno.EADDRNOTAVAIL: "Use an address of this machine, or 0.0.0.0",
}


def _taken(path: str, host: str, port: int, error: OSError, loaded: Loaded) -> Finding:
    address, what = _LISTENING[path]
    taken = error.errno == errno.EADDRINUSE
    key = path if taken or error.errno == errno.EACCES else address
    reason = os.strerror(error.errno) if error.errno and not error.strerror else error.strerror
    return Finding(
        severity="warning",
        path=key,
        message=f"{host}:{port} is taken by another program" if taken else f"{host}:{port} cannot be listened on",
        value=f"{host}:{port}",
        rule=f"free for {what} to listen on",
        cause="if it is this server itself that runs there, all is well" if taken else str(reason),
        cure=_CURES.get(error.errno or 0, "Correct the address"),
        source=loaded.sources[key],
    )
