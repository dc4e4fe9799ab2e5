"""An authority that may be far away and out of reach, made bearable (scaling.md 9).

What a node takes back, when connections end, never fails and makes nobody wait: it is told later, in order per
channel, in batches, and again until it is told. What a node asks goes at once, unless it has to wait behind something
of the same channel: a socket that leaves and comes back is not removed by its own leaving. The remote authority has to
take calls in the order in which they are made.

    part vacate user_down conn_close   told later
    count                              told later; of several the last
    occupy                             answered when the authority can be reached: its answer is owed to webhooks
    user_up conn_open                  fail at once, and are told later all the same
    join, questions                    fail at once
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ...interfaces import (
    Answer,
    BackendError,
    ChannelCounts,
    Dues,
    IAuthority,
    IAuthorityListener,
    Joined,
    Lease,
    NodeFacts,
    Parted,
    Snapshot,
)
from .backlog import SUM, VALUE, Backlog, BacklogSettings, Entry

__all__ = ["SteadyAuthority"]

MOST = 100_000
"""Changes that are kept; when more wait, all are forgotten, and everything is registered anew."""


@implementer(IAuthority)
class SteadyAuthority:
    """Around a remote authority. `resync` is called when too much waited, which was forgotten.

    What was forgotten are facts that are no more, and registering only adds. So the node has to take another id,
    register everything under it, and then reap the earlier one (`IAuthority.register`).
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        remote: IAuthority,
        settings: BacklogSettings = BacklogSettings(),  # noqa: B008 (an immutable value)
        resync: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._remote = remote
        self._backlog = Backlog(clock, remote, settings, self._keep)
        self.resync = resync
        self._number = 0
        """Makes names of what must not be merged."""
        self._asked: set[str] = set()
        """Facts that were asked for at once and are not answered; without those taken back since."""

    @property
    def epoch(self) -> str:
        epoch: str = self._remote.epoch
        return epoch

    @property
    def backlog(self) -> int:
        """Changes that are not told yet, those under way included."""
        return len(self._backlog)

    @property
    def asked(self) -> Mapping[tuple[str, bool], int]:
        """Calls that have ended, by method, and whether with an answer, if the remote authority counts them."""
        asked: Mapping[tuple[str, bool], int] = getattr(self._remote, "asked", {})
        return asked

    def settled(self, within: float) -> Deferred[None] | None:
        """Fires when everything is told, or after so many seconds; None when it is."""
        settled = self._backlog.settled()
        if settled is None:
            return None
        over: Deferred[None] = Deferred()
        timer = self._clock.callLater(within, over.callback, None)

        def told(_: None) -> None:
            if timer.active():
                timer.cancel()
                over.callback(None)

        settled.addCallback(told)  # type: ignore[unused-awaitable]  # ends here
        return over

    def stop(self) -> None:
        """Tell nothing any more."""
        self._backlog.stop()

    # Told later

    def part(self, app_id: str, channel: str, node: str, socket_id: str) -> Parted:
        lane = _channel(app_id, channel)
        self._later(self._name("part"), lane, "part", (app_id, channel, node, socket_id))
        return Parted(False, 0)

    def vacate(self, app_id: str, channel: str, node: str) -> None:
        lane = _channel(app_id, channel)
        self._asked.discard(_occupy(lane))
        self._backlog.drop(lane, _count(lane))
        occupied = self._backlog.drop(lane, _occupy(lane))
        self._later(f"vacate\0{lane}", lane, "vacate", (app_id, channel, node))
        if occupied is not None and occupied[3] is not None:
            occupied[3].callback(False)  # nobody has heard of it

    def count(
        self,
        app_id: str,
        channel: str,
        node: str,
        subscriptions: int,
        pace: float | None = None,
        newcomer: bool = False,
    ) -> int:
        lane = _channel(app_id, channel)
        name = _count(lane)
        earlier = self._backlog.value(lane, name)
        if earlier is not None:
            newcomer = newcomer or earlier[2][5]
        self._backlog.put_value(name, (lane, "count", (app_id, channel, node, subscriptions, pace, newcomer), None))
        self._bound()
        return subscriptions

    def user_down(self, app_id: str, user_id: str, node: str, socket_id: str) -> bool:
        lane = _user(app_id, user_id)
        self._asked.discard(_up(lane, socket_id))
        self._later(self._name("down"), lane, "user_down", (app_id, user_id, node, socket_id))
        return False

    def conn_close(self, app_id: str, node: str, count: int) -> None:
        lane = _connections(app_id)
        name = f"close\0{lane}\0{node}"
        if self._backlog.under_way(lane, name):
            name = self._name("close")  # it may fail, and must not be lost then
        elif (earlier := self._backlog.waiting(lane, name)) is not None:
            count += earlier[2][2]
        self._later(name, lane, "conn_close", (app_id, node, count))

    # Asked now, or behind what is told later

    def join(
        self, app_id: str, channel: str, node: str, socket_id: str, user_id: str, user_info: str, limit: int
    ) -> Answer[Joined]:
        lane = _channel(app_id, channel)
        return self._ask(lane, "join", (app_id, channel, node, socket_id, user_id, user_info, limit))

    def occupy(self, app_id: str, channel: str, node: str) -> Answer[bool]:
        lane = _channel(app_id, channel)
        self._backlog.drop(lane, f"vacate\0{lane}")
        return self._ask(lane, "occupy", (app_id, channel, node), _occupy(lane), _occupy(lane))

    def user_up(self, app_id: str, user_id: str, node: str, socket_id: str) -> Answer[bool]:
        lane = _user(app_id, user_id)
        return self._ask(lane, "user_up", (app_id, user_id, node, socket_id), fact=_up(lane, socket_id))

    def conn_open(self, app_id: str, node: str, limit: int) -> Answer[bool]:
        return self._ask(_connections(app_id), "conn_open", (app_id, node, limit))

    def counts(self, app_id: str, channel: str) -> Answer[ChannelCounts]:
        lane = _channel(app_id, channel)
        value = self._backlog.value(lane, _count(lane))
        if value is not None:  # first what we know ourselves
            self._backlog.drop(lane, _count(lane))
            self._backlog.put(self._name("count"), value)
        elif self._backlog.under_way(lane, _count(lane)):
            return self._queue(lane, self._name("counts"), "counts", (app_id, channel))
        return self._ask(lane, "counts", (app_id, channel))

    def channels(self, app_id: str, prefix: str) -> Answer[dict[str, ChannelCounts]]:
        self._backlog.hurry()
        answer: Answer[dict[str, ChannelCounts]] = self._remote.channels(app_id, prefix)
        return answer

    # Asked now

    def listen(self, listener: IAuthorityListener) -> None:
        self._remote.listen(listener)

    def lease(self, node: str, ttl: float) -> Answer[Lease]:
        answer: Answer[Lease] = self._remote.lease(node, ttl)
        return answer

    def reap(self, node: str, most: int = 200) -> Answer[int]:
        answer: Answer[int] = self._remote.reap(node, most)
        return answer

    def register(self, node: str, facts: NodeFacts) -> Answer[None]:
        answer: Answer[None] = self._remote.register(node, facts)
        return answer

    def snapshot(self, app_id: str, channel: str) -> Answer[Snapshot]:
        answer: Answer[Snapshot] = self._remote.snapshot(app_id, channel)
        return answer

    def versions(self, channels: Sequence[tuple[str, str]]) -> Answer[list[tuple[str, int]]]:
        answer: Answer[list[tuple[str, int]]] = self._remote.versions(channels)
        return answer

    def online(self, app_id: str, user_ids: Iterable[str]) -> Answer[set[str]]:
        answer: Answer[set[str]] = self._remote.online(app_id, user_ids)
        return answer

    def user_connections(self, app_id: str, user_id: str) -> Answer[int]:
        answer: Answer[int] = self._remote.user_connections(app_id, user_id)
        return answer

    def due(self, most: int = sys.maxsize, final: bool = False) -> Answer[Dues]:
        answer: Answer[Dues] = self._remote.due(most, final)
        return answer

    # How

    def _later(self, name: str, lane: str, method: str, args: tuple[Any, ...]) -> None:
        self._backlog.put(name, (lane, method, args, None))
        self._bound()

    def _ask(self, lane: str, method: str, args: tuple[Any, ...], name: str = "", fact: str = "") -> Answer[Any]:
        """Now, or behind what waits in the lane; what is kept when it fails goes into the lane."""
        name = name or self._name(method)
        if self._backlog.busy(lane):
            return self._queue(lane, name, method, args)
        answer: Answer[Any]
        try:
            answer = getattr(self._remote, method)(*args)
        except BackendError:
            answer = fail()
        if not isinstance(answer, Deferred):
            return answer
        fact = fact or name
        self._asked.add(fact)

        def succeeded(result: Any) -> Any:
            self._asked.discard(fact)
            return result

        def failed(failure: Failure) -> Any:
            taken_back = fact not in self._asked or self._backlog.waiting(lane, name) is not None
            self._asked.discard(fact)
            failure.trap(BackendError)
            who: Deferred[Any] = Deferred()
            kept = self._keep((lane, method, args, who))
            if kept is None or taken_back:
                return failure
            self._backlog.put(name, kept)
            return failure if kept[3] is None else who

        return answer.addCallbacks(succeeded, failed)

    def _queue(self, lane: str, name: str, method: str, args: tuple[Any, ...]) -> Deferred[Any]:
        who: Deferred[Any] = Deferred()
        earlier = self._backlog.waiting(lane, name)
        self._backlog.put(name, (lane, method, args, who))
        if earlier is not None and earlier[3] is not None:
            earlier[3].callback(False)  # who has asked last is told if it is the first
        self._bound()
        return who

    def _keep(self, entry: Entry) -> Entry | None:
        """What is tried again of an entry that has failed; who does not wait in it any more is told of the failure."""
        lane, method, args, who = entry
        if method == "occupy":
            return entry if self._backlog.waiting(lane, f"vacate\0{lane}") is None else None
        if method == "vacate":
            return entry if self._backlog.waiting(lane, _occupy(lane)) is None else None
        if method == "user_up":
            return (lane, method, args, None)
        if method == "conn_open":
            return (lane, method, (*args[:2], 0), None)
        return None if who is not None else entry

    def _bound(self) -> None:
        if len(self._backlog) <= MOST:
            return
        self._log.warn("{size} changes could not be told: everything is registered anew", size=len(self._backlog))
        for _, method, _, who in self._backlog.clear():
            if who is not None:
                who.callback(False if method == "occupy" else Failure(BackendError("too much has to be told first")))
        self.resync()

    def _name(self, method: str) -> str:
        self._number += 1
        return f"{method}\0{self._number}"


def _channel(app_id: str, channel: str) -> str:
    return f"c\0{app_id}\0{channel}"


def _user(app_id: str, user_id: str) -> str:
    return f"u\0{app_id}\0{user_id}"


def _connections(app_id: str) -> str:
    return f"{SUM}\0{app_id}"


def _count(lane: str) -> str:
    return f"{VALUE}{lane}"


def _occupy(lane: str) -> str:
    return f"occupy\0{lane}"


def _up(lane: str, socket_id: str) -> str:
    return f"up\0{lane}\0{socket_id}"
