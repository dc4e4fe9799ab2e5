"""Clients that mean no good, and one that does: what attacks on a running server are made of."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import resource
import select
import socket
import time
from collections.abc import Iterable
from types import TracebackType

from twisted.trial.unittest import SkipTest

from tests.integration.launch import PATIENCE, WebSocket

__all__ = ["Attackers", "Honest", "need_files", "open_files", "resident"]

ADDRESSES = [f"127.0.0.{number}" for number in range(2, 7)]
"""Where attackers come from."""


def need_files(count: int) -> None:
    """Let this process open so many files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        raise SkipTest(f"this needs {count} open files, and the hard limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def open_files(pid: int) -> int:
    """How many a process has."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident(pid: int) -> int:
    """The memory of a process in bytes."""
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def signed(method: str, path: str, body: bytes = b"") -> str:
    """The target of a call of the demo app."""
    query = f"auth_key=app-key&auth_timestamp={int(time.time())}&auth_version=1.0"
    if body:
        query += f"&body_md5={hashlib.md5(body, usedforsecurity=False).hexdigest()}"
    text = f"{method}\n{path}\n{query}".encode()
    return f"{path}?{query}&auth_signature={hmac.new(b'app-secret', text, 'sha256').hexdigest()}"


class Honest:
    """A subscriber and a backend that were there before."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._serial = 0
        self._backend = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._client = WebSocket(port)
        assert self._client.event()["event"] == "pusher:connection_established"
        self._client.send({"event": "pusher:subscribe", "data": {"channel": "news"}})
        assert self._client.event()["event"] == "pusher_internal:subscription_succeeded"

    def served(self) -> None:
        """An event is published and arrives; a newcomer is let in and answered. Each within the patience."""
        self._serial += 1
        body = json.dumps({"name": "n", "channel": "news", "data": str(self._serial)}).encode()
        self._backend.request("POST", signed("POST", "/apps/app-id/events", body), body)
        answer = self._backend.getresponse()
        assert (answer.status, answer.read()) == (200, b'{"ok":true}')
        while (event := self._client.event())["event"] == "pusher:ping":
            self._client.send({"event": "pusher:pong"})
        assert event["data"] == str(self._serial), event
        newcomer = WebSocket(self._port)
        assert newcomer.head.startswith("HTTP/1.1 101 "), newcomer.head
        newcomer.close()

    def close(self) -> None:
        """Hang up."""
        self._backend.close()
        self._client.close()


class Attackers:
    """Many connections from several addresses; a context manager."""

    def __init__(self, port: int, count: int, said: Iterable[bytes] = (b"",)) -> None:
        self.open: list[socket.socket] = []
        self.answers: dict[socket.socket, bytes] = {}
        """What those were told that have been closed."""
        first = list(said)
        for number in range(count):
            address = (ADDRESSES[number % len(ADDRESSES)], 0)
            each = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE, source_address=address)
            self.open.append(each)
            if first[number % len(first)]:
                each.sendall(first[number % len(first)])
            each.setblocking(False)
        self._heard = dict.fromkeys(self.open, b"")

    def say(self, data: bytes) -> None:
        """All that are still open send this."""
        for each in self.open:
            try:
                each.send(data)
            except (BlockingIOError, ConnectionError):
                pass

    def look(self) -> int:
        """Notice who has been told something, and who has been closed; how many are open."""
        poll = select.poll()
        by_number = {each.fileno(): each for each in self.open}
        for number in by_number:
            poll.register(number, select.POLLIN)
        for number, _ in poll.poll(0):
            each = by_number[number]
            try:
                data = each.recv(65536)
            except ConnectionError:
                data = b""
            if data:
                self._heard[each] += data
            else:
                self.answers[each] = self._heard[each]
                self.open.remove(each)
        return len(self.open)

    @property
    def told(self) -> set[bytes]:
        """The different status codes of those who have been closed; empty for no answer."""
        return {answer[9:12] for answer in self.answers.values()}

    def __enter__(self) -> Attackers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for each in self._heard:
            each.close()
