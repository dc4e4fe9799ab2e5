"""Keeps W slots filled with workers: starts, replaces, gives up, ends.

Of each slot there are at most three processes: the one that serves (`current`), the one that is to follow it
(`coming`), and those that drain (`leaving`). All have the same listening sockets, so a client never meets a closed
port. Source: scaling.md 7.3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ..config.load import Loaded
from ..listening import ListenError
from .process import WorkerEvents, WorkerProcess
from .restarts import Restarts

__all__ = ["Slot", "Spawn", "Supervisor"]

Spawn = Callable[[int, Loaded, WorkerEvents], WorkerProcess]
_PING = 1.0
_LATE = 3.0
"""Seconds between two looks at the workers after which we ourselves were held up."""


class Slot:
    """The place of one worker."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.current: WorkerProcess | None = None
        self.coming: WorkerProcess | None = None
        self.leaving: set[WorkerProcess] = set()
        self.restarts = Restarts()
        self.empty = False
        """Given up: its workers keep ending."""
        self.due: IDelayedCall | None = None
        """The next start, after a wait."""
        self.replacing: Deferred[bool] | None = None
        """Told whether the one that is coming got ready."""

    def __iter__(self) -> Iterator[WorkerProcess]:
        """Every process there is."""
        yield from (worker for worker in (self.current, self.coming) if worker is not None)
        yield from tuple(self.leaving)


class Supervisor:
    """`changed` is called when a slot was filled or given up; `failed` once, when there is no point in going on."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        spawn: Spawn,
        workers: int,
        loaded: Loaded,
        changed: Callable[[], None],
        failed: Callable[[str], None],
    ) -> None:
        self.slots = [Slot(number) for number in range(workers)]
        self.loaded = loaded
        """What workers are started with from now on."""
        self.draining = False
        self._clock = clock
        self._spawn = spawn
        self._changed = changed
        self._failed = failed
        self._served = False
        """A worker has been ready once, so the machine and the configuration can do it."""
        self._looked_at = clock.seconds()
        self._looking = LoopingCall(self._look)
        self._looking.clock = clock

    @property
    def restarts(self) -> int:
        """Workers that have ended and nobody had asked them to."""
        return sum(slot.restarts.count for slot in self.slots)

    @property
    def started(self) -> bool:
        """Whether somebody serves, and every slot has been tried."""
        return self._served and all(slot.current or slot.restarts.count or slot.empty for slot in self.slots)

    @property
    def empty(self) -> tuple[int, ...]:
        """The slots that were given up."""
        return tuple(slot.number for slot in self.slots if slot.empty)

    @property
    def trouble(self) -> str:
        """Why a prober should look at us; empty when all is well."""
        if not self.empty:
            return ""
        names = ", ".join(str(number + 1) for number in self.empty)
        one = len(self.empty) == 1
        return f"worker{'' if one else 's'} {names} of {len(self.slots)} keep{'s' if one else ''} ending, see the log"

    def workers(self) -> Iterator[WorkerProcess]:
        """Every process there is."""
        for slot in self.slots:
            yield from slot

    def start(self) -> None:
        """Fill every slot."""
        self._looked_at = self._clock.seconds()
        looking = self._looking.start(_PING, now=False)
        looking.addErrback(lambda failure: self._log.failure("nobody looks after the workers", failure))  # type: ignore[unused-awaitable]
        for slot in self.slots:
            self._begin(slot)

    def replace(self, slot: Slot) -> Deferred[bool]:
        """Start another worker; when it is ready, the one there is drains. Whether it got ready."""
        self._cancel(slot)
        if slot.coming is not None:  # of an older configuration
            slot.coming.leave()
            slot.leaving.add(slot.coming)
            slot.coming = None
        slot.replacing = Deferred()
        replaced = slot.replacing
        self._begin(slot)
        return replaced

    def drain(self) -> Deferred[None]:
        """Ask everybody to end; fires when the last one has."""
        self.draining = True
        for slot in self.slots:
            self._cancel(slot)
            self._tell_replacing(slot, False)
        for worker in list(self.workers()):
            worker.leave(last=True)
        return self.over()

    def over(self) -> Deferred[None]:
        """Fires when every process has ended."""
        over: Deferred[None] = DeferredList(
            [worker.over() for worker in self.workers()], consumeErrors=True
        ).addCallback(self._stopped)
        return over

    def hurry(self) -> None:
        """Whoever is still there ends now."""
        for worker in list(self.workers()):
            worker.hurry()

    # what workers tell

    def worker_ready(self, worker: WorkerProcess) -> None:
        slot = self.slots[worker.slot]
        if slot.coming is not worker:  # overtaken by another one, and asked to leave
            return
        before, slot.current, slot.coming = slot.current, worker, None
        self._served = True
        slot.empty = False
        if before is not None:
            slot.leaving.add(before)
            before.leave()
        self._log.info(
            "worker {worker} of {workers} is ready",
            worker=worker.slot + 1,
            workers=len(self.slots),
            worker_pid=worker.pid,
        )
        self._tell_replacing(slot, True)
        self._changed()

    def worker_leaving(self, worker: WorkerProcess) -> None:
        slot = self.slots[worker.slot]
        self._log.warn("worker {worker} is shutting down by itself", worker=worker.slot + 1, worker_pid=worker.pid)
        self._out(slot, worker)
        slot.leaving.add(worker)

    def worker_ended(self, worker: WorkerProcess) -> None:
        slot = self.slots[worker.slot]
        if worker in slot.leaving:
            slot.leaving.discard(worker)
            self._log.info("worker {worker} {how}", worker=worker.slot + 1, how=worker.how, worker_pid=worker.pid)
            return
        log = self._log.info if worker.is_leaving else self._log.error
        log("worker {worker} {how}", worker=worker.slot + 1, how=worker.how, worker_pid=worker.pid)
        self._out(slot, worker)

    def _out(self, slot: Slot, worker: WorkerProcess) -> None:
        """It serves nobody any more, or never did."""
        if slot.current is worker:
            slot.current = None
        elif slot.coming is worker:
            slot.coming = None
        else:
            return
        if self.draining:
            return
        if slot.current is not None:  # which goes on, with the configuration it has
            self._tell_replacing(slot, False)
            return
        if slot.coming is None:
            self._start_again(slot, worker.lines.last or f"{worker.name} {worker.how}")
            self._tell_replacing(slot, False)
        self._changed()

    # starting

    def _begin(self, slot: Slot) -> None:
        slot.due = None
        try:
            slot.coming = self._spawn(slot.number, self.loaded, self)
        except ListenError as error:
            self._log.error("{reason}", reason=str(error))
            if slot.current is None:
                self._start_again(slot, str(error))
            self._tell_replacing(slot, False)
            self._changed()

    def _start_again(self, slot: Slot, why: str) -> None:
        wait = slot.restarts.ended(self._clock.seconds())
        if not self._served and all(slot.restarts.count and slot.coming is None for slot in self.slots):
            self._fail(why)
        elif wait is None:
            slot.empty = True
            self._log.critical("worker {worker} keeps ending and is not started again", worker=slot.number + 1)
            if all(slot.empty for slot in self.slots):
                self._fail("every worker keeps ending")
        else:
            slot.due = self._clock.callLater(wait, self._begin, slot)

    def _fail(self, why: str) -> None:
        self.draining = True
        for slot in self.slots:
            self._cancel(slot)
        self._failed(why)

    def _cancel(self, slot: Slot) -> None:
        due, slot.due = slot.due, None
        if due is not None:
            due.cancel()

    def _tell_replacing(self, slot: Slot, succeeded: bool) -> None:
        replacing, slot.replacing = slot.replacing, None
        if replacing is not None:
            replacing.callback(succeeded)

    # looking after them

    def _look(self) -> None:
        now = self._clock.seconds()
        late, self._looked_at = now - self._looked_at > _LATE, now
        for worker in list(self.workers()):
            worker.look(late)

    def _stopped(self, _: object) -> None:
        if self._looking.running:
            self._looking.stop()
