"""Which addresses a webhook may be sent to.

Whoever may write a webhook's URL could otherwise have this machine ask what only it can reach: the credentials a cloud
hands its machines, a database without password, a router. What is asked is the address of each connection, when it is
made: a name that means another address the next time gains nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

__all__ = ["refusal"]

_METADATA = frozenset(
    map(
        ip_address,
        (
            "100.100.100.200",  # Alibaba Cloud
            "168.63.129.16",  # Azure's wire server
            "192.0.0.192",  # Oracle Cloud
            "fd00:42::42",  # Scaleway
            "fd00:100::100:200",  # Alibaba Cloud
            "fd00:a9fe:a9fe::1",  # Linode
            "fd00:c1::a9fe:a9fe",  # Oracle Cloud
            "fd20:ce::254",  # Google Cloud
        ),
    )
)
"""Where clouds tell their machines secrets, beside 169.254.0.0/16, which is link-local."""
_AWS = IPv6Network("fd00:ec2::/32")
"""Services of AWS for its machines: metadata, credentials of EKS pods, names, time."""
_THIS_NETWORK = IPv4Network("0.0.0.0/8")  # Linux takes 0.0.0.0 for loopback
_TRANSLATED = (
    IPv6Network("::/96"),  # IPv4-compatible (RFC 4291 2.5.5.1)
    IPv6Network("64:ff9b::/96"),  # NAT64 (RFC 6052)
    IPv6Network("::ffff:0:0:0/96"),  # IPv4-translated (RFC 2765 2.1)
)
_TRANSLATED_HERE = IPv6Network("64:ff9b:1::/48")
"""For translators of one's own (RFC 8215), with any length of prefix."""
_PLACES = ((6, 7, 9, 10), (7, 9, 10, 11), (9, 10, 11, 12), (12, 13, 14, 15))
"""Where prefixes of 48, 56, 64 and 96 bits have the bytes of the IPv4 address (RFC 6052 2.2)."""


def refusal(address: str, internal: bool) -> str | None:
    """Why no webhook goes to this IP address; None when it may. `internal`: loopback and private ones may be called.

    Link-local, metadata, unspecified and multicast addresses never may.
    """
    try:
        meanings = _meanings(ip_address(address.partition("%")[0]))
    except ValueError:
        return "not an IP address"
    return next(filter(None, (_refusal(ip, internal) for ip in meanings)), None)


def _refusal(ip: IPv4Address | IPv6Address, internal: bool) -> str | None:
    if ip in _METADATA or (ip.version == 6 and ip in _AWS):
        return "a metadata address of clouds"
    if ip.is_link_local:
        return "a link-local address"
    if ip.is_unspecified or (ip.version == 4 and ip in _THIS_NETWORK):
        return "an unspecified address"
    if ip.is_multicast or ip == IPv4Address("255.255.255.255"):
        return "a multicast address"
    if not internal and not ip.is_global:
        return "an internal address, and webhooks.allow_internal_addresses is false"
    return None


def _meanings(ip: IPv4Address | IPv6Address) -> Sequence[IPv4Address | IPv6Address]:
    """The IPv4 address that an IPv6 address stands for, where it stands for one; all that it may stand for."""
    if isinstance(ip, IPv4Address):
        return (ip,)
    if ip.teredo:
        return ip.teredo
    if mapped := ip.ipv4_mapped or ip.sixtofour:
        return (mapped,)
    if int(ip) > 1 and any(ip in network for network in _TRANSLATED):
        return (IPv4Address(int(ip) & 0xFFFFFFFF),)
    if ip in _TRANSLATED_HERE:
        read = [IPv4Address(bytes(ip.packed[place] for place in places)) for places in _PLACES]
        # Zeros mean that it is not read like this.
        return [each for each in read if each not in _THIS_NETWORK] or read
    return (ip,)
