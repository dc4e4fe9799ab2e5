"""Where webhooks may go."""

from __future__ import annotations

import pytest

from sockudo_tx.backends.webhooks.addresses import refusal


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.0.1",
        "fe80::1",
        "fe80::1%eth0",
        "febf::1",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd20:ce::254",
        "fd00:ec2::23",
        "fd00:a9fe:a9fe::1",
        "fd00:c1::a9fe:a9fe",
        "fd00:42::42",
        "fd00:100::100:200",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "224.0.0.1",
        "255.255.255.255",
        "ff02::1",
        "::ffff:169.254.169.254",
        "::169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe",
        "64:ff9b:1:a9fe:a9:fe00::",
        "64:ff9b:1:a9:fe:a9fe::",
        "64:ff9b:1:0:a9:fea9:fe00:0",
        "64:ff9b:1::",
        "::ffff:0:a9fe:a9fe",
        "2001:0:a9fe:a9fe::1",
        "2001::5601:5601",
        "2002:a9fe:a9fe::",
        "::ffff:0.0.0.0",
        "nonsense",
    ],
)
@pytest.mark.parametrize("internal", [True, False])
def test_never(address: str, internal: bool) -> None:
    """Link-local, metadata, unspecified and multicast addresses are refused in every spelling, whatever is allowed."""
    assert refusal(address, internal)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "198.18.0.1",
        "240.0.0.1",
        "::1",
        "fc00::1",
        "fdff::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_internal(address: str) -> None:
    """Loopback and private addresses, in every spelling, are called only where that is allowed."""
    assert refusal(address, internal=True) is None
    assert "webhooks.allow_internal_addresses" in (refusal(address, internal=False) or "")


@pytest.mark.parametrize(
    "address",
    ["93.184.216.34", "172.32.0.1", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "64:ff9b:1::808:808"],
)
def test_public(address: str) -> None:
    """Public addresses are always fine."""
    assert refusal(address, internal=False) is None
