"""The mark an event carries."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from sockudo_tx.bench.payload import SMALLEST, Marker


class MarkerTests(unittest.TestCase):
    """Writing and finding it."""

    @given(st.integers(0, 99999), st.integers(0, 99999), st.integers(0, 10**10 - 1), st.integers(0, 10**19 - 1))
    def test_round_trip(self, channel: int, sender: int, serial: int, due: int) -> None:
        """What was written is found in the frame's text, in as many bytes as asked for."""
        marker = Marker()
        stream = marker.stream(channel, sender)
        data = marker.data(stream, serial, due, 100)
        self.assertEqual(len(data), 100)
        text = json.dumps({"event": "x", "channel": "c", "data": data}).encode()
        self.assertEqual(marker.find(text), (stream, serial, due))

    def test_smallest(self) -> None:
        """The smallest data holds the whole mark."""
        marker = Marker()
        self.assertEqual(len(marker.data(marker.stream(1, 2), 3, 4, 1)), SMALLEST)

    def test_other_runs(self) -> None:
        """Events of another run, and of others, are not ours; nor is half a mark."""
        ours, theirs = Marker("aaaaaa"), Marker("bbbbbb")
        data = theirs.data(theirs.stream(0, 0), 0, 0, 60)
        self.assertIsNone(ours.find(data.encode()))
        self.assertIsNone(theirs.find(data[:40].encode()))
        self.assertIsNone(theirs.find(data.replace("0", "?").encode()))
