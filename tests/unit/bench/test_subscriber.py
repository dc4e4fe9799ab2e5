"""The subscribing client, against a server made of a socket pair's other end."""

from __future__ import annotations

import socket

from twisted.trial import unittest

from sockudo_tx.bench import subscriber
from sockudo_tx.bench.subscriber import Subscriber, masked


def text(payload: bytes) -> bytes:
    """A server's text frame."""
    size = len(payload)
    return b"\x81" + (bytes((size,)) if size < 126 else b"\x7e" + size.to_bytes(2, "big")) + payload


ESTABLISHED = text(b'{"event":"pusher:connection_established","data":"{}"}')
SUBSCRIBED = text(b'{"event":"pusher_internal:subscription_succeeded","channel":"bench-0","data":"{}"}')


class SubscriberTests(unittest.TestCase):
    """Frames arrive in any pieces."""

    def setUp(self) -> None:
        ours, self.server = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(self.server.close)
        self.patch(subscriber.socket, "create_connection", lambda *_, **__: ours)
        self.sent: list[int] = []
        self.client = Subscriber(("127.0.0.1", 1), "app-key", "bench-0", self.sent.append)
        self.server.recv(65536)

    def feed(self, data: bytes) -> None:
        self.server.sendall(data)
        self.client.readable()

    def test_whole_conversation_byte_by_byte(self) -> None:
        """Upgrade, subscription and deliveries are understood however they are cut."""
        event = text(b'{"event":"bench","channel":"bench-0","data":"0000000000000000042:' + b"x" * 150 + b'"}')
        for byte in b"HTTP/1.1 101 Switching\r\nA: b\r\n\r\n" + ESTABLISHED + SUBSCRIBED + event + event:
            self.feed(bytes((byte,)))
        self.assertTrue(self.client.subscribed)
        self.assertEqual(self.sent, [42, 42])
        self.assertIn(b"pusher:subscribe", self.server.recv(65536))

    def test_refused_upgrade(self) -> None:
        """A refused upgrade is why it is closed."""
        self.feed(b"HTTP/1.1 404 Not Found\r\n\r\n")
        self.assertEqual(self.client.closed, "HTTP/1.1 404 Not Found")

    def test_close_frame(self) -> None:
        """So is a Close frame, with its code."""
        self.feed(b"HTTP/1.1 101 x\r\n\r\n" + b"\x88\x05" + (4200).to_bytes(2, "big") + b"bye")
        self.assertEqual(self.client.closed, "closed with 4200 bye")

    def test_pings(self) -> None:
        """Both kinds of ping are answered."""
        self.feed(b"HTTP/1.1 101 x\r\n\r\n" + b"\x89\x02hi" + text(b'{"event":"pusher:ping","data":{}}'))
        answered = self.server.recv(65536)
        self.assertIn(masked(10, b"hi"), answered)
        self.assertIn(b"pusher:pong", answered)
