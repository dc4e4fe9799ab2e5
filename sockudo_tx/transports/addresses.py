"""Whose request this is: the peer of the socket, or whom trusted proxies name (http-api.md 9.4, 1.1).

One client is one text however it is spelled: IPv4 mapped into IPv6 is IPv4, zones are dropped, IPv6 is lower-case and
compressed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from twisted.internet.address import IPv4Address
from twisted.internet.address import IPv6Address as IPv6Peer
from twisted.internet.interfaces import IAddress

__all__ = ["UNIX", "client_address", "network_of", "normalised", "peer_address"]

UNIX = "unix"
"""Who comes over a Unix socket and is not named by a proxy."""

_REMEMBERED = 4096


_SPELLED = re.compile(r"\[([^]]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}|([^\[\]]+)")
_LONGEST = 64  # with zone, brackets and port


def normalised(text: str) -> str | None:
    """The one spelling of an IP address; brackets and a port behind it are dropped. None for anything else."""
    return _normalised(text) if len(text) <= _LONGEST else None


@lru_cache(_REMEMBERED)
def _normalised(text: str) -> str | None:
    spelled = _SPELLED.fullmatch(text.strip())
    if spelled is None:
        return None
    literal: str = spelled[spelled.lastindex or 0].partition("%")[0]
    try:
        address = ip_address(literal)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def peer_address(peer: IAddress | None) -> str:
    """The address at the other end of the socket, `UNIX` when it has none."""
    whose: object = peer  # the checker does not know that these are addresses
    if isinstance(whose, IPv4Address):
        return whose.host
    if isinstance(whose, IPv6Peer):
        return normalised(whose.host) or whose.host
    return UNIX


def client_address(peer: IAddress | None, headers: Mapping[bytes, Sequence[bytes]], hops: int) -> str:
    """The client's address when `hops` proxies stand before us; `headers` has lower-case names.

    Nobody is believed who was not configured: without hops only the peer counts. A Unix socket has a proxy before it
    in any case. X-Real-IP counts only where there is no X-Forwarded-For: a proxy that writes one may pass on the other
    as a client sent it (scaling.md 12).
    """
    address = peer_address(peer)
    if address == UNIX:
        hops = max(hops, 1)
    if hops <= 0:
        return address
    forwarded = headers.get(b"x-forwarded-for")
    if forwarded:
        entries = b",".join(forwarded).split(b",")
        return normalised(entries[max(0, len(entries) - hops)].decode("latin-1")) or address
    return _real_ip(headers) or address


def _real_ip(headers: Mapping[bytes, Sequence[bytes]]) -> str | None:
    values = headers.get(b"x-real-ip")
    return normalised(values[-1].decode("latin-1")) if values else None


def network_of(address: str) -> str:
    """Whom to count together: an IPv6 address with all others of its /64, which one customer gets; others alone."""
    if ":" not in address:
        return address
    return _network(address)


@lru_cache(_REMEMBERED)
def _network(address: str) -> str:
    return str(IPv6Address(int(IPv6Address(address)) >> 64 << 64)) + "/64"
