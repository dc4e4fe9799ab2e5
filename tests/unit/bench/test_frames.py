"""Reading frames, however they are cut."""

from __future__ import annotations

import zlib
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from sockudo_tx.bench.frames import FINAL_TEXT, FrameError, Messages, client_frame, split

FIRST_BYTES = st.sampled_from([0x81, 0x01, 0x80, 0x00, 0x88, 0x89, 0x8A, 0xC1, 0x82])
# The three forms of a length, at their edges.
SIZES = st.sampled_from([0, 1, 125, 126, 127, 300, 65535, 65536])
FRAMES = st.lists(st.tuples(FIRST_BYTES, SIZES), max_size=6)


def server_frame(first: int, payload: bytes) -> bytes:
    """A frame as a server sends it."""
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 65536:
        return bytes((first, 126)) + size.to_bytes(2, "big") + payload
    return bytes((first, 127)) + size.to_bytes(8, "big") + payload


class SplitTests(unittest.TestCase):
    """Bytes to frames."""

    @given(FRAMES, st.lists(st.floats(0, 1), max_size=12))
    def test_any_cut_gives_the_same_frames(self, wanted: list[tuple[int, int]], cuts: list[float]) -> None:
        """Any cutting of any sequence of frames gives that sequence, and nothing is left."""
        frames = [(first, bytes(size)) for first, size in wanted]
        data = b"".join(server_frame(*frame) for frame in frames)
        edges = [0, *sorted(round(cut * len(data)) for cut in cuts), len(data)]
        found, rest = [], b""
        for start, end in pairwise(edges):
            more, rest = split(rest + data[start:end])
            found += [(first, payload) for first, payload, _ in more]
        self.assertEqual((found, rest), (frames, b""))

    @given(st.binary(max_size=64))
    def test_any_bytes(self, data: bytes) -> None:
        """Any bytes are frames and a rest, or the one error."""
        try:
            frames, rest = split(data)
        except FrameError:
            return
        self.assertTrue(data.endswith(rest))
        self.assertEqual(frames[-1][2] + len(rest) if frames else len(rest), len(data))

    def test_masked(self) -> None:
        """A masked frame is an error: a server must not send one."""
        self.assertRaises(FrameError, split, client_frame(1, b"x"))

    def test_client_frames(self) -> None:
        """Our frames are masked, with zeros, in all three lengths."""
        for size, head in (
            (5, b"\x81\x85"),
            (200, b"\x81\xfe\x00\xc8"),
            (70000, b"\x81\xff" + (70000).to_bytes(8, "big")),
        ):
            self.assertEqual(client_frame(1, bytes(size)), head + bytes(4 + size))


class MessagesTests(unittest.TestCase):
    """Messages that are not one plain frame."""

    def test_fragments(self) -> None:
        """A message in several frames is one message."""
        messages = Messages()
        self.assertIsNone(messages.whole(0x01, b"one "))
        self.assertIsNone(messages.whole(0x00, b"two "))
        self.assertEqual(messages.whole(0x80, b"three"), b"one two three")
        self.assertEqual(messages.whole(FINAL_TEXT, b"next"), b"next")

    def test_wrong_fragments(self) -> None:
        """A continuation of nothing, and a message inside another one, are errors."""
        self.assertRaises(FrameError, Messages().whole, 0x80, b"")
        messages = Messages()
        messages.whole(0x01, b"")
        self.assertRaises(FrameError, messages.whole, 0x81, b"")

    def test_compressed(self) -> None:
        """Compressed messages are inflated, with and without the window of those before."""
        for takeover in (True, False):
            deflater = zlib.compressobj(wbits=-12)
            messages = Messages(12, takeover=takeover)
            for text in (b"hello hello hello", b"hello again", b"hello hello hello"):
                if not takeover:
                    deflater = zlib.compressobj(wbits=-12)
                data = (deflater.compress(text) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]
                self.assertEqual(messages.whole(0xC1, data), text)

    def test_compressed_without_agreement(self) -> None:
        """A compressed message nobody agreed to, and one that is broken, are errors."""
        self.assertRaises(FrameError, Messages().whole, 0xC1, b"x")
        self.assertRaises(FrameError, Messages(15).whole, 0xC1, b"\xff\xff\xff")
