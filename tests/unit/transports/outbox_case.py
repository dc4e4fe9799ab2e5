"""Outboxes over a real kernel, whose turns end when a test says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.protocol.errors import PeerError
from sockudo_tx.transports.outbox import Outbox
from sockudo_tx.transports.slowness import SlowConsumers
from sockudo_tx.transports.turn import Turn
from sockudo_tx.transports.wire import wire_for

from .kernel import Pair


class Box(Outbox):
    """An outbox that says goodbye to a peer that is too slow."""

    __slots__ = ("errors",)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.errors: list[PeerError] = []

    def too_slow(self, error: PeerError) -> None:
        self.errors.append(error)
        self.push_control(b"<error>")
        self.push_last(b"<close>")


class OutboxCase(SynchronousTestCase):
    """Builds outboxes; a turn ends when a test says so."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.scheduled: list[Callable[[], None]] = []
        self.turn = Turn(self.scheduled.append)
        self.pair = Pair()
        self.addCleanup(self.pair.close)

    def limits(
        self, max_messages: int | None = None, max_bytes: int | None = None, disconnect: bool = False
    ) -> SlowConsumers:
        return SlowConsumers(self.clock, max_messages=max_messages, max_bytes=max_bytes, disconnect=disconnect)

    def box(self, limits: SlowConsumers | None = None) -> Box:
        self.slow = limits or self.limits()
        return Box(wire_for(self.pair.transport), self.turn, self.slow)

    def end_turn(self) -> None:
        scheduled, self.scheduled[:] = self.scheduled[:], []
        for call in scheduled:
            call()

    def blocked(self, limits: SlowConsumers | None = None) -> tuple[Box, bytes]:
        """An outbox whose peer has stopped reading, and what it was sent so far."""
        box = self.box(limits)
        sent = b"0" * 200_000
        box.push(sent)
        self.end_turn()
        self.assertTrue(box.blocked)
        return box, sent
