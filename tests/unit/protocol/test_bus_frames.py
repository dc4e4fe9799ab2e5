"""Frames between nodes: what is written is read again, and nothing a stranger writes is an exception."""

from __future__ import annotations

import struct

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.protocol import bus_frames
from sockudo_tx.protocol.bus_frames import (
    Control,
    Decoded,
    Event,
    Ignored,
    Presence,
    Probe,
    Request,
    Reset,
    Response,
    Terminate,
    UserChange,
    UserEvent,
    decode,
    encode,
)

EVENT = Event(node="n1", seq=7, previous=3, app_id="app", channel="c", at=1, tags={"a": "b"}, delta=False)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers(0, 2**53)
CHANGES = st.sampled_from(["+", "-"])
VERSIONS = st.integers(0, 10**16 - 1).map("{:016d}".format)
HEADERS = st.one_of(
    st.builds(
        Event,
        node=TEXTS,
        seq=NUMBERS,
        previous=NUMBERS,
        app_id=TEXTS,
        channel=TEXTS,
        excluded=st.none() | TEXTS,
        kind=st.sampled_from([None, "r", "m"]),
        tags=st.none() | st.dictionaries(TEXTS, TEXTS),
        full=st.none() | st.booleans(),
        delta=st.booleans(),
    ),
    st.builds(Presence, TEXTS, TEXTS, TEXTS, VERSIONS, VERSIONS, CHANGES, TEXTS),
    st.builds(UserEvent, node=TEXTS, seq=NUMBERS, app_id=TEXTS, user_id=TEXTS),
    st.builds(Terminate, node=TEXTS, seq=NUMBERS, app_id=TEXTS, user_id=TEXTS),
    st.builds(Control, node=TEXTS, seq=NUMBERS, op=TEXTS, about=TEXTS),
    st.builds(Request, node=TEXTS, id=TEXTS, op=TEXTS),
    st.builds(Response, node=TEXTS, id=TEXTS),
    st.builds(Probe, node=TEXTS, id=TEXTS),
    st.builds(Reset, TEXTS, TEXTS, TEXTS, VERSIONS),
    st.builds(UserChange, TEXTS, TEXTS, CHANGES),
)


class FrameTests(SynchronousTestCase):
    """One version, ten kinds."""

    def test_layout(self) -> None:
        """Version, kind, length of the header, header, body: members that say nothing are left out."""
        header = b'{"a":"app","c":"c","t":1,"g":{"a":"b"},"dl":false,"n":"n1","q":7,"pq":3}'
        self.assertEqual(encode(EVENT, "{}"), b"\x01\x01" + struct.pack(">I", len(header)) + header + b"{}")

    def test_presence(self) -> None:
        """Versions have 16 digits whatever they are; who leaves has no user_info."""
        frame = bus_frames.presence_frame("app", "presence-a", "e", 0, 12, True, "u", '{"name":"ä"}')
        self.assertEqual(
            decode(frame),
            Decoded(Presence("app", "presence-a", "e", "0" * 16, "0000000000000012", "+", "u"), '{"name":"ä"}'),
        )
        self.assertIn(b'"pv":"0000000000000000","v":"0000000000000012"', frame)
        gone = decode(bus_frames.presence_frame("app", "presence-a", "e", 12, 13, False, "u", "{}"))
        self.assertEqual((gone.header.change, gone.body), ("-", ""))

    def test_user_change(self) -> None:
        """A user comes online, and goes."""
        self.assertEqual(
            decode(bus_frames.user_change_frame("app", "u", True)), Decoded(UserChange("app", "u", "+"), "")
        )
        self.assertEqual(decode(bus_frames.user_change_frame("app", "u", False)).header.change, "-")

    def test_S16_other_versions_and_kinds(self) -> None:
        """Frames of newer nodes are told apart from broken ones."""
        frame = encode(EVENT)
        self.assertEqual(decode(b"\x02" + frame[1:]), Ignored("version"))
        self.assertEqual(decode(b"\x01\x0b" + frame[2:]), Ignored("kind"))
        self.assertEqual(decode(b"\x01\x00" + frame[2:]), Ignored("kind"))

    def test_new_members(self) -> None:
        """A header may have more members than we know."""
        header = b'{"n":"n1","id":"i","new":[{}]}'
        self.assertEqual(
            decode(b"\x01\x08" + struct.pack(">I", len(header)) + header), Decoded(Probe(node="n1", id="i"), "")
        )

    def test_malformed(self) -> None:
        """Cut short, not JSON, of the wrong shape, too deep, or not text: all the same."""
        frame = encode(Probe(node="n1", id="i"), "body")
        deep = b"[" * 100_000
        for broken in (
            b"",
            frame[:5],
            frame[:12],
            b"\x01\x08\xff\xff\xff\xff" + frame[6:],
            b"\x01\x08\0\0\0\x02[]",
            b"\x01\x08\0\0\0\x02{}",
            b'\x01\x08\0\0\0\x04{"n"',
            frame + b"\xff",
            b"\x01\x08" + struct.pack(">I", len(deep) + 5) + b'{"z":' + deep,
            encode(Presence("a", "c", "e", "1", "2", "+", "u")),
            encode(Presence("a", "c", "e", "0" * 16, "-" * 16, "+", "u")),
            encode(Reset("a", "c", "e", "²" * 16)),
        ):
            self.assertEqual(decode(broken), Ignored("malformed"), broken[:40])

    @given(HEADERS, TEXTS)
    @settings(max_examples=150, deadline=None)
    def test_there_and_back(self, header: bus_frames.Header, body: str) -> None:
        """What is written is read as it was."""
        self.assertEqual(decode(encode(header, body)), Decoded(header, body))

    @given(st.binary(max_size=80), st.integers(0, 255), st.sampled_from([0, 1, 2]), st.integers(0, 90))
    @settings(max_examples=300, deadline=None)
    def test_any_bytes(self, rest: bytes, kind: int, version: int, size: int) -> None:
        """Whatever comes, it is a value and no exception."""
        self.assertIsInstance(decode(rest), Decoded | Ignored)
        self.assertIsInstance(decode(bytes([version, kind]) + struct.pack(">I", size) + rest), Decoded | Ignored)

    @given(st.data())
    @settings(max_examples=150, deadline=None)
    def test_damaged(self, data: st.DataObject) -> None:
        """Nor is a good frame with some bytes changed."""
        frame = bytearray(encode(EVENT, '{"event":"e"}'))
        for _ in range(data.draw(st.integers(1, 4))):
            frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
        self.assertIsInstance(decode(bytes(frame)), Decoded | Ignored)
