"""What a worker inherits."""

from __future__ import annotations

import os
import sys

import pytest

from sockudo_tx.config.load import load
from sockudo_tx.hub.orders import Orders
from sockudo_tx.hub.output import Manner


def made() -> Orders:
    environment = {"SOCKUDO_DEFAULT_APP_SECRET": "hush", "PORT": "7001"}
    return Orders(2, 4, load(None, environment, "/nowhere"), 77, "/srv", "", ("main", "redirect"), Manner())


def test_the_same_at_the_other_end() -> None:
    """Configuration, apps, findings and all come out as they went in."""
    assert Orders.read(made().write()) == made()


def test_not_passed_on() -> None:
    """Nobody inherits them who is not given them."""
    descriptor = made().write()
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)


@pytest.mark.skipif(sys.platform != "linux", reason="files can be sealed on Linux")
def test_sealed() -> None:
    """What was ordered cannot be changed by anybody, and has no name in a folder."""
    descriptor = made().write()
    with pytest.raises(OSError, match="not permitted"):
        os.pwrite(descriptor, b"x", 0)
    assert os.fstat(descriptor).st_nlink == 0
    os.close(descriptor)
