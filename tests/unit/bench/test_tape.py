"""Clients that share a tape find exactly the faults that each would find alone, however their reads are cut."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from sockudo_tx.bench import plans
from sockudo_tx.bench import tape as tapes
from sockudo_tx.bench.audit import Audit, Sent, Verdicts
from sockudo_tx.bench.client import Client
from sockudo_tx.bench.frames import Messages
from sockudo_tx.bench.group import Group
from sockudo_tx.bench.loop import Loop
from sockudo_tx.bench.payload import Marker
from sockudo_tx.bench.target import Target
from sockudo_tx.bench.wire import Dialer

EVENTS = 12
TARGET = Target(host="127.0.0.1", port=1, app_id="a", key="k", secret="s")
# What a client reads besides events: a Pong frame and a message of another kind.
ASIDES = (b"\x8a\x02hi", b'\x81\x13{"event":"another"}')
# For one client: what is lost, doubled, swapped with the next, and preceded by something that is no event.
FAULTS = st.lists(
    st.tuples(st.integers(0, EVENTS - 2), st.sampled_from(["lose", "double", "swap", "aside"])), max_size=3
)


def streams(marker: Marker) -> list[tuple[bytes, int]]:
    """Which event is which one of which of two streams."""
    return [(marker.stream(0, number % 2), number // 2) for number in range(EVENTS)]


def frame(marker: Marker, number: int) -> bytes:
    """The frame of an event; every third one is long."""
    stream, serial = streams(marker)[number]
    data = marker.data(stream, serial, number, 200 if number % 3 == 0 else 70)
    payload = b'{"event":"bench","data":"%s"}' % data.encode()
    size = len(payload)
    head = bytes((0x81, size)) if size < 126 else b"\x81\x7e" + size.to_bytes(2, "big")
    return head + payload


def order(faults: Sequence[tuple[int, str]]) -> list[int]:
    """The events as one client gets them; -1 and -2 are the asides."""
    numbers = list(range(EVENTS))
    for place, fault in faults:
        place = min(place, len(numbers) - 2)
        if fault == "lose":
            del numbers[place]
        elif fault == "double":
            numbers.insert(place, numbers[place])
        elif fault == "swap":
            numbers[place], numbers[place + 1] = numbers[place + 1], numbers[place]
        else:
            numbers.insert(place, -1 - place % 2)
    return numbers


class TapeTests(unittest.TestCase):
    """Several clients of one channel."""

    def group(self, clients: int) -> Group:
        """A group of subscribed clients without connections."""
        plan = plans.Group(name="g", count=clients, channels=("c",), rate=1.0)  # opens none by itself
        group = Group(Dialer(Loop(), TARGET), plan, Marker(), range(clients), 1)
        group.watch([plans.Window("delivery", 0, EVENTS // 2)])
        for number in range(clients):
            client = Client(group, number, 0)
            client.be_subscribed(Messages())
            group.clients.append(client)
        return group

    @given(st.lists(FAULTS, min_size=1, max_size=3), st.lists(st.integers(1, 700), min_size=1, max_size=8))
    def test_same_verdicts_as_alone(self, faults: list[list[tuple[int, str]]], sizes: list[int]) -> None:
        """Lost, doubled and disordered events are found for each client, and every event is timed in its window."""
        group = self.group(len(faults))
        marker = group.marker
        orders = [order(each) for each in faults]
        texts = [b"".join(frame(marker, n) if n >= 0 else ASIDES[-1 - n] for n in numbers) for numbers in orders]
        turn = 0
        while any(texts):
            client = turn % len(texts)
            size = sizes[turn % len(sizes)]
            if texts[client]:
                group.clients[client].received(texts[client][:size])
                texts[client] = texts[client][size:]
            turn += 1
        sent = {stream: Sent(serial + 1) for stream, serial in streams(marker)}
        for client, numbers in zip(group.clients, orders, strict=True):
            alone = Audit(frozenset({0}))
            for number in numbers:
                if number >= 0:
                    alone.take(*streams(marker)[number])
            self.assertEqual(client.verdicts(sent), alone.finish(sent))
        events = [number for numbers in orders for number in numbers if number >= 0]
        self.assertEqual(group.fold(), len(events))
        early = sum(1 for number in events if number < EVENTS // 2)
        self.assertEqual(group.latencies["delivery"].count if early else 0, early)

    def test_all_on_one_tape(self) -> None:
        """Clients without faults are parsed once, and one with a fault goes on alone."""
        group = self.group(3)
        text = b"".join(frame(group.marker, number) for number in range(EVENTS))
        for client in group.clients[:2]:
            client.received(text)
        group.clients[2].received(text[len(frame(group.marker, 0)) :])
        self.assertEqual([client.tape is not None for client in group.clients], [True, True, False])

    def test_long_tape(self) -> None:
        """What all have read is cut off; a client that is far behind goes on alone and has lost nothing."""
        self.patch(tapes, "LENGTH", 300)
        self.patch(tapes, "FURTHEST", 900)
        group = self.group(2)
        fast, slow = group.clients
        text = b"".join(frame(group.marker, number) for number in range(EVENTS))
        first = frame(group.marker, 0)
        slow.received(first)
        for number in range(EVENTS):
            fast.received(frame(group.marker, number))
        assert fast.tape is not None
        self.assertLess(len(fast.tape.text), len(text) / 2)
        self.assertIsNone(slow.tape)
        slow.received(text[len(first) :])
        sent = {stream: Sent(serial + 1) for stream, serial in streams(group.marker)}
        for client in group.clients:
            self.assertEqual(client.verdicts(sent), Verdicts())
