"""Whether the ports to listen on are free, tried by binding them for a moment."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Mapping

__all__ = ["ports_taken"]


def ports_taken(addresses: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], OSError]:
    """Those of the addresses that cannot be bound now, each with its error. Port 0 is always free."""
    found = {}
    for host, port in addresses:
        error = _fault(host, port) if port else None
        if error is not None:
            found[host, port] = error
    return found


def _fault(host: str, port: int) -> OSError | None:
    literal = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        rows = socket.getaddrinfo(literal, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except UnicodeError:
        return OSError(errno.EINVAL, "not a legal host name")
    except OSError as error:
        return OSError(error.errno or errno.EINVAL, f"the name does not resolve: {error.strerror}")
    family, address = min((row[0] == socket.AF_INET6, row[0], row[4]) for row in rows)[1:]  # IPv4 first
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As the listeners do, so that connections of an earlier process that are closing do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error
    return None
