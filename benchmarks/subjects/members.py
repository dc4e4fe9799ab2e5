"""Clients in three channels each: a presence channel with few others, one with all others, and one alone.

python -m benchmarks.subjects.members PORT FIRST SIZE ROOM [watch]

Client number N, from FIRST on, is member N of presence-(N // ROOM). With `watch` the only channel is presence-N.

stdout  {"connected": 1000}
stdin   removed            what was heard so far
stdout  {"removed": 99, "repeated": 0}
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import resource
import select
import socket
import sys
from collections import Counter

from ..harness.client import KEY, SECRET, await_text, masked, upgrade
from .said import tell

_WAVE = 50
_SOCKET_ID = re.compile(rb'socket_id\\?":\\?"([0-9.]+)')
_REMOVED = re.compile(rb'member_removed","channel":"(presence-\d+)","data":"\{\\"user_id\\":\\"([^"\\]+)')


def _presence(socket_id: str, channel: str, user_id: str) -> bytes:
    data = json.dumps({"user_id": user_id})
    text = f"{socket_id}:{channel}:{data}".encode()
    auth = f"{KEY}:{hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()}"
    return _subscribe({"channel": channel, "auth": auth, "channel_data": data})


def _subscribe(data: dict[str, str]) -> bytes:
    return masked(json.dumps({"event": "pusher:subscribe", "data": data}).encode())


class Members:
    """All of them; what they are told is read, and member_removed counted."""

    def __init__(self, port: int, room: int, watching: bool) -> None:
        self._port = port
        self._room = room
        self._watching = watching
        self._poll = select.epoll()
        self._poll.register(0, select.EPOLLIN)
        self._peers: dict[int, socket.socket] = {}
        self._heard: dict[int, bytes] = {}
        self._removed: Counter[tuple[int, bytes, bytes]] = Counter()

    def connect(self, first: int, size: int) -> None:
        """So many, from number `first` on."""
        for begin in range(first, first + size, _WAVE):
            self._wave(range(begin, min(begin + _WAVE, first + size)))
            self._read(0)
        tell(connected=len(self._peers))

    def _wave(self, numbers: range) -> None:
        peers = [socket.create_connection(("127.0.0.1", self._port), timeout=20) for _ in numbers]
        for peer in peers:
            peer.sendall(upgrade(self._port))
        for number, peer in zip(numbers, peers, strict=True):
            heard = await_text(peer, b"connection_established")
            while (found := _SOCKET_ID.search(heard)) is None:
                heard += peer.recv(65536)
            peer.sendall(self._joins(number, found[1].decode()))
        for peer in peers:
            heard = b""
            while heard.count(b"subscription_succeeded") < (1 if self._watching else 3):
                heard = await_text(peer, b"subscription_succeeded", heard + peer.recv(65536))
            peer.setblocking(False)
            self._peers[peer.fileno()] = peer
            self._poll.register(peer.fileno(), select.EPOLLIN)

    def _joins(self, number: int, socket_id: str) -> bytes:
        if self._watching:
            return _presence(socket_id, f"presence-{number}", f"watcher-{number}")
        room = _presence(socket_id, f"presence-{number // self._room}", f"member-{number}")
        return room + _subscribe({"channel": "bench-0"}) + _subscribe({"channel": f"own-{number}"})

    def _read(self, patience: float) -> bool:
        """Whether somebody has something to say to us, read what has come."""
        for number, _ in self._poll.poll(patience, 1024):
            if number == 0:
                return True
            received = self._peers[number].recv(262144)
            if not received:
                self._poll.unregister(number)
            elif self._watching:
                self._note(number, received)
        return False

    def _note(self, number: int, received: bytes) -> None:
        heard = self._heard.get(number, b"") + received
        end = 0
        for found in _REMOVED.finditer(heard):
            self._removed[(number, found[1], found[2])] += 1
            end = found.end()
        self._heard[number] = heard[end:][-4096:]

    def run(self) -> None:
        """Reads and answers until standard input ends."""
        while True:
            if self._read(0.5):
                text = os.read(0, 4096)
                if not text:
                    return
                for _ in text.splitlines():
                    tell(removed=len(self._removed), repeated=sum(count > 1 for count in self._removed.values()))


def main() -> None:
    """Connects, then serves until standard input ends."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    port, first, size, room = map(int, sys.argv[1:5])
    members = Members(port, room, "watch" in sys.argv)
    members.connect(first, size)
    members.run()


main()
