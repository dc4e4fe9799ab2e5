"""permessage-deflate: what is agreed on, and that clients can read what we compress."""

from __future__ import annotations

import tracemalloc
import zlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from sockudo_tx.interfaces import IFraming
from sockudo_tx.transports.deflate import AS_TEXT, Agreement, DeflateFraming, DeflateStream, mode_named, negotiate
from sockudo_tx.transports.turn import Turn

WORDS = {
    "dedicated": (15, True, 6, 16),
    "shared": (15, False, 6, 16),
    "window256b": (9, False, 1, 128),
    "window1kb": (10, False, 1, 64),
    "window2kb": (11, False, 3, 48),
    "window4kb": (12, True, 3, 40),
    "window8kb": (13, True, 5, 32),
    "window16kb": (14, True, 5, 24),
    "window32kb": (15, True, 6, 24),
}
CHROME = "permessage-deflate; client_max_window_bits"


def agree(word: str, header: str) -> Agreement | None:
    mode = mode_named(word)
    assert mode is not None
    return negotiate(mode, header)


def response(word: str, header: str) -> str | None:
    agreement = agree(word, header)
    return None if agreement is None else agreement.response.decode()


def payload(frame: bytes) -> tuple[bool, bytes]:
    """Whether a frame says it is compressed, and what it carries."""
    length = frame[1]
    head = 2 if length < 126 else 4 if length == 126 else 10
    return frame[0] == 0xC1, frame[head:]


TURN = Turn(lambda flush: None)


class ModeTests(SynchronousTestCase):
    """`mode_named`"""

    def test_table(self) -> None:
        """Every word of the table in any case has its values; anything else is no compression."""
        for word, values in WORDS.items():
            self.assertEqual(mode_named(word), values)
            self.assertEqual(mode_named(word.upper()), values)
        for word in ("disabled", "DISABLED", "", "gzip", "window64kb"):
            self.assertIsNone(mode_named(word))


class NegotiationTests(SynchronousTestCase):
    """`negotiate`"""

    def test_browsers(self) -> None:
        """What browsers offer is met in every mode."""
        for word, answer in {
            "dedicated": "",
            "shared": "; server_no_context_takeover; client_no_context_takeover",
            "window256b": "; server_no_context_takeover; server_max_window_bits=9; client_no_context_takeover; client_max_window_bits=9",
            "window8kb": "; server_max_window_bits=13; client_max_window_bits=13",
            "window32kb": "",
        }.items():
            self.assertEqual(response(word, CHROME), "permessage-deflate" + answer)

    def test_client_cannot_shrink(self) -> None:
        """A client that did not offer client_max_window_bits is not asked for it."""
        self.assertEqual(response("window8kb", "permessage-deflate"), "permessage-deflate; server_max_window_bits=13")

    def test_client_asks(self) -> None:
        """What the client asks of us is granted, and said."""
        for asked, answer in (
            ("server_no_context_takeover", "server_no_context_takeover"),
            ("server_max_window_bits=10", "server_max_window_bits=10"),
            ('server_max_window_bits="10"', "server_max_window_bits=10"),
            ("server_max_window_bits=15", "server_max_window_bits=15"),
            ("client_no_context_takeover", "client_no_context_takeover"),
            ("client_max_window_bits=9", "client_max_window_bits=9"),
        ):
            self.assertEqual(response("dedicated", f"permessage-deflate; {asked}"), f"permessage-deflate; {answer}")
        agreement = agree("dedicated", "permessage-deflate; server_max_window_bits=10; server_no_context_takeover")
        assert agreement is not None
        self.assertEqual(agreement[:4], (10, False, 15, True))

    def test_hint_of_eight(self) -> None:
        """A client's window of 8 bits, which zlib cannot do, is a hint we ignore."""
        agreement = agree("dedicated", "permessage-deflate; client_max_window_bits=8")
        assert agreement is not None
        self.assertEqual((agreement.in_bits, agreement.response), (15, b"permessage-deflate"))

    def test_declined(self) -> None:
        """An offer that is malformed, or that we cannot meet, is declined without failing the handshake."""
        for offer in (
            "",
            "x-webkit-deflate-frame",
            "permessage-deflate; server_max_window_bits=8",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=09",
            "permessage-deflate; client_max_window_bits=",
            "permessage-deflate; client_max_window_bits=x",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; unknown",
            "permessage-deflate; client_max_window_bits; client_max_window_bits",
        ):
            self.assertIsNone(agree("dedicated", offer), offer)

    def test_next_offer(self) -> None:
        """The first offer that can be met is."""
        header = "permessage-deflate; server_max_window_bits=8, PerMessage-Deflate; server_max_window_bits=12, permessage-deflate"
        self.assertEqual(response("dedicated", header), "permessage-deflate; server_max_window_bits=12")

    @given(st.text(st.characters(max_codepoint=255)))
    def test_any(self, offer: str) -> None:
        """Any header is answered or declined."""
        for text in (offer, f"permessage-deflate; {offer}", f"permessage-deflate; client_max_window_bits={offer}"):
            agree("dedicated", text)


class FramingTests(SynchronousTestCase):
    """`DeflateFraming` and `DeflateStream`"""

    def test_interface(self) -> None:
        """They are framings."""
        mode = mode_named("shared")
        assert mode is not None
        verifyObject(IFraming, DeflateFraming(15, mode, TURN))
        verifyObject(IFraming, AS_TEXT)

    def test_thresholds(self) -> None:
        """Shorter messages than the mode's threshold stay plain, longer ones that shrink are compressed."""
        for word, (bits, takeover, _, threshold) in WORDS.items():
            mode = mode_named(word)
            assert mode is not None
            framing = DeflateStream(bits, mode) if takeover else DeflateFraming(bits, mode, TURN)
            self.assertEqual(payload(framing.frame(b"a" * (threshold - 1))), (False, b"a" * (threshold - 1)))
            compressed, data = payload(framing.frame(b"a" * threshold))
            self.assertTrue(compressed, word)
            self.assertLess(len(data), threshold)

    def test_incompressible(self) -> None:
        """Without takeover what would grow stays plain."""
        mode = mode_named("shared")
        assert mode is not None
        text = bytes(range(33, 127))
        self.assertEqual(payload(DeflateFraming(15, mode, TURN).frame(text)), (False, text))

    @given(st.lists(st.text(st.sampled_from('{}":,abcde'), max_size=3000), max_size=5), st.sampled_from(sorted(WORDS)))
    def test_readable(self, texts: list[str], word: str) -> None:
        """A client with the agreed window reads every text, one compressor for all or one for each."""
        bits, takeover, _, _ = WORDS[word]
        mode = mode_named(word)
        assert mode is not None
        framing = DeflateStream(bits, mode) if takeover else DeflateFraming(bits, mode, TURN)
        reader = zlib.decompressobj(-bits)
        for text in texts:
            compressed, data = payload(framing.frame(text.encode()))
            if compressed:
                if not takeover:
                    reader = zlib.decompressobj(-bits)
                data = reader.decompress(data + b"\x00\x00\xff\xff")
            self.assertEqual(data.decode(), text)

    def test_memory(self) -> None:
        """A connection's compressor takes about eight times its window: 128 KiB of zlib's defaults are not in it."""
        for word, most in (("window4kb", 50), ("window8kb", 90), ("dedicated", 280)):
            mode = mode_named(word)
            assert mode is not None
            tracemalloc.start()
            self.addCleanup(tracemalloc.stop)
            stream = DeflateStream(mode.window_bits, mode)
            stream.frame(b"some text that is long enough for any mode")
            self.assertLess(tracemalloc.get_traced_memory()[0], most * 1024, word)
            tracemalloc.stop()

    def test_stream_remembers(self) -> None:
        """With takeover a repeated message costs next to nothing."""
        mode = mode_named("dedicated")
        assert mode is not None
        stream = DeflateStream(15, mode)
        text = bytes(range(32, 127)) * 2
        first, second = stream.frame(text), stream.frame(text)
        self.assertLess(len(second), 20)
        self.assertLess(len(second), len(first))
