"""From `host` to an address to bind to. Source: http-api.md 1.1, configuration.md 8.1."""

from __future__ import annotations

import ipaddress
import socket
from typing import NamedTuple

from .errors import ListenError

__all__ = ["Address", "address_of", "is_literal", "resolve"]


class Address(NamedTuple):
    """Where a socket listens; `note` is a warning worth telling."""

    family: socket.AddressFamily
    host: str
    """A literal address, or the path of a Unix socket."""
    port: int
    note: str | None = None

    @property
    def netloc(self) -> str:
        """`host:port`, an IPv6 address in brackets; a Unix socket has only its path."""
        if self.family == socket.AF_UNIX:
            return self.host
        return f"[{self.host}]:{self.port}" if self.family == socket.AF_INET6 else f"{self.host}:{self.port}"

    def url(self, scheme: str) -> str:
        """For people: where to point a client, or a proxy at a Unix socket."""
        return f"unix:{self.host}" if self.family == socket.AF_UNIX else f"{scheme}://{self.netloc}"


def address_of(listening: socket.socket) -> Address:
    """Where this socket listens."""
    name = listening.getsockname()
    if listening.family == socket.AF_UNIX:
        path = (
            name if isinstance(name, str) else "@" + name[1:].decode("utf-8", "replace")
        )  # abstract: as `ss` shows it
        return Address(listening.family, path, 0)
    return Address(socket.AddressFamily(listening.family), name[0], name[1])


def resolve(host: str, port: int) -> Address:
    """Where `host` is: a literal with or without brackets, or a name (IPv4 first). Never a silent fallback."""
    if not is_literal(host):
        return _look_up(host, port)
    literal = host[1:-1] if host.startswith("[") else host
    version = ipaddress.ip_address(literal).version
    return Address(socket.AF_INET if version == 4 else socket.AF_INET6, literal, port)


def is_literal(host: str) -> bool:
    """Whether this is an address, with or without brackets, and no name."""
    try:
        ipaddress.ip_address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
    except ValueError:
        return False
    return True


def _look_up(host: str, port: int) -> Address:
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a legal host name"
        raise ListenError(
            f"cannot listen on {host}:{port} (`host`): the name does not resolve ({reason}). "
            "Set `host` (HOST) to an address of this machine, for example 0.0.0.0"
        ) from error
    found = {row[0]: str(row[4][0]) for row in reversed(rows)}  # the first of each family wins
    if socket.AF_INET in found:
        return Address(socket.AF_INET, found[socket.AF_INET], port)
    note = f"{host} has no IPv4 address: listening on IPv6 only"
    return Address(socket.AF_INET6, found[socket.AF_INET6], port, note)
