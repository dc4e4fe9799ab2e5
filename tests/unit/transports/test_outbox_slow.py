"""An outbox whose peer does not read: what is kept, what is dropped, and who is disconnected."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from sockudo_tx.interfaces import ChainedSinks
from sockudo_tx.transports.slowness import CONTROL_ALLOWANCE, SlowConsumers
from sockudo_tx.transports.turn import CHUNK

from .outbox_case import OutboxCase


class SlowTests(OutboxCase):
    """A peer that does not read."""

    def test_nothing_lost_within_limits(self) -> None:
        """What was queued while the peer slept arrives in order once it reads, and direct sending resumes."""
        box, expected = self.blocked()
        for number in range(900):
            frame = b"%04d" % number * 100
            expected += frame
            box.push(frame)
            self.end_turn()
        self.assertEqual(self.pair.read_all(), expected)
        self.assertFalse(box.blocked)
        self.assertIsNone(self.pair.transport.producer)
        self.assertEqual(self.pair.reactor.writers, set())
        box.push(b"direct")
        self.end_turn()
        self.assertEqual(self.pair.read(), b"direct")

    def test_frames_that_build_upon_each_other(self) -> None:
        """Behind the first of a turn that is dropped none is queued, though there be room; each is counted."""
        box, expected = self.blocked()
        self.slow.max_bytes = box.waiting[1] + 1000
        audience = ChainedSinks((box,))
        first = b"1" * 980
        for frame in (first, b"2" * 30, b"3" * 5):
            self.turn.broadcast(audience, frame)
        self.end_turn()
        self.assertEqual(self.slow.dropped, 2)
        for frame in (b"4" * 5, b"5" * 30, b"6" * 5):
            self.turn.broadcast(audience, frame)
        self.turn.settle()
        self.assertEqual(self.slow.dropped, 4)
        self.assertEqual(self.pair.read_all(), expected + first + b"4" * 5)

    def test_frames_that_do_not(self) -> None:
        """Each is judged by itself."""
        box, expected = self.blocked()
        self.slow.max_bytes = box.waiting[1] + 1000
        first = b"1" * 980
        for frame in (first, b"2" * 30, b"3" * 5):
            self.turn.broadcast((box,), frame)
        self.end_turn()
        self.assertEqual(self.slow.dropped, 1)
        self.assertEqual(self.pair.read_all(), expected + first + b"3" * 5)

    def test_pushed_while_draining(self) -> None:
        """A frame pushed while the queue drains does not overtake it."""
        box, expected = self.blocked()
        received = b""
        for number in range(200):
            frame = b"%05d" % number * 400
            expected += frame
            box.push(frame)
            received += self.pair.read()
            self.pair.step()
            self.end_turn()
        self.assertEqual(received + self.pair.read_all(), expected)

    def test_chunks(self) -> None:
        """A wire that is free again is given no more than 64 KiB in one turn, but a long frame whole."""
        box, _ = self.blocked()
        for size in (30_000, 30_000, 30_000, 100_000, 10):
            box.push(b"x" * size)
        written: list[int] = []
        real = self.pair.transport.write
        self.pair.transport.write = lambda data: (written.append(len(data)), real(data))[1]  # type: ignore[method-assign,func-returns-value]
        self.pair.read_all()
        self.assertEqual(written, [60_000, 30_000, 100_010 - 10, 10])

    def test_smaller_chunks(self) -> None:
        """With `max_backpressure` no more than that is handed over at once, and still a long frame whole."""
        box, _ = self.blocked(SlowConsumers(self.clock, 1000, None, 25_000))
        for size in (10_000, 10_000, 10_000, 30_000, 10):
            box.push(b"x" * size)
        written: list[int] = []
        real = self.pair.transport.write
        self.pair.transport.write = lambda data: (written.append(len(data)), real(data))[1]  # type: ignore[method-assign,func-returns-value]
        self.pair.read_all()
        self.assertEqual(written, [20_000, 10_000, 30_000, 10])

    def test_never_larger_chunks(self) -> None:
        """A larger `max_backpressure` does not make more of it: everything handed over is memory that nobody bounds."""
        self.assertEqual(SlowConsumers(self.clock, 1000, None, 1 << 20).at_once, CHUNK)

    def test_drops_ordinary(self) -> None:
        """Beyond max_messages new events are dropped and counted; those queued arrive."""
        box, expected = self.blocked(self.limits(max_messages=10))
        for number in range(15):
            box.push(b"%02d" % number)
        self.assertEqual((self.slow.dropped, self.slow.disconnected), (5, 0))
        self.assertEqual(self.pair.read_all(), expected + b"00010203040506070809")
        box.push(b"again")
        self.end_turn()
        self.assertEqual(self.pair.read(), b"again")

    def test_drops_by_bytes(self) -> None:
        """Beyond max_bytes too; one message is always taken into an empty queue."""
        box, expected = self.blocked(self.limits(max_bytes=10))
        for frame in (b"x" * 50, b"y", b"z"):
            box.push(frame)
        self.assertEqual(self.slow.dropped, 2)
        self.assertEqual(self.pair.read_all(), expected + b"x" * 50)

    def test_bytes_exactly(self) -> None:
        """A queue may be filled to max_bytes exactly."""
        box, expected = self.blocked(self.limits(max_bytes=10))
        for frame in (b"aaaaa", b"bbbbb", b"c"):
            box.push(frame)
        self.assertEqual((self.slow.dropped, self.pair.read_all()), (1, expected + b"aaaaabbbbb"))

    def test_first_limit_counts(self) -> None:
        """With both limits, whichever is reached first."""
        box, _ = self.blocked(self.limits(max_messages=3, max_bytes=1000))
        for _ in range(4):
            box.push(b"x")
        self.assertEqual(self.slow.dropped, 1)
        self.pair.read_all()
        box, _ = self.blocked(self.limits(max_messages=3, max_bytes=10))
        for _ in range(3):
            box.push(b"x" * 6)
        self.assertEqual(self.slow.dropped, 2)

    def test_default_limit(self) -> None:
        """Without limits a queue holds 1000 messages."""
        for none in (None, 0):
            box, _ = self.blocked(self.limits(none, none))
            for _ in range(1001):
                box.push(b"x")
            self.assertEqual(self.slow.dropped, 1)
            self.pair.read_all()

    def test_no_message_limit(self) -> None:
        """With only max_bytes there is no limit of messages."""
        box, _ = self.blocked(self.limits(None, 1_000_000))
        for _ in range(5000):
            box.push(b"x")
        self.assertEqual(self.slow.dropped, 0)

    def test_control_beyond_the_limits(self) -> None:
        """Replies and presence messages are never dropped: 64 go beyond the limits, one more ends the connection."""
        box, expected = self.blocked(self.limits(max_messages=5))
        for _ in range(5):
            box.push(b"event")
        for number in range(CONTROL_ALLOWANCE):
            box.push_control(b"%02d" % number)
        box.push(b"event")
        self.assertEqual((self.slow.dropped, box.errors), (1, []))
        box.push_control(b"one too many")
        self.assertEqual([error.code for error in box.errors], [4100])
        self.assertEqual(self.slow.disconnected, 1)
        self.assertEqual(self.pair.read_all(), expected + b"<error><close>")

    def test_allowance_comes_back(self) -> None:
        """A client that catches up gets its allowance back."""
        box, _ = self.blocked(self.limits(max_messages=5))
        for _ in range(3):
            for _ in range(5):
                box.push(b"event")
            for _ in range(CONTROL_ALLOWANCE):
                box.push_control(b"reply")
            self.assertEqual(box.errors, [])
            self.pair.read_all()
            box.push(b"0" * 200_000)
            self.end_turn()
            self.assertTrue(box.blocked)

    def test_disconnects(self) -> None:
        """With disconnect_on_buffer_full the first message too many discards the queue and says why."""
        box, expected = self.blocked(self.limits(max_messages=10, disconnect=True))
        for _ in range(10):
            box.push(b"event")
        self.assertEqual(box.errors, [])
        box.push(b"event")
        box.push(b"event")
        (error,) = box.errors
        self.assertEqual(
            (error.code, error.text), (4100, "Client buffer full (message limit: 10), disconnecting slow consumer")
        )
        self.assertEqual((self.slow.dropped, self.slow.disconnected), (0, 1))
        self.assertEqual(self.pair.read_all(), expected + b"<error><close>")

    def test_disconnects_by_bytes(self) -> None:
        """The byte limit is told with the size of the message that broke it."""
        box, _ = self.blocked(self.limits(max_bytes=100, disconnect=True))
        box.push(b"x" * 90)
        box.push_control(b"y" * 20)
        self.assertEqual(
            box.errors[0].text,
            "Client buffer full (byte limit: 100, message size: 20 bytes), disconnecting slow consumer",
        )

    def test_last_is_always_taken(self) -> None:
        """The last frame is queued whatever the limits, and nothing after it."""
        box, expected = self.blocked(self.limits(max_messages=1))
        box.push(b"1")
        box.push_last(b"2")
        box.push(b"3")
        box.push_control(b"4")
        self.assertEqual(self.pair.read_all(), expected + b"12")
        self.assertIsNone(self.pair.transport.producer)

    def test_lose_when_drained(self) -> None:
        """The connection of a slow peer is closed when everything queued has been sent, not before."""
        box, expected = self.blocked()
        box.push(b"x" * 100_000)
        self.assertFalse(box.lose())
        box.push(b"late")
        self.assertEqual(self.pair.read_all(), expected + b"x" * 100_000)
        self.pair.step()
        self.assertFalse(hasattr(self.pair.transport, "socket"))

    def test_lost_while_blocked(self) -> None:
        """A connection lost with a queue empties it."""
        box, _ = self.blocked()
        box.push(b"x")
        self.pair.transport.connectionLost(Failure(ConnectionDone()))
        self.assertEqual((box._frames, box.blocked), ([], False))
        box.push(b"y")
        self.assertEqual(self.scheduled, [])

    def test_lost_before_it_blocks(self) -> None:
        """A send that fails on a connection that is gone registers nothing and keeps nothing."""
        box = self.box()
        box.push(b"x")
        self.pair.transport.connectionLost(Failure(ConnectionDone()))
        self.end_turn()
        self.assertEqual((box._frames, self.pair.transport.producer), ([], None))

    @example([[9, 30], [1, 22]], (None, 60), False, 2)
    @given(
        st.lists(st.lists(st.sampled_from((1, 9, 22, 30)), min_size=1, max_size=6), min_size=1, max_size=8),
        st.sampled_from(((5, None), (None, 60), (4, 60), (1, 1))),
        st.booleans(),
        st.integers(0, 10),
    )
    def test_together(
        self, turns: list[list[int]], limits: tuple[int | None, int | None], disconnect: bool, last: int
    ) -> None:
        """Frames that come together are kept, dropped, counted and mentioned as if each had come by itself."""
        outcomes = []
        for together in (True, False):
            self.setUp()
            box, _ = self.blocked(self.limits(*limits, disconnect=disconnect))
            for number, sizes in enumerate(turns):
                frames = [b"%d" % number * size for size in sizes]
                if number == last:
                    box.push_last(b"<last>")
                if together:
                    box.push_together(frames)
                else:
                    for frame in frames:
                        box.push(frame)
                self.clock.advance(4)
            told = [error.text for error in box.errors]
            outcomes.append((box._frames, box._size, self.slow.dropped, self.slow.disconnected, told, box._logged_at))
            self.pair.close()
        self.assertEqual(*outcomes)

    def test_log(self) -> None:
        """Dropping is mentioned once per connection and ten seconds."""
        from twisted.logger import globalLogPublisher

        events: list[Any] = []
        observer: Any = events.append
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        box, _ = self.blocked(self.limits(max_messages=1))
        said = []
        for _ in range(3):
            for _ in range(5):
                box.push(b"x")
            said.append(len(events))
            self.clock.advance(10)
        self.assertEqual(said, [1, 2, 3])
