"""Outboxes over TLS: what they send arrives whole and in its order."""

from __future__ import annotations

import gc
import ssl
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sockudo_tx.transports.tls import RECORD
from sockudo_tx.transports.wire import TlsWire, limit_silence, wire_for

from .outbox_case import Box, OutboxCase
from .tls_peer import TlsPeer

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


class TlsOutboxTests(OutboxCase):
    """An outbox whose wire encrypts"""

    def setUp(self) -> None:
        super().setUp()
        self.peer = TlsPeer()
        self.addCleanup(self.peer.close)
        self.peer.shake_hands()
        self.pair = self.peer.pair

    def box(self, limits: Any = None) -> Box:
        self.slow = limits or self.limits()
        return Box(wire_for(self.peer.tls), self.turn, self.slow)

    def test_choice(self) -> None:
        """TLS has a wire of its own, and the kernel limits the silence of its peer as well."""
        self.assertIsInstance(wire_for(self.peer.tls), TlsWire)
        limit_silence(self.peer.tls, 30)  # a UNIX socket has no such option, and no error

    def test_one_send(self) -> None:
        """The frames of a turn are one record and one send; while the peer reads, nobody is registered."""
        self.pair.count_sends()
        box = self.box()
        for frame in (b"a", b"bc", b"def"):
            box.push(frame)
        self.end_turn()
        self.assertEqual(len(self.pair.sends), 1)
        self.assertIsNone(self.pair.transport.producer)
        self.assertEqual(self.pair.reactor.writers, set())
        self.peer.settle()
        self.assertEqual(self.peer.received, b"abcdef")

    def test_behind_http(self) -> None:
        """What HTTP wrote and the kernel did not take leaves before our frames."""
        answer = b"HTTP answer " * 20_000
        self.peer.tls.write(answer)
        box = self.box()
        self.assertTrue(box.blocked)
        box.push_control(b"101 ")
        box.push(b"established")
        self.end_turn()
        self.peer.settle()
        self.assertEqual(self.peer.received, answer + b"101 established")
        self.assertFalse(box.blocked)
        self.assertIsNone(self.pair.transport.producer)

    def test_behind_openssl(self) -> None:
        """So does what OpenSSL had to say by itself."""
        box = self.box()
        self.pair.transport.write(b"")
        self.peer.tls.tcp.write(self.peer.tls.encrypted(b"its own "))
        box.push(b"ours")
        self.end_turn()
        self.assertTrue(box.blocked)
        self.peer.settle()
        self.assertEqual(self.peer.received, b"its own ours")
        self.assertFalse(box.blocked)

    def test_limits(self) -> None:
        """A peer that does not read is bounded by the same numbers, in bytes before encryption."""
        box = self.box(self.limits(max_messages=10))
        box.push(b"0" * 200_000)
        self.end_turn()
        self.assertTrue(box.blocked)
        for _ in range(30):
            box.push(b"x")
            self.end_turn()
        self.assertEqual(self.slow.dropped, 20)
        self.peer.settle()
        self.assertEqual(self.peer.received, b"0" * 200_000 + b"x" * 10)
        other = self.limits(max_bytes=1000)
        box._slow = other
        box.push(b"0" * 200_000)
        self.end_turn()
        for _ in range(30):
            box.push(b"x" * 100)
        self.assertEqual(other.dropped, 20)

    def test_goodbye_when_too_slow(self) -> None:
        """Who is disconnected for slowness reads whole frames, the error and the Close frame, if it reads at all."""
        box = self.box(self.limits(max_messages=3, disconnect=True))
        box.push(b"0" * 200_000)
        self.end_turn()
        for _ in range(4):
            box.push(b"x")
        self.assertEqual(len(box.errors), 1)
        self.assertFalse(box.lose())
        self.peer.settle()
        self.assertEqual(self.peer.received, b"0" * 200_000 + b"<error><close>")
        self.assertTrue(self.peer.said_goodbye)
        self.assertFalse(hasattr(self.pair.transport, "socket"))

    def test_lose(self) -> None:
        """Losing the connection sends what is queued, and our goodbye."""
        box = self.box()
        box.push(b"1")
        self.assertTrue(box.lose())
        box.push(b"2")
        self.end_turn()
        self.peer.settle()
        self.assertEqual((self.peer.received, self.peer.said_goodbye), (b"1", True))

    def test_peer_gone(self) -> None:
        """A broken connection is met by the transport; pushing afterwards is harmless."""
        box = self.box()
        self.pair.far.close()
        box.push(b"1")
        self.end_turn()
        self.pair.step()
        self.assertEqual(len(self.peer.app.lost), 1)
        box.push(b"2")
        self.end_turn()
        self.assertEqual((box._frames, self.pair.reactor.writers), ([], set()))

    def test_broken_while_blocked(self) -> None:
        """So is one whose peer was slow before; the outbox keeps nothing."""
        box = self.box()
        box.push(b"0" * 200_000)
        box.push(b"1")
        self.end_turn()
        box.push(b"2")
        self.pair.far.close()
        self.pair.step()
        self.assertEqual((len(self.peer.app.lost), box._frames), (1, []))

    def test_pushed_after_the_peers_goodbye(self) -> None:
        """A frame for a peer that has just closed TLS goes nowhere, and the connection still ends."""
        box = self.box()
        with self.assertRaises(ssl.SSLWantReadError):
            self.peer.client.unwrap()
        self.peer.send_raw(self.peer.outgoing.read())
        box.push(b"late")
        self.end_turn()
        self.peer.settle()
        self.assertEqual((self.peer.received, len(self.peer.app.lost)), (b"", 1))
        self.assertFalse(hasattr(self.pair.transport, "socket"))

    def test_no_garbage_per_push(self) -> None:
        """Pushing and flushing leaves no object behind."""
        box = self.box()
        box.push(b"x")
        self.end_turn()
        gc.collect()
        before = len(gc.get_objects())
        for _ in range(100):
            box.push(b"x")
            self.end_turn()
            self.pair.read()
        self.assertLess(len(gc.get_objects()) - before, 20)


SIZES = st.one_of(st.integers(1, 300), st.integers(1, 40_000), st.sampled_from((RECORD - 1, RECORD, RECORD + 1)))


class AnyOrderTests(OutboxCase):
    """Whatever happens in whatever order"""

    @given(
        st.sampled_from(VERSIONS),
        st.booleans(),
        st.lists(
            st.one_of(
                st.tuples(st.just("push"), SIZES),
                st.tuples(st.just("broadcast"), SIZES),
                st.tuples(st.just("turn"), st.just(0)),
                st.tuples(st.just("read"), st.integers(1, 50_000)),
                st.tuples(st.just("step"), st.just(0)),
                st.tuples(st.just("say"), SIZES),
            ),
            max_size=30,
        ),
    )
    def test_fifo(self, version: ssl.TLSVersion, lose: bool, actions: list[tuple[str, int]]) -> None:
        """Each side receives exactly what the other one sent, in that order."""
        peer = TlsPeer(version)
        peer.shake_hands()
        box = Box(wire_for(peer.tls), self.turn, self.limits())
        audience = (box,)
        pushed = said = b""
        for number, (action, size) in enumerate(actions):
            data = bytes((number % 251,)) * size
            if action == "push":
                pushed += data
                box.push(data)
            elif action == "broadcast":
                pushed += data
                self.turn.broadcast(audience, data)
            elif action == "turn":
                self.end_turn()
            elif action == "step":
                peer.pair.step()
            elif action == "read":
                peer.take(size)
            else:
                said += data
                peer.say(data)
        self.end_turn()
        if lose:
            peer.settle()  # what the client says must arrive before we stop listening
            box.lose()
        peer.settle()
        self.assertEqual(peer.received, pushed)
        self.assertEqual(peer.app.heard, said)
        self.assertEqual(peer.said_goodbye, lose)
        self.assertEqual(hasattr(peer.pair.transport, "socket"), not lose)
        peer.close()
