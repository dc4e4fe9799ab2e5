"""Which process has accepted a connection, from what Linux tells of sockets in /proc."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable

__all__ = ["owners"]

_TABLE = "/proc/net/tcp"
_SOCKET = "socket:["


def owners(connections: Iterable[socket.socket], processes: Iterable[int]) -> dict[socket.socket, int]:
    """The process of each connection over IPv4 loopback that one of these has accepted."""
    ends = _accepted()
    wanted = {ends[end]: each for each in connections if (end := _end(each)) in ends}
    found: dict[socket.socket, int] = {}
    for process in processes:
        for inode in _sockets(process) & wanted.keys():
            found[wanted[inode]] = process
    return found


def _end(connection: socket.socket) -> tuple[int, int]:
    """The ports of the other end, its own first; of no connection when this one has been reset meanwhile."""
    try:
        return connection.getpeername()[1], connection.getsockname()[1]
    except OSError:
        return 0, 0


def _accepted() -> dict[tuple[int, int], int]:
    """Inode of each established connection by its local and its remote port; 0 while it waits to be accepted."""
    found = {}
    with open(_TABLE) as table:
        next(table)
        for line in table:
            fields = line.split(None, 10)
            if fields[3] == "01" and fields[9] != "0":
                local, remote = (int(address.rpartition(":")[2], 16) for address in fields[1:3])
                found[local, remote] = int(fields[9])
    return found


def _sockets(process: int) -> set[int]:
    """Inodes of the sockets that a process has open; none when it is gone."""
    found = set()
    try:
        for name in os.listdir(folder := f"/proc/{process}/fd"):
            try:
                link = os.readlink(f"{folder}/{name}")
            except OSError:
                continue
            if link.startswith(_SOCKET):
                found.add(int(link[len(_SOCKET) : -1]))
    except OSError:
        pass
    return found
