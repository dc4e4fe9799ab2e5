"""Thousands of damaged requests: every one is answered or dropped, none breaks or leaks anything."""

from __future__ import annotations

import random

import pytest
from twisted.logger import LogLevel, capturedLogs

from .case import HttpCase, RawConnection, signed

EVENT = b'{"name":"n","channels":["c","presence-p"],"data":"d","info":"user_count","socket_id":"1.1","tags":{"a":"b"}}'
BATCH = b'{"batch":[{"name":"n","channel":"c","data":{"a":[1,2.50,null]}},{"name":"n","channel":"cache-c"}]}'
PIECES = [
    b"\r\n", b"\n", b"\r", b" ", b"\x00", b"\xff", b"\xed\xa0\x80", b"%", b"%2F", b"%00", b"&", b"=", b"?", b"#", b"/", b"//", b":", b",",
    b"HTTP/1.0", b"HTTP/9.9", b"OPTIONS", b"HEAD", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"Connection: close\r\n",
    b"Expect: 100-continue\r\n", b"0\r\n\r\n", b"5\r\nhello\r\n", b"ffffffffffffffff\r\n", b"-1", b"9" * 30, b"[" * 200, b'"', b"\\ud800",
    b"{}", b"null", b"1e999", b"NaN", b"auth_key=app-key&", b"X: " + b"y" * 300 + b"\r\n", b"Upgrade: websocket\r\n", b"Origin: null\r\n",
]  # fmt: skip


def requests() -> list[bytes]:
    """One good request of every kind."""
    found = []
    for path, body in (("events", EVENT), ("batch_events", BATCH), ("users/u%20/terminate_connections", b"{}")):
        target = signed("POST", f"/apps/app-id/{path}", body=body)
        head = f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Idempotency-Key: k\r\n"
        found.append(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        found.append(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
    for path in ("channels", "channels/presence-p", "channels/presence-p/users", "channels/%23server-to-user-u"):
        target = signed("GET", f"/apps/app-id/{path}", [("info", "subscription_count"), ("filter_by_prefix", "p")])
        found.append(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    for line in ("GET /up", "GET /up/app-id", "HEAD /usage", "GET /stats", "OPTIONS /x", "GET /app/app-key?protocol=7"):
        found.append(f"{line} HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\nConnection: keep-alive\r\n\r\n".encode())
    return found


def resigned(path: str, body: bytes) -> bytes:
    """A well signed request with this body."""
    target = signed("POST", f"/apps/app-id/{path}", body=body)
    return f"POST {target} HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def damaged(chance: random.Random, data: bytes) -> bytes:
    """The request after a few accidents."""
    for _ in range(chance.randint(1, 4)):
        at, to = sorted(chance.randrange(len(data) + 1) for _ in range(2))
        data = chance.choice(
            [
                data[:at] + chance.choice(PIECES) + data[at:],
                data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :],
                data[:at] + data[to:],
                data[:at] + data[at : at + 40] * 2 + data[at + 40 :],
                data[:to],
            ]
        )
    return data


class MutationTests(HttpCase):
    """Damaged requests against one server"""

    def bombard(self, count: int, seed: int) -> None:
        chance = random.Random(seed)
        good = requests()
        listener = self.subscriber("c")
        with capturedLogs() as events:
            for number in range(count):
                if chance.random() < 0.7:
                    data = damaged(chance, chance.choice(good))
                else:
                    path, body = chance.choice([("events", EVENT), ("batch_events", BATCH)])
                    data = resigned(path, damaged(chance, body))
                connection = RawConnection(self.server)
                for piece in (data,) if chance.random() < 0.8 else (data[:50], data[50:]):
                    connection.send(piece)
                self.assertNotIn(b"Traceback", connection.received, data)
                self.assertNotIn(b"HTTP/1.1 50", connection.received, data)
                connection.wire.cut(clean=chance.random() < 0.5)
                self.server.pump()
                if number % 500 == 0:
                    self.assertEqual(self.call("GET", "/up").text, "OK")
        self.assertEqual([event for event in events if event["log_level"] >= LogLevel.error], [])
        listener.cut()
        self.server.advance(120)
        left = {name: size for name, size in self.server.tables().items() if "_told" not in name}
        self.assertEqual(left, {})
        self.assertLessEqual(len(self.server.site.api.repeats), 100)
        self.assertEqual(self.call("GET", "/up").text, "OK")

    def test_some(self) -> None:
        """Four thousand of them, the same each time."""
        self.bombard(4000, 1)

    @pytest.mark.long
    def test_many(self) -> None:
        """Twenty thousand others."""
        self.bombard(20_000, 2)
