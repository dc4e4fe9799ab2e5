"""A worker's end of its link to the hub (scaling.md 7.3)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from ...interfaces import BackendError
from . import wire
from .end import End
from .unanswered import Unanswered
from .wire import GroupState, Hello, Kind, Question, Replies, Telling, Welcome, WireError

__all__ = ["UNSENT_AT_MOST", "HubLink"]

UNSENT_AT_MOST = 16 * 1024 * 1024
"""Bytes that wait for a hub that does not read; above it the oldest publications go, and calls fail."""
_KEPT = UNSENT_AT_MOST // 4 * 3
_BATCH_AT_MOST = 64 * 1024
"""Bytes of calls sent as one message: the hub does them in one go, while the other workers wait."""
_CALL_AT_MOST = wire.MESSAGE_AT_MOST - 64


def _nothing() -> None: ...


def _unheard(_: str) -> None: ...


class HubLink(End):
    """What a turn asks of the hub, and what it publishes, leaves at its end in that order, in one system call.

    Drivers go through `call`, `publish` and what they enter in `hearers`; the worker itself sets `on_drain`,
    `on_hurry`, `on_lost` and `answers`, and says `ready` when it serves, `leaving` when it drains and `bye` at its end.
    """

    def __init__(
        self, slot: int, pid: int, node: str, clock: IReactorTime, soon: Callable[[Callable[[], None]], object]
    ) -> None:
        super().__init__(soon)
        self.hello = Hello(slot, pid, node)
        self.clock = clock
        self.welcome = Welcome("", False)
        self.welcomed: Deferred[None] = Deferred()
        """Fires when `welcome` is the hub's; never when the hub goes before that."""
        self.state = GroupState()
        self.last = False
        """Set before `on_drain`: all workers leave, nobody does after us what we leave undone."""
        self.answers: dict[str, Callable[[], bytes | Deferred[bytes]]] = {}
        """What the hub may ask of this worker."""
        self.hearers: dict[str, Callable[[msgspec.Raw], None]] = {}
        """Who takes what the hub tells unasked, by its name."""
        self.on_drain: Callable[[], None] = _nothing
        self.on_hurry: Callable[[], None] = _nothing
        self.on_lost: Callable[[str], None] = _unheard
        self.received: Callable[[str, bytes], None] | None = None
        """Takes topic and frame of what others publish."""
        self.losers: list[Callable[[str], None]] = []
        """Called when the link is gone, before anything fails with it."""
        self.dropped = 0
        """Publications that were dropped since the start, because the hub did not read or they were too large."""
        self._stuck = False  # hardly anything of `_out` is a publication
        self._unanswered = Unanswered(clock)
        self._next = 1
        self._passing: list[Deferred[None]] = []  # who waits for what this turn has published
        self._asked_to_pass: deque[list[Deferred[None]]] = deque()  # the same of turns before it
        self._batch: list[msgspec.Raw] = []
        self._batch_size = 0
        self._left = False
        self._heard: Mapping[int, Callable[[bytes], None]] = {
            Kind.FRAME: self._frame,
            Kind.REPLIES: self._replies,
            Kind.TELL: self._told,
            Kind.PING: self._ping,
            Kind.ASK: self._asked,
            Kind.STATE: self._stated,
            Kind.DRAIN: self._drain,
            Kind.HURRY: lambda _: self.on_hurry(),
            Kind.WELCOME: self._welcomed,
            Kind.PASSED: self._passed,
        }

    def __str__(self) -> str:
        return "the hub"

    # The worker's life

    def ready(self) -> None:
        """This worker serves."""
        self.say(Kind.READY)

    def leaving(self) -> None:
        """This worker takes no more clients, and will have left in a while."""
        self.say(Kind.LEAVING)

    def bye(self) -> None:
        """This worker has left: what it still has at the hub is removed as if it had been taken back piece by piece."""
        if self.alive and not self._left:
            self._left = True
            self.complete()
            self.say(Kind.BYE)
            self.close()

    def gather(self, what: str) -> Deferred[list[bytes]]:
        """What every worker that answers within a second answers to this, this one too."""
        return self.call("hub", "gather", list[bytes], what)

    # For drivers

    def call(
        self,
        service: str,
        method: str,
        wanted: Any,
        *args: object,
        late: Callable[[Any], None] | None = None,
        patient: bool = False,
    ) -> Deferred[Any]:
        """Have the hub do this; the answer as the type `wanted`. Fails with `BackendError`.

        `late` gets an answer that nobody waits for any more: the hub has done it all the same. What is `patient` is
        given as long as the link has, and taken however much waits, because nobody could do more about it than wait:
        so whoever is patient bounds what it asks.
        """
        if not self.alive:
            return fail(BackendError("the hub is gone"))
        if self.unsent > UNSENT_AT_MOST and not patient:
            return fail(BackendError("the hub does not take what it is sent"))
        try:
            call = wire.encode((f"{service}.{method}", *args))
        except WireError as error:
            return fail(BackendError(f"{service}.{method} {error}"))
        if len(call) > _CALL_AT_MOST:
            return fail(BackendError(f"{service}.{method} with {len(call)} bytes is too large"))
        if self._batch_size + len(call) > _BATCH_AT_MOST:
            self.complete()
        waiting = self._unanswered.add(self._next, wanted, late, patient)
        self._next += 1
        self._batch.append(msgspec.Raw(call))
        self._batch_size += len(call)
        self.wake()
        return waiting

    def publish(self, topic: str, frame: bytes) -> None:
        """To everybody else who has subscribed. Never waits and never fails."""
        if not self.alive:
            return
        try:
            data = wire.frame_message(topic, frame)
        except WireError as error:
            self.dropped += 1
            self._log.warn("a publication is dropped: {error}", error=str(error))
            return
        if self.unsent + len(data) > UNSENT_AT_MOST and not self._make_room():
            self.dropped += 1
            return
        if self._batch:
            self.complete()
        self.send(data)

    def handed_on(self) -> Deferred[None]:
        """Fires when the hub has passed on all that was published before; those of one turn ask once."""
        if not self.alive:
            return fail(BackendError("the hub is gone"))
        waiting: Deferred[None] = Deferred()
        self._passing.append(waiting)
        self.wake()
        return waiting

    # What the link's end asks of us

    def begun(self) -> None:
        self.say(Kind.HELLO, wire.encode(self.hello))

    def complete(self) -> None:
        batch = self._batch
        if batch:
            self._batch, self._batch_size = [], 0
            self.say(Kind.CALLS, wire.encode((self._next - len(batch), batch)))
        if self._passing:
            self._asked_to_pass.append(self._passing)
            self._passing = []
            self.say(Kind.PASS)

    def heard(self, kind: int, data: bytes) -> None:
        heard = self._heard.get(kind)
        if heard is None:
            raise WireError(f"a message of kind {kind}")
        try:
            heard(data)
        except WireError:
            raise
        except Exception:  # noqa: BLE001  # a mistake over one message must not cost the link, and so the worker
            self._log.failure("what the hub said could not be taken, kind {kind}", kind=kind)

    def ended(self, reason: str) -> None:
        fail_all = self._unanswered.end()
        self._batch.clear()
        passing = [each for some in (*self._asked_to_pass, self._passing) for each in some]
        self._asked_to_pass.clear()
        self._passing.clear()
        if not self._left:
            for lose in self.losers:
                lose(reason)
        self.on_lost(reason)
        gone = BackendError(f"the hub is gone: {reason}")
        fail_all(gone)
        for waiting in passing:
            if not waiting.called:
                waiting.errback(gone)

    def _take_chunk(self) -> bytes:
        self._stuck = False
        return super()._take_chunk()

    def _make_room(self) -> bool:
        """Drop the oldest publications, a quarter of what may wait at once, so that it is not done often."""
        if self._stuck:
            return False
        kept: list[bytes] = []
        unsent = self.unsent
        for data in self._out:
            if unsent > _KEPT and data[4] == Kind.FRAME:
                unsent -= len(data)
                self.dropped += 1
            else:
                kept.append(data)
        self._out[:] = kept
        self.unsent = unsent
        self._stuck = unsent > _KEPT
        return not self._stuck

    # What the hub says

    def _welcomed(self, data: bytes) -> None:
        self.welcome = wire.decode(memoryview(data)[wire.HEADER :], Welcome)
        if not self.welcomed.called:
            self.welcomed.callback(None)

    def _frame(self, data: bytes) -> None:
        if self.received is None:
            return
        self.received(*wire.split_frame(data))

    def _passed(self, data: bytes) -> None:
        if not self._asked_to_pass:
            raise WireError("nobody asked what was passed on")
        for waiting in self._asked_to_pass.popleft():
            if not waiting.called:
                waiting.callback(None)

    def _replies(self, data: bytes) -> None:
        first, replies = wire.decode(memoryview(data)[wire.HEADER :], Replies)
        for number, reply in enumerate(replies, first):
            self._unanswered.answer(number, reply)

    def _told(self, data: bytes) -> None:
        what, value = wire.decode(memoryview(data)[wire.HEADER :], Telling)
        hearer = self.hearers.get(what)
        if hearer is not None:
            hearer(value)

    def _ping(self, data: bytes) -> None:
        self.say(Kind.PONG, data[wire.HEADER :])

    def _drain(self, data: bytes) -> None:
        self.last = wire.decode(memoryview(data)[wire.HEADER :], bool)
        self.on_drain()

    def _stated(self, data: bytes) -> None:
        self.state = wire.decode(memoryview(data)[wire.HEADER :], GroupState)

    def _asked(self, data: bytes) -> None:
        question = wire.decode(memoryview(data)[wire.HEADER :], Question)

        def answered(answer: bytes) -> None:
            self.send(wire.numbered(Kind.ANSWER, question.number, b"\1" + answer))

        def failed(failure: Failure) -> None:
            self._log.failure("the hub asked for {what}", failure, what=question.what)
            self.send(wire.numbered(Kind.ANSWER, question.number, b"\0"))

        answer = self.answers.get(question.what)
        if answer is None:
            self.send(wire.numbered(Kind.ANSWER, question.number, b"\0"))
        else:
            asked: Deferred[bytes] = maybeDeferred(answer)  # type: ignore[call-overload]  # either
            asked.addCallback(answered).addErrback(failed)  # type: ignore[unused-awaitable]
