"""What every `IAuthority` promises, whatever holds its state: `authority_contract(make)` is the test case.

A driver's test brings a `World` for each test:

    class RedisAuthorityTests(authority_contract(RedisWorld)): ...
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import TestCase

from .authority_case import World
from .authority_channels import ChannelContract, ConnectionContract, NodeContract, UserContract
from .authority_nodes import PaceContract, RegisterContract
from .authority_presence import PresenceContract

__all__ = ["authority_contract"]


def authority_contract(new_world: Callable[[], World]) -> type[TestCase]:
    """The test case for authorities in worlds that `new_world` makes; each test gets an empty one."""

    class Contract(
        ConnectionContract,
        ChannelContract,
        PaceContract,
        PresenceContract,
        UserContract,
        NodeContract,
        RegisterContract,
    ):
        make = staticmethod(new_world)

    return Contract
