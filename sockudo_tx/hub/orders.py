"""What a worker knows before it has heard anything: its orders, in a file without a name that it inherits.

    0, 1, 2   /dev/null, and pipes whose lines the hub writes to the log
    3         the link to the hub
    4         the orders
    5 ...     listening sockets, in the order of `Orders.roles`

The configuration is the one that was accepted, and is never read again: a file that is broken later breaks no restart.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import signal
import tempfile
from typing import NamedTuple

from ..config.load import Loaded
from ..transports.tls_context import CertificateContents
from .output import Manner

__all__ = ["FIRST_SOCKET", "LINK", "ORDERS", "PARENTS", "Orders"]

LINK = 3
ORDERS = 4
FIRST_SOCKET = 5
PARENTS = frozenset({signal.SIGINT, signal.SIGHUP})
"""A terminal sends these to all of us, and they are the parent's affair. Workers are started with them held back."""
_SEALS = ("F_SEAL_SEAL", "F_SEAL_SHRINK", "F_SEAL_GROW", "F_SEAL_WRITE")


class Orders(NamedTuple):
    """What one worker is to do. Both ends are the same version of this package, and the same user."""

    slot: int
    """Which of the workers it is, from 0 on."""
    workers: int
    """How many there are to be."""
    loaded: Loaded
    hub: int
    """The process id of its parent."""
    folder: str
    """Where relative names of files are looked for."""
    reactor: str
    """The module whose `install` makes the reactor that the parent runs; empty for ours."""
    roles: tuple[str, ...] = ()
    """What each socket is for, from descriptor `FIRST_SOCKET` on."""
    manner: Manner = Manner()
    """How it is to write its log."""
    certificate: CertificateContents | None = None
    """What to go on with when the files do not hold a certificate any more, or may be read by another user only."""

    def write(self) -> int:
        """A descriptor of a file that holds this and cannot be changed any more; the caller closes it."""
        data = pickle.dumps(self)
        if not hasattr(os, "memfd_create"):  # no Linux
            with tempfile.TemporaryFile() as file:
                file.write(data)
                file.flush()
                return os.dup(file.fileno())
        descriptor = os.memfd_create("sockudo-orders", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            with open(descriptor, "wb", closefd=False) as out:
                out.write(data)
            with contextlib.suppress(OSError):
                fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, sum(getattr(fcntl, name) for name in _SEALS))
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    @classmethod
    def read(cls, descriptor: int = ORDERS) -> Orders:
        """What the parent wrote. The descriptor is closed."""
        with open(descriptor, "rb") as file:
            file.seek(0)
            orders = pickle.loads(file.read())  # noqa: S301  # from our parent, over what only we have inherited
        assert isinstance(orders, cls)
        return orders
