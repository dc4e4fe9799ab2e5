"""A client event in and one receiver out, beside the echo of a bare Autobahn server."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from typing import NamedTuple

from ..harness.client import Talker, masked
from ..harness.figure import Figure, Plan, Reading, at_most, reading
from ..harness.process import Child, python
from ..harness.stats import ratio
from ..harness.windows import interleave

__all__ = ["FIGURE"]

_PAIRS = 20
_ROUNDS = 20


class _Pair(NamedTuple):
    """Who sends, who hears of it (the sender itself where the server echoes), and what comes out."""

    sender: socket.socket
    receiver: socket.socket
    frame: bytes
    size: int


def _frame(channel: str) -> bytes:
    text = json.dumps({"event": "client-bench", "channel": channel, "data": "x" * 200}, separators=(",", ":"))
    return masked(text.encode())


def _relayed(subject: Child, number: int) -> _Pair:
    channel = f"private-bench-{number}"
    sender, receiver = Talker(subject.port), Talker(subject.port)
    sender.subscribe(channel)
    receiver.subscribe(channel)
    frame = _frame(channel)
    sender.socket.sendall(frame)
    return _Pair(sender.socket, receiver.socket, frame, len(receiver.read()) + 4)


def _echoed(subject: Child, number: int) -> _Pair:
    talker = Talker(subject.port)
    frame = _frame(f"private-bench-{number}")
    talker.socket.sendall(frame)
    return _Pair(talker.socket, talker.socket, frame, len(talker.read()) + 4)


def _window(subject: Child, pairs: Sequence[_Pair]) -> float:
    """Microseconds of CPU per message; of each pair one message is under way."""
    began = subject.settled()
    for _ in range(_ROUNDS):
        for pair in pairs:
            pair.sender.sendall(pair.frame)
        for pair in pairs:
            if len(pair.receiver.recv(pair.size, socket.MSG_WAITALL)) != pair.size:
                raise ConnectionError("a receiver was cut off")
    return (subject.settled() - began) / 1000 / (_ROUNDS * len(pairs))


def _take(plan: Plan) -> Sequence[Reading]:
    with Child("server", python("server")) as ours, Child("Autobahn", python("autobahn_bare")) as bare:
        relayed = [_relayed(ours, number) for number in range(_PAIRS)]
        echoed = [_echoed(bare, number) for number in range(_PAIRS)]
        found = interleave(
            {
                "ours": lambda: _window(ours, relayed),
                "bare": lambda: _window(bare, echoed),
                "ours 1": lambda: _window(ours, relayed[:1]),
                "bare 1": lambda: _window(bare, echoed[:1]),
            },
            plan.seconds(12),
            plan.tell,
            warm=4,
        )
    return (
        reading(
            "client-event",
            f"client event in, one receiver out ÷ bare Autobahn echo, CPU, {_PAIRS} pairs",
            ratio(found["ours"], found["bare"]),
            at_most(1.0, 0.7),
            "µs a message",
            theirs="Autobahn",
        ),
        reading(
            "client-event-single",
            "the same, one pair",
            ratio(found["ours 1"], found["bare 1"]),
            at_most(1.0, 0.7),
            "µs a message",
            theirs="Autobahn",
        ),
    )


FIGURE = Figure("client-event", "client event in, one receiver out ÷ bare Autobahn echo", _take)
