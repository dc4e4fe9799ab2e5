"""The hub's end of the link to one worker."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..backends.hub import wire
from ..backends.hub.end import End
from ..backends.hub.wire import Calls, GroupState, Hello, Kind, Question, WireError
from ..interfaces import BackendError, Due

if TYPE_CHECKING:
    from .exchange import Exchange

__all__ = ["UNSENT_AT_MOST", "Station", "StationEvents"]

UNSENT_AT_MOST = 64 * 1024 * 1024
"""Bytes that wait for a worker that does not read; with more it counts as hung (scaling.md 7.3)."""
_FRAME = int(Kind.FRAME)


class StationEvents(Protocol):
    """What whoever started the worker learns from its link."""

    def ready(self, station: Station) -> None:
        """It serves."""

    def leaving(self, station: Station) -> None:
        """It drains; perhaps nobody here has asked it to."""

    def gone(self, station: Station) -> None:
        """The link has ended; `station.left` tells whether the worker had said goodbye."""

    def overflowing(self, station: Station) -> None:
        """It does not read what it is sent. The link is cut behind this."""


class _Result(NamedTuple):
    """A reply before it is written."""

    ok: bool
    value: Any


class Station(End):
    """Does what its worker asks, in order, and is where the exchange puts what the worker has subscribed to.

    A worker that says what it cannot have meant is cut, and costs nobody else anything.
    """

    def __init__(self, exchange: Exchange, slot: int, events: StationEvents) -> None:
        super().__init__(exchange.soon)
        self.slot = slot
        self.node = ""
        """Empty until the worker has said who it is."""
        self.pid = 0
        self.is_ready = False
        self.draining = False
        """It was told to leave, or does by itself."""
        self.left = False
        """It said goodbye."""
        self.nodes: list[str] = []
        """Every id it has had."""
        self.telling: Sequence[Due] = ()
        """Totals it was given to tell; it has told them when it asks for the next."""
        self.topics: set[bytes] = set()
        self.unsent_at_most = UNSENT_AT_MOST
        self._exchange = exchange
        self._events = events
        self._methods: dict[str, Callable[..., Any]] = {}
        self._asked: dict[int, Deferred[bytes]] = {}
        self._pinged: dict[int, Deferred[None]] = {}
        self._number = 0
        self._heard: dict[int, Callable[[bytes], None]] = {
            Kind.CALLS: self._calls,
            Kind.READY: self._ready,
            Kind.ANSWER: self._answer,
            Kind.PONG: self._pong,
            Kind.LEAVING: self._leaving,
            Kind.PASS: self._pass,
            Kind.BYE: self._bye,
        }

    def __str__(self) -> str:
        return f"worker {self.slot}, process {self.pid}"

    # For whoever started the worker

    def ping(self) -> Deferred[None]:
        """Fires when the worker has answered; never when it goes."""
        self._number += 1
        pinged: Deferred[None] = Deferred()
        self._pinged[self._number] = pinged
        self.send(wire.numbered(Kind.PING, self._number))
        return pinged

    def ask(self, what: str) -> Deferred[bytes]:
        """What the worker has in `answers`, whenever it comes. Fails with `BackendError` when it has none, or goes."""
        self._number += 1
        number = self._number

        def forget(_: object) -> None:
            """Whoever asked has given up."""
            self._asked.pop(number, None)

        answer: Deferred[bytes] = Deferred(forget)
        self._asked[number] = answer
        self.say(Kind.ASK, wire.encode(Question(number, what)))
        return answer

    @property
    def questions(self) -> int:
        """Those that somebody waits for."""
        return len(self._asked)

    def tell_state(self, state: GroupState) -> None:
        self.say(Kind.STATE, wire.encode(state))

    def drain(self, last: bool = False) -> None:
        """Have the worker leave; `last`: all do, and nobody comes after them."""
        self.draining = True
        self.say(Kind.DRAIN, wire.encode(last))
        self._exchange.elect()

    def hurry(self) -> None:
        """Have it leave now."""
        self.draining = True
        self.say(Kind.HURRY)
        self._exchange.elect()

    def tell(self, what: str, value: object = None) -> None:
        """Something of a service, for the driver that hears this."""
        self.say(Kind.TELL, wire.encode((what, value)))

    # What the link's end asks of us

    def dataReceived(self, data: bytes) -> None:
        self._exchange.read(super().dataReceived, data)

    def heard(self, kind: int, data: bytes) -> None:
        if kind == _FRAME:
            self._exchange.relay(self, data)
            return
        if kind == Kind.HELLO and not self.node:
            self._hello(data)
            return
        heard = self._heard.get(kind)
        if heard is None or not self.node:
            raise WireError(f"a message of kind {kind}, which is not expected")
        heard(data)

    def crowded(self) -> None:
        self.unsent_at_most = sys.maxsize  # told once
        self._log.error("{worker} does not read what it is sent: its link is cut", worker=str(self))
        self._events.overflowing(self)
        self.cut()

    def ended(self, reason: str) -> None:
        self.is_ready = False
        asked, self._asked = self._asked, {}
        self._pinged.clear()
        try:
            self._exchange.leave(self)
        finally:
            self._events.gone(self)
        for answer in asked.values():
            if not answer.called:
                answer.errback(BackendError(f"{self} is gone"))

    # What the worker says

    def _hello(self, data: bytes) -> None:
        hello = wire.decode(memoryview(data)[wire.HEADER :], Hello)
        if hello.slot != self.slot or not hello.node:
            raise WireError(f"worker {hello.slot} on the link of {self.slot}, node {hello.node!r}")
        self.node, self.pid = hello.node, hello.pid
        self._methods = self._exchange.join(self)
        self.say(Kind.WELCOME, wire.encode(self._exchange.welcome()))

    def _ready(self, _: bytes) -> None:
        if not self.is_ready:
            self.is_ready = True
            self._exchange.elect()
            self._events.ready(self)

    def _pass(self, _: bytes) -> None:
        """Behind what is sent to others now: they have it before whoever waits for the answer goes on."""
        self._exchange.soon(self._passed)

    def _passed(self) -> None:
        self.say(Kind.PASSED)

    def _leaving(self, _: bytes) -> None:
        self.draining = True
        self._exchange.elect()
        self._events.leaving(self)

    def _bye(self, _: bytes) -> None:
        self.left = True

    def _pong(self, data: bytes) -> None:
        pinged = self._pinged.pop(wire.number(data)[0], None)
        if pinged is not None and not pinged.called:
            pinged.callback(None)

    def _answer(self, data: bytes) -> None:
        number, rest = wire.number(data)
        asked = self._asked.pop(number, None)
        if asked is None:
            return
        if rest[:1] == b"\1":
            asked.callback(rest[1:])
        else:
            asked.errback(BackendError(f"{self} has no answer"))

    # Calls

    def _calls(self, data: bytes) -> None:
        first, calls = wire.decode(memoryview(data)[wire.HEADER :], Calls)
        results: list[_Result] = []
        for number, call in enumerate(calls, first):
            result = self._do(call)
            if isinstance(result.value, Deferred):
                self._reply(first, results)
                first, results = number + 1, []
                self._reply_later(number, result.value)
            else:
                results.append(result)
        self._reply(first, results)

    def _do(self, call: list[Any]) -> _Result:
        try:
            return _Result(True, self._methods[call[0]](*call[1:]))
        except BackendError as error:
            return _Result(False, str(error))
        except Exception:  # noqa: BLE001  # whatever one worker asks, the others are served
            self._log.failure("{worker} asked for what cannot be done: {call}", worker=str(self), call=str(call[:1]))
            return _Result(False, "the hub cannot do this")

    def _reply_later(self, number: int, answer: Deferred[Any]) -> None:
        def failed(failure: Failure) -> None:
            if not failure.check(BackendError):
                self._log.failure("a call of {worker} failed", failure, worker=str(self))
            self._reply(number, [_Result(False, failure.getErrorMessage())])

        answer.addCallbacks(lambda value: self._reply(number, [_Result(True, value)]), failed)  # type: ignore[unused-awaitable]

    def _reply(self, first: int, results: list[_Result]) -> None:
        if not results:
            return
        try:
            self.say(Kind.REPLIES, wire.encode((first, results)))
        except WireError as error:
            if len(results) > 1:
                for number, result in enumerate(results, first):
                    self._reply(number, [result])
            else:
                self._reply(first, [_Result(False, f"an answer that {error}")])
