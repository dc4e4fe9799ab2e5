"""The address of a webhook: answers 200 to everything, and counts what it is told.

python -m benchmarks.subjects.receiver

stdout  {"port": 40001}
stdin   told             events since the last `heard`
stdout  {"told": 15001}
stdin   heard            the same in full, by type; counts of 0 by themselves; and begin anew
stdout  {"events": {"channel_vacated": 15001}, "repeated": 0, "deliveries": 151, "again": 0}

An event is repeated when its like came before, whatever the delivery; a delivery came again when its id did.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from .said import tell


class Heard:
    """What has come since the last time somebody asked."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._begin()

    def _begin(self) -> None:
        self._events: Counter[str] = Counter()
        self._names: Counter[str] = Counter()
        self._ids: Counter[str | None] = Counter()

    def add(self, delivery: str | None, events: list[dict[str, Any]]) -> None:
        """One delivery."""
        with self._lock:
            self._ids[delivery] += 1
            for event in events:
                self._events[json.dumps(event, sort_keys=True)] += 1
                self._names[event["name"] + (" 0" if event.get("subscription_count") == 0 else "")] += 1

    def told(self) -> int:
        """Events."""
        with self._lock:
            return self._events.total()

    def take(self) -> dict[str, Any]:
        """All of it."""
        with self._lock:
            found = {
                "events": dict(self._names),
                "repeated": self._events.total() - len(self._events),
                "deliveries": len(self._ids),
                "again": self._ids.total() - len(self._ids),
            }
            self._begin()
            return found


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is one `send`
    heard = Heard()

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.heard.add(self.headers["X-Sockudo-Delivery"], content["events"])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def handle(self) -> None:
        with suppress(ConnectionError):  # the server has been ended
            super().handle()

    def log_request(self, *about: object) -> None:
        pass


def main() -> None:
    """Serves until standard input ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    tell(port=server.server_port)
    for line in sys.stdin:
        if line.strip() == "told":
            tell(told=_Answer.heard.told())
        else:
            tell(**_Answer.heard.take())


main()
