"""A server with a channel full of sleeping subscribers, and windows of broadcasts to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Self

from .client import Speaks
from .process import Child, ChildError, python
from .whole import WholeServer

__all__ = ["FRAME", "PAUSE", "TURNS", "Fanout"]

TURNS = 3
"""Broadcasts in a window, where each is a turn of its own: many short windows scatter less than few long ones."""

PAUSE = 0.006
"""Seconds after a broadcast to 1,000: long enough for its readers to fall asleep again."""

FRAME = 251
"""Bytes of the frame a broadcast delivers, its header included."""


class Fanout:
    """One subject and its audience, in processes of their own; used with `with`.

    Every subject has an audience of the same program, size and number of processes, so that a send() meets a
    sleeping reader on both sides.
    """

    def __init__(
        self,
        subject: Child | WholeServer,
        size: int,
        *,
        speaks: Speaks = "pusher",
        processes: int = 1,
        tls: bool = False,
        wish: str = "",
    ) -> None:
        self._stack = ExitStack()
        self.subject = subject
        self.size = size
        self._speaks = speaks
        self._processes = processes
        self._more = (*(["tls"] if tls else []), *([wish] if wish else []))
        self._audiences: Sequence[Child] = ()

    def __enter__(self) -> Self:
        try:
            self._stack.enter_context(self.subject)
            share = self.size // self._processes
            command = python("audience", self.subject.port, share, self._speaks, *self._more)
            audiences = [Child("audience", command) for _ in range(self._processes)]
            for each in audiences:  # all have begun to connect
                self._stack.enter_context(each)
            self._audiences = audiences
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def grow(self, size: int, *others: Fanout) -> None:
        """Let in more clients, until there are `size`; of the others too, at the same time."""
        growing = (self, *others)
        for fanout in growing:
            for each in fanout._audiences:
                each.say("more", (size - fanout.size) // fanout._processes)
        for fanout in growing:
            for each in fanout._audiences:
                each.answer(patience=120)
            fanout.size = size

    def received(self, action: Callable[[], int], frames: int) -> int:
        """What `action` returns, once everybody has received so many frames. Raises `ChildError` if they have not."""
        wanted = frames * FRAME * (self.size // self._processes)
        for each in self._audiences:
            each.say("expect", wanted)
        spent = action()
        self._check(wanted)
        return spent

    def heard(self, size: int) -> None:
        """Waits until the clients, all together, have received so many bytes since the last time. Raises `ChildError`
        if they have not, or if it was not the same in each of their processes."""
        for each in self._audiences:
            each.say("expect", size // self._processes)
        self._check(size // self._processes)

    def _check(self, wanted: int) -> None:
        for each in self._audiences:
            if (seen := each.answer()["seen"]) != wanted:
                raise ChildError(f"{self.subject.name}: {seen} of {wanted} bytes arrived")

    def cost(self, action: Callable[[], object], frames: int) -> float:
        """Microseconds of CPU per delivered frame, where `action` makes so many of them for each subscriber."""

        def spend() -> int:
            began = self.subject.settled()
            action()
            return began

        began = self.received(spend, frames)
        return (self.subject.settled() - began) / 1000 / (frames * self.size)

    def window(self, turns: int, pause: float, events: int = 1) -> float:
        """Microseconds of CPU per delivered frame, of `turns` broadcasts of so many events each."""

        subject = self.subject
        assert isinstance(subject, Child)  # one that broadcasts when it is told to

        def broadcast() -> int:
            return int(subject.ask("broadcast", turns, pause, events)["cpu"])

        return self.received(broadcast, turns * events) / 1000 / (turns * events * self.size)
