"""What /proc says of a server's processes: CPU time, memory, descriptors, and who listens where. Linux only."""

from __future__ import annotations

import contextlib
import ipaddress
import os
from pathlib import Path
from typing import NamedTuple

__all__ = ["Reading", "family", "listener", "read"]

_PAGE = os.sysconf("SC_PAGE_SIZE")
_LISTEN = "0A"


class Reading(NamedTuple):
    """A moment's sum over processes."""

    cpu_ns: int
    """On a CPU since they started."""
    rss: int
    descriptors: int


def family(pid: int) -> list[int]:
    """The process and everything below it that runs now."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # The name in parentheses may hold anything, also spaces and parentheses.
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        todo += children.get(one, [])
    return found


def read(pids: list[int]) -> Reading | None:
    """Their sum; None when the first of them is gone or cannot be looked at."""
    cpu = rss = descriptors = 0
    for index, pid in enumerate(pids):
        folder = Path(f"/proc/{pid}")
        try:
            for task in (folder / "task").iterdir():
                cpu += int((task / "schedstat").read_text().split()[0])
            rss += int((folder / "statm").read_text().split()[1]) * _PAGE
            descriptors += len(os.listdir(folder / "fd"))
        except (OSError, ValueError, IndexError):
            if index == 0:
                return None
    return Reading(cpu, rss, descriptors)


def listener(address: str, port: int) -> int | None:
    """The process that listens on this address of this machine; with several, the topmost. None if not to be seen."""
    wanted = _sockets(ipaddress.ip_address(address.partition("%")[0]), port)
    owners = {
        int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and wanted & _held(entry)
    }  # fmt: skip
    inner = {pid for owner in owners for pid in family(owner)[1:]}
    return min(owners - inner, default=None)


def _sockets(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> set[str]:
    """How /proc/<pid>/fd names the listening sockets that take connections to this address."""
    found = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            host, _, number = fields[1].rpartition(":")
            if fields[3] == _LISTEN and int(number, 16) == port and _takes(host, address):
                found.add(f"socket:[{fields[9]}]")
    return found


def _takes(host: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether a listener on this address, 32-bit words in hex and in the machine's byte order, is meant."""
    words = bytes.fromhex(host)
    if not any(words):
        return True
    bound = b"".join([words[start : start + 4][::-1] for start in range(0, len(words), 4)])
    return bound == address.packed or bound == b"\0" * 10 + b"\xff\xff" + address.packed


def _held(folder: Path) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):  # gone, or another user's
        for entry in (folder / "fd").iterdir():
            with contextlib.suppress(OSError):  # closed meanwhile
                found.add(os.readlink(entry))
    return found
