"""Where clients come in: a TCP port, a Unix socket, or sockets that systemd or our parent opened for us.

Sockets are opened before anything forks, so that a refusal reaches the terminal and the exit status; they are handed
to the reactor when the service starts. Source: http-api.md 1, configuration.md 8.1 and 8.4.
"""

from __future__ import annotations

from .address import Address, is_literal, resolve
from .errors import ListenError
from .listener import BACKLOG, SocketListener
from .optional import OptionalListener, redirect_listener
from .passed import PassedListener, PassedSockets
from .tcp import DEALS_OUT, TcpListener
from .unix import UnixListener

__all__ = [
    "Address",
    "BACKLOG",
    "DEALS_OUT",
    "ListenError",
    "TcpListener",
    "OptionalListener",
    "PassedListener",
    "PassedSockets",
    "SocketListener",
    "UnixListener",
    "is_literal",
    "redirect_listener",
    "resolve",
]
