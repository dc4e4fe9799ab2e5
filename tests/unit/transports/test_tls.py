"""TLS on a real kernel and a real OpenSSL: handshakes and ends."""

from __future__ import annotations

import gc
import ssl
import warnings
import weakref
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IConsumer, IProtocol, IPushProducer, ISSLTransport, ITCPTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from sockudo_tx.transports.tls import RECORD

from .tls_peer import App, TlsPeer

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


class TlsCase(SynchronousTestCase):
    """Makes connections and ends them."""

    def peer(self, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3, make: Any = App) -> TlsPeer:
        """A client that has not said anything."""
        peer = TlsPeer(version, make)
        self.addCleanup(peer.close)
        return peer

    def connected(self, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3, make: Any = App) -> TlsPeer:
        """A client whose handshake is finished."""
        peer = self.peer(version, make)
        peer.shake_hands()
        return peer

    def assert_ended(self, peer: TlsPeer, reason: type[Exception] = ConnectionDone) -> None:
        """The connection is gone, its protocol was told once, and no timer is left."""
        self.assertFalse(hasattr(peer.pair.transport, "socket"))
        if peer.app is not None:
            (why,) = peer.app.lost
            self.assertIsInstance(why.value, reason)
        self.assertEqual(peer.clock.getDelayedCalls(), [])
        self.assertEqual((peer.clock.readers, peer.clock.writers), (set(), set()))


class HandshakeTests(TlsCase):
    """Before anybody above hears of a connection"""

    def test_both_versions(self) -> None:
        """TLS 1.2 and 1.3 carry bytes in both directions; ALPN knows http/1.1 only."""
        for version in VERSIONS:
            peer = self.connected(version)
            peer.say(b"question")
            self.assertEqual(peer.app.heard, b"question")
            peer.tls.write(b"ans")
            peer.tls.writeSequence([b"w", b"er"])
            peer.settle()
            self.assertEqual(peer.received, b"answer")
            self.assertEqual(peer.clock.getDelayedCalls(), [])

    def test_old_version(self) -> None:
        """TLS 1.1 is refused with an alert, and nobody above is told."""
        peer = self.peer()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        peer.client = context.wrap_bio(peer.incoming, peer.outgoing)
        with self.assertRaises(ssl.SSLError) as caught:
            peer.shake_hands()
        self.assertIn("ALERT", caught.exception.reason or "")
        self.assertIsNone(peer.app)
        self.assert_ended(peer)

    def test_in_one_piece(self) -> None:
        """What the client says right behind its handshake is heard."""
        peer = self.peer()
        for _ in range(2):
            try:
                peer.client.do_handshake()
            except ssl.SSLWantReadError:
                peer.send_raw(peer.outgoing.read())
                peer.pair.step()
                peer.incoming.write(peer.pair.far.recv(65536))
        peer.say(b"early")
        self.assertEqual(peer.app.heard, b"early")

    def test_a_byte_at_a_time(self) -> None:
        """A handshake and a message in single bytes are no different."""
        peer = self.peer()
        for _ in range(3):
            try:
                peer.client.do_handshake()
            except ssl.SSLWantReadError:
                pass
            for byte in peer.outgoing.read():
                peer.send_raw(bytes((byte,)))
            peer.take(65536) if peer.app else peer.incoming.write(peer.pair.read())
        peer.client.write(b"slowly")
        for byte in peer.outgoing.read():
            peer.send_raw(bytes((byte,)))
        self.assertEqual(peer.app.heard, b"slowly")

    def test_answered_at_once(self) -> None:
        """The end of the handshake is answered before anybody speaks, or a client that obeys Nagle waits 40 ms."""
        for version in VERSIONS:
            peer = self.peer(version)
            for _ in range(3):
                try:
                    peer.client.do_handshake()
                except ssl.SSLWantReadError:
                    pass
                before = peer.pair.read()
                peer.incoming.write(before)
                peer.send_raw(peer.outgoing.read())
                if peer.app is not None:
                    break
            self.assertNotEqual(peer.pair.read(), b"")

    def test_out_of_time(self) -> None:
        """A client that begins a handshake, or nothing at all, is gone after ten seconds."""
        for begun in (False, True):
            peer = self.peer()
            if begun:
                with self.assertRaises(ssl.SSLWantReadError):
                    peer.client.do_handshake()
                peer.send_raw(peer.outgoing.read())
            peer.clock.advance(9.9)
            peer.pair.step()
            self.assertTrue(peer.pair.transport.connected)
            peer.clock.advance(0.2)
            peer.pair.step()
            self.assertIsNone(peer.app)
            self.assert_ended(peer)

    def test_gone_within(self) -> None:
        """A client that leaves in the middle of its handshake leaves nothing behind."""
        peer = self.peer()
        with self.assertRaises(ssl.SSLWantReadError):
            peer.client.do_handshake()
        peer.send_raw(peer.outgoing.read())
        peer.pair.far.close()
        peer.server_reads()
        self.assert_ended(peer)

    def test_garbage(self) -> None:
        """What is no TLS ends the connection at once."""
        for garbage in (b"\0" * 100, b"\x16\x03\x01\xff\xff" + b"x" * 70_000, b"SSH-2.0-OpenSSH_9.2\r\n"):
            peer = self.peer()
            peer.send_raw(garbage)
            peer.pair.step()
            self.assertIsNone(peer.app)
            self.assert_ended(peer)

    @given(st.binary(min_size=5, max_size=3000))
    def test_any_bytes(self, garbage: bytes) -> None:
        """Whatever comes instead of a handshake or in the middle of one: nothing stays longer than ten seconds."""
        for begun in (False, True):
            peer = TlsPeer()
            if begun:
                with self.assertRaises(ssl.SSLWantReadError):
                    peer.client.do_handshake()
                peer.send_raw(peer.outgoing.read())
            peer.send_raw(garbage)
            peer.pair.step()
            peer.clock.advance(10)
            peer.pair.step()
            self.assertIsNone(peer.app)
            self.assert_ended(peer)
            peer.pair.far.close()

    def test_plain_http(self) -> None:
        """A request without TLS is told what to do, in words it understands."""
        peer = self.peer()
        peer.send_raw(b"GET /up HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = peer.pair.read_all()
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 Bad Request\r\n"), answer)
        self.assertIn(b"https://", answer)
        self.assert_ended(peer)

    def test_nobody_wants_it(self) -> None:
        """A factory that refuses the connection has it closed."""
        peer = self.peer(make=lambda: None)
        peer.shake_hands()
        self.assertEqual(peer.received, b"")
        self.assert_ended(peer)

    def test_renegotiation(self) -> None:
        """Encrypting never has to wait: a client of TLS 1.2 cannot begin a second handshake."""
        peer = self.connected(ssl.TLSVersion.TLSv1_2)
        self.assertTrue(peer.tls._tls.context.options & ssl.OP_NO_RENEGOTIATION)


class EndTests(TlsCase):
    """How connections end"""

    def test_lose(self) -> None:
        """What was written is sent, then our goodbye; the connection does not wait for the peer's."""
        for size in (1, 300_000):
            peer = self.connected()
            peer.tls.write(b"x" * size)
            peer.tls.loseConnection()
            self.assertTrue(peer.tls.disconnecting)
            peer.tls.write(b"late")
            peer.tls.loseConnection()
            peer.settle()
            self.assertEqual((len(peer.received), peer.said_goodbye), (size, True))
            self.assert_ended(peer)

    def test_lose_when_the_kernel_is_full(self) -> None:
        """Nothing is left to say, so a peer that does not read cannot keep the connection open."""
        peer = self.connected()
        peer.pair.transport.socket.send(b"x" * 200_000)
        peer.tls.loseConnection()
        peer.pair.step()
        self.assert_ended(peer)

    def test_abort(self) -> None:
        """An aborted connection ends whatever is unsent, and says nothing more."""
        peer = self.connected()
        peer.tls.write(b"x" * 300_000)
        peer.tls.abortConnection()
        peer.tls.abortConnection()
        peer.tls.write(b"late")
        peer.pair.step()
        self.assert_ended(peer, ConnectionAborted)

    def test_abort_within(self) -> None:
        """Who aborts from within `dataReceived` hears nothing more, not even what has come already."""

        class Impatient(App):
            def dataReceived(self, data: bytes) -> None:
                super().dataReceived(data)
                self.transport.abortConnection()  # type: ignore[union-attr]

        peer = self.connected(make=Impatient)
        for text in (b"1", b"2"):
            peer.client.write(text)
        peer.send_raw(peer.outgoing.read())
        peer.pair.step()
        self.assertEqual(peer.app.heard, b"1")
        self.assert_ended(peer, ConnectionAborted)

    def test_peer_says_goodbye(self) -> None:
        """A peer that closes TLS is answered in kind, and the connection ends."""
        for version in VERSIONS:
            peer = self.connected(version)
            peer.client.write(b"last words")
            with self.assertRaises(ssl.SSLWantReadError):
                peer.client.unwrap()
            peer.settle()
            self.assertEqual((peer.app.heard, peer.said_goodbye), (b"last words", True))
            self.assert_ended(peer)

    def test_goodbye_of_one_who_does_not_read(self) -> None:
        """A peer that closes TLS while much waits for it does not keep the connection."""
        peer = self.connected()
        peer.tls.write(b"x" * 300_000)
        with self.assertRaises(ssl.SSLWantReadError):
            peer.client.unwrap()
        peer.send_raw(peer.outgoing.read())
        peer.pair.step()
        self.assert_ended(peer, ConnectionAborted)

    def test_peer_hangs_up(self) -> None:
        """A peer that closes TCP without a goodbye is gone as well."""
        peer = self.connected()
        peer.pair.far.close()
        peer.server_reads()
        self.assert_ended(peer)

    def test_nonsense(self) -> None:
        """Bytes that cannot be decrypted end the connection, told with an alert."""
        for version in VERSIONS:
            peer = self.connected(version)
            peer.client.write(b"before")
            good = peer.outgoing.read()
            peer.send_raw(good + good)  # a record has its number, and cannot come twice
            with self.assertRaises(ssl.SSLError) as caught:
                peer.settle()
            self.assertIn("ALERT", caught.exception.reason or "")
            peer.pair.step()
            self.assertEqual(peer.app.heard, b"before")
            self.assert_ended(peer)

    def test_answers_of_openssl(self) -> None:
        """What OpenSSL answers by itself waits for what we say next, up to a record; more ends the connection."""
        for size, lives in ((RECORD, True), (RECORD + 1, False)):
            peer = self.connected()
            peer.tls._outgoing.write(b"k" * size)  # Python's client cannot ask for new keys
            peer.say(b"x")
            peer.pair.step()
            self.assertEqual((peer.app.heard, peer.pair.transport.connected), (b"x", lives))
        self.assert_ended(peer, ConnectionAborted)

    def test_half_close(self) -> None:
        """Our half is closed with a goodbye; what still comes is dropped until the peer has gone as well."""
        peer = self.connected()
        peer.tls.write(b"x" * 100_000)
        peer.tls.loseWriteConnection()
        peer.tls.loseWriteConnection()
        peer.settle()
        self.assertEqual((len(peer.received), peer.said_goodbye), (100_000, True))
        self.assertEqual(peer.pair.far.recv(1), b"")
        peer.say(b"x" * 50_000)
        self.assertEqual((peer.app.heard, peer.app.lost, peer.tls._incoming.pending), (b"", [], 0))
        peer.pair.far.close()
        for _ in range(3):
            peer.server_reads()
        self.assert_ended(peer)

    def test_no_garbage(self) -> None:
        """A connection that has ended is free at once: nothing of it waits for the garbage collector."""
        peer = self.connected()
        app = weakref.ref(peer.app)
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        peer.tls.loseConnection()
        peer.settle()
        peer.factory.built = None
        del peer.tls
        self.assertIsNone(app())


class TransportTests(TlsCase):
    """What stands on it may ask what it asks of a TCP transport"""

    def test_interfaces(self) -> None:
        """It is a protocol, a TCP transport that encrypts, a producer and a consumer."""
        peer = self.connected()
        for interface in (IProtocol, ISSLTransport, ITCPTransport, IPushProducer, IConsumer):
            verifyObject(interface, peer.tls)
        self.assertEqual(peer.tls.getPeer().port, 50000)
        self.assertIsNone(peer.tls.getPeerCertificate())

    def test_pause(self) -> None:
        """Reading is paused and resumed below."""
        peer = self.connected()
        peer.pair.transport.startReading()
        peer.tls.pauseProducing()
        self.assertEqual(peer.clock.readers, set())
        peer.tls.resumeProducing()
        self.assertEqual(peer.clock.readers, {peer.pair.transport})

    def test_pull_producer(self) -> None:
        """A producer that is asked for each piece delivers to the end."""
        peer = self.connected()

        class Source:
            left = 50

            def resumeProducing(self) -> None:
                self.left -= 1
                peer.tls.write(b"piece")
                if not self.left:
                    peer.tls.unregisterProducer()
                    peer.tls.loseConnection()

            def stopProducing(self) -> None: ...

        peer.tls.registerProducer(Source(), False)
        peer.settle()
        self.assertEqual((peer.received, peer.said_goodbye), (b"piece" * 50, True))
        self.assert_ended(peer)

    def test_large_messages(self) -> None:
        """Megabytes pass in both directions."""
        peer = self.connected()
        data = bytes(range(256)) * 12_000
        peer.client.write(data)
        peer.tls.write(data)
        peer.settle()
        self.assertEqual(peer.app.heard, data)
        self.assertEqual(peer.received, data)

    def test_buffers_stay_small(self) -> None:
        """However much came and went at once, OpenSSL was never given more than a record: its buffers never shrink."""
        peer = self.connected()
        written: list[int] = []

        class Watched:
            def __init__(self, real: Any) -> None:
                self.real = real

            def write(self, data: bytes) -> int:
                written.append(len(data))
                return int(self.real.write(data))

            def __getattr__(self, name: str) -> Any:
                return getattr(self.real, name)

        peer.tls._incoming = Watched(peer.tls._incoming)  # type: ignore[assignment]  # acts like one
        peer.tls._tls = Watched(peer.tls._tls)  # type: ignore[assignment]  # acts like one
        peer.client.write(b"x" * 200_000)
        peer.tls.write(b"x" * 200_000)
        peer.settle()
        self.assertEqual((len(peer.app.heard), len(peer.received)), (200_000, 200_000))
        self.assertLessEqual(max(written), RECORD)
