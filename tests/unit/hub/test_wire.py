"""The codec of the link."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.backends.hub import wire
from sockudo_tx.backends.hub.wire import Calls, Hello, Kind, Reader, Replies, WireError

topics = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
messages = st.one_of(
    st.builds(wire.frame_message, topics, st.binary(max_size=3000)),
    st.builds(wire.message, st.sampled_from(Kind), st.binary(max_size=300)),
    st.builds(wire.numbered, st.sampled_from(Kind), st.integers(0, 1 << 40), st.binary(max_size=9)),
)
values: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 62), 1 << 62) | topics | st.floats(allow_nan=False) | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(topics, inner, max_size=4),
    max_leaves=12,
)


class ReaderTests(SynchronousTestCase):
    """`Reader`"""

    @given(st.lists(messages, max_size=12), st.lists(st.integers(1, 700), min_size=1))
    def test_any_pieces(self, sent: list[bytes], sizes: list[int]) -> None:
        """However the bytes are cut, the same messages come, whole and in order, each as soon as it is complete."""
        reader, whole, found, at = Reader(), b"".join(sent), list[bytes](), 0
        while at < len(whole):
            size = sizes[len(found) % len(sizes)]
            found += reader.feed(whole[at : at + size])
            at += size
            complete = b"".join(found)
            self.assertTrue(whole.startswith(complete))
            following = sent[len(found)] if len(found) < len(sent) else b""
            self.assertLess(min(at, len(whole)) - len(complete), max(len(following), 1))
        self.assertEqual(found, sent)

    @given(st.lists(st.binary(max_size=200)))
    def test_any_bytes(self, pieces: list[bytes]) -> None:
        """Any bytes are messages or the one error, and whatever is in them likewise."""
        reader = Reader()
        try:
            found = [each for piece in pieces for each in reader.feed(piece)]
        except WireError:
            return
        for each in found:
            body = memoryview(each)[wire.HEADER :]
            for wanted in (Hello, Calls, Replies, wire.Question, wire.Telling, wire.GroupState, bool, list[bytes]):
                try:
                    wire.decode(body, wanted)
                except WireError:
                    pass
            for split in (wire.topic_of, wire.split_frame, wire.number):
                try:
                    split(each)
                except WireError:
                    pass

    def test_too_large(self) -> None:
        """A message that is larger than any is none, before it has come."""
        head = (wire.MESSAGE_AT_MOST + 1).to_bytes(4, "big") + b"\x06"
        self.assertRaises(WireError, Reader().feed, head)
        self.assertRaises(WireError, wire.message, Kind.ANSWER, bytes(wire.MESSAGE_AT_MOST + 1))
        self.assertRaises(WireError, wire.frame_message, "t", bytes(wire.MESSAGE_AT_MOST))
        self.assertEqual(Reader().feed(wire.message(Kind.ANSWER, bytes(100)))[0][5:], bytes(100))

    def test_large_in_pieces(self) -> None:
        """What a large message costs grows with its size: a piece is joined once with the others."""
        reader, large = Reader(), wire.message(Kind.ANSWER, bytes(8_000_000))
        joins = 0
        for at in range(0, len(large), 65536):
            found = reader.feed(large[at : at + 65536])
            joins += len(reader._parts) <= 1
        self.assertEqual(found, [large])
        self.assertLessEqual(joins, 2)


class FrameTests(SynchronousTestCase):
    """A frame and its topic"""

    @given(topics, st.binary(max_size=500))
    def test_back(self, topic: str, frame: bytes) -> None:
        """Topic and frame come back, and the hub finds the topic without the rest."""
        data = wire.frame_message(topic, frame)
        self.assertEqual(wire.split_frame(data), (topic, frame))
        self.assertEqual(wire.topic_of(data), topic.encode())
        self.assertEqual(data[4], Kind.FRAME)

    def test_no_topics(self) -> None:
        """What cannot be a topic is refused."""
        for topic in ("x" * 70_000, "\ud800"):
            self.assertRaises(WireError, wire.frame_message, topic, b"")

    @given(st.binary(max_size=20))
    def test_cut_off(self, body: bytes) -> None:
        """A frame that ends in its topic is an error, nothing else."""
        data = wire.message(Kind.FRAME, body)
        try:
            name = wire.topic_of(data)
        except WireError:
            return
        self.assertLessEqual(2 + len(name), len(body))


class BodyTests(SynchronousTestCase):
    """Structured bodies"""

    @given(st.integers(1, 1 << 40), st.lists(st.lists(values, min_size=1, max_size=4), max_size=4))
    def test_calls(self, first: int, calls: list[list[Any]]) -> None:
        """Calls come back as they were, written one by one."""
        written = [msgspec.Raw(wire.encode(call)) for call in calls]
        self.assertEqual(wire.decode(wire.encode((first, written)), Calls), Calls(first, calls))

    @given(st.integers(1, 1 << 40), st.lists(st.tuples(st.booleans(), values), max_size=4))
    def test_replies(self, first: int, replies: list[tuple[bool, Any]]) -> None:
        """Each reply is read by itself, so that it can be of its own type."""
        found = wire.decode(wire.encode((first, replies)), Replies)
        self.assertEqual(found.first, first)
        self.assertEqual([(ok, wire.decode(value, object)) for ok, value in found.replies], replies)

    def test_not_written(self) -> None:
        """What has no form is refused with the one error."""
        for value in ("\ud800", {"x": "\udfff"}, object(), 1 << 70):
            self.assertRaises(WireError, wire.encode, value)
