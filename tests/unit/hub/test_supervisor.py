"""Slots and their workers, on a clock; the processes are real ones of the test's own making."""

from __future__ import annotations

import signal
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial import unittest

from sockudo_tx.config.load import load
from sockudo_tx.hub.process import WorkerEvents, WorkerProcess
from sockudo_tx.hub.rolling import Rolling
from sockudo_tx.hub.supervisor import Supervisor
from sockudo_tx.listening import ListenError


class Lines:
    """What a worker printed."""

    last = "its last words"

    def received(self, data: bytes) -> None: ...

    def ended(self) -> None: ...


class Link:
    """The hub's end of a link: notes what the worker is told."""

    left = False

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.told: list[str] = []
        self.pings: list[Deferred[None]] = []

    def ping(self) -> Deferred[None]:
        self.pings.append(Deferred())
        return self.pings[-1]

    def drain(self, last: bool = False) -> None:
        self.told.append("last" if last else "drain")

    def hurry(self) -> None:
        self.told.append("hurry")

    def close(self) -> None:
        self.told.append("close")


class Worker(WorkerProcess):
    """A worker whose process is the test."""

    def __init__(self, slot: int, clock: Clock, events: WorkerEvents) -> None:
        super().__init__(slot, clock, events, Lines())
        self.signals: list[int] = []
        self.link: Any = Link(self)
        self.station = self.link
        self.transport: Any = self
        self.connectionMade()

    def signalProcess(self, number: int) -> None:
        if self.has_ended:
            raise ProcessExitedAlready
        self.signals.append(number)

    def serves(self) -> None:
        self.ready(self.link)

    def ends(self, status: int = 0) -> None:
        self.link.left = True
        self.gone(self.link)
        self.processEnded(Failure(ProcessTerminated(status) if status else ProcessDone(0)))


class SupervisorCase(unittest.TestCase):
    """Three slots"""

    def setUp(self) -> None:
        self.clock = Clock()
        self.loaded = load(None, {}, "/nowhere")
        self.started: list[tuple[Worker, Any]] = []
        self.failures: list[str] = []
        self.full = False
        """No process can be started."""
        self.supervisor = Supervisor(self.clock, self.spawn, 3, self.loaded, lambda: None, self.failures.append)
        self.rolling = Rolling(self.supervisor)

    def spawn(self, slot: int, loaded: Any, events: WorkerEvents) -> WorkerProcess:
        if self.full:
            raise ListenError("this machine is full")
        self.started.append((Worker(slot, self.clock, events), loaded))
        return self.started[-1][0]

    @property
    def newest(self) -> Worker:
        return self.started[-1][0]

    def serve(self) -> list[Worker]:
        """Start it; its workers, all ready."""
        self.supervisor.start()
        workers = [worker for worker, _ in self.started]
        for worker in workers:
            worker.serves()
        return workers

    def keeps_ending(self, worker: Worker, times: int = 6) -> None:
        """This one, and those that follow it."""
        for _ in range(times):
            worker.ends(1)
            self.wait(4)
            worker = self.newest
            if not worker.has_ended:
                worker.serves()

    def wait(self, seconds: int) -> None:
        self.clock.pump([1.0] * seconds)


class EndTests(SupervisorCase):
    """Workers that end"""

    def test_another_one_comes(self) -> None:
        """A tenth of a second after an end that nobody asked for, the slot has another worker."""
        workers = self.serve()
        workers[1].ends(1)
        self.assertEqual(len(self.started), 3)
        self.clock.advance(0.1)
        self.assertEqual(self.newest.slot, 1)
        self.assertFalse(self.failures)

    def test_one_that_leaves_is_followed_at_once(self) -> None:
        """A worker that drains by itself has a follower while it does, and its end brings no second one."""
        workers = self.serve()
        workers[0].leaving(workers[0].link)
        self.clock.advance(0.1)
        self.assertEqual(len(self.started), 4)
        workers[0].ends()
        self.wait(10)
        self.assertEqual(len(self.started), 4)

    def test_not_ready_in_time(self) -> None:
        """One that does not get ready is asked where it is, ended, and followed."""
        self.serve()[2].ends(1)
        self.clock.advance(0.1)
        late = self.newest
        self.wait(60)
        self.assertEqual(late.signals, [signal.SIGABRT])
        self.wait(2)
        self.assertEqual(late.signals, [signal.SIGABRT, signal.SIGKILL])

    def test_answers(self) -> None:
        """One that answers its pings is left alone; one that does not for ten seconds is ended."""
        workers = self.serve()
        for _ in range(30):
            self.clock.advance(1.0)
            for worker in workers[:2]:
                if not worker.link.pings[-1].called:
                    worker.link.pings[-1].callback(None)
        self.assertEqual([worker.signals for worker in workers[:2]], [[], []])
        self.assertEqual(workers[2].signals, [signal.SIGABRT, signal.SIGKILL])

    def test_looks_that_are_not_punctual(self) -> None:
        """A look a moment too early, as clocks of reactors have it, does not leave one that hangs for a second more."""
        workers = self.serve()
        self.clock.advance(1.004)  # asked
        self.wait(9)
        self.assertEqual(workers[0].signals, [])
        self.clock.advance(0.998)
        self.assertEqual(workers[0].signals, [signal.SIGABRT])

    def test_late_itself(self) -> None:
        """Whoever was held up itself, on a machine that slept, gives everybody time to answer."""
        workers = self.serve()
        self.clock.advance(1.0)
        self.clock.advance(600.0)
        self.assertEqual([worker.signals for worker in workers], [[], [], []])
        self.wait(10)
        self.assertEqual(workers[0].signals, [signal.SIGABRT])

    def test_link_without_process(self) -> None:
        """A worker without its link is of no use to anybody: it is ended if it does not end by itself."""
        worker = self.serve()[0]
        worker.gone(worker.link)
        self.wait(1)
        self.assertEqual(worker.signals, [signal.SIGABRT])

    def test_goodbye_without_an_end(self) -> None:
        """One that has left, and whose process stays, is ended: a reload would wait for it for ever."""
        worker = self.serve()[0]
        worker.link.left = True
        worker.gone(worker.link)
        self.wait(9)
        self.assertEqual(worker.signals, [])
        self.wait(3)
        self.assertEqual(worker.signals, [signal.SIGABRT, signal.SIGKILL])

    def test_last_words_are_heard(self) -> None:
        """The link of a process that has ended is read to its end; only if it has none, because somebody else holds it,
        it is closed."""
        first, second, _ = self.serve()
        for worker in (first, second):
            worker.processEnded(Failure(ProcessDone(0)))
        self.assertEqual((first.link.told, second.link.told), ([], []))
        first.gone(first.link)
        self.wait(2)
        self.assertEqual((first.link.told, second.link.told), ([], ["close"]))

    def test_first_ones_fail(self) -> None:
        """When no first worker gets ready, there is no second."""
        self.supervisor.start()
        for worker, _ in list(self.started):
            worker.ends(1)
        self.assertEqual(self.failures, ["its last words"])
        self.wait(10)
        self.assertEqual(len(self.started), 3)

    def test_slow_start_of_one(self) -> None:
        """As long as one of the first may still get ready, nothing is lost."""
        self.supervisor.start()
        first, second, third = (worker for worker, _ in self.started)
        first.ends(1)
        second.ends(1)
        third.serves()
        self.assertFalse(self.failures)
        self.assertTrue(self.supervisor.started)


class GivenUpTests(SupervisorCase):
    """Slots whose workers keep ending"""

    def test_one(self) -> None:
        """The others go on, and a reload that gets it going makes it one like the others."""
        workers = self.serve()
        self.keeps_ending(workers[0])
        self.assertEqual((self.supervisor.empty, self.failures), ((0,), []))
        self.assertIn("worker 1 of 3 keeps ending", self.supervisor.trouble)
        self.wait(60)
        self.assertEqual(len(self.started), 8)
        self.rolling.roll(self.loaded)
        self.newest.serves()
        self.assertEqual((self.supervisor.empty, self.supervisor.trouble), ((), ""))

    def test_all(self) -> None:
        """Without any there is no point in going on."""
        for worker in self.serve():
            self.assertEqual(self.failures, [])
            self.keeps_ending(worker)
        self.assertEqual(self.failures, ["every worker keeps ending"])


class DrainTests(SupervisorCase):
    """The end of all"""

    def test_last(self) -> None:
        """All are told that nobody comes after them, nobody is started any more, and the last end is the end."""
        workers = self.serve()
        workers[1].ends(1)
        over = self.supervisor.drain()
        self.assertEqual([worker.link.told for worker in (workers[0], workers[2])], [["last"], ["last"]])
        workers[0].ends()
        self.assertNoResult(over)
        workers[2].ends()
        self.successResultOf(over)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.wait(10)
        self.assertEqual(len(self.started), 3)

    def test_hurry(self) -> None:
        """Who is told to hurry and does not, is ended."""
        worker = self.serve()[0]
        self.supervisor.drain()
        self.supervisor.hurry()
        self.assertEqual(worker.link.told, ["last", "hurry"])
        self.wait(1)
        self.assertEqual(worker.signals, [signal.SIGKILL])

    def test_who_still_starts(self) -> None:
        """A worker that is not ready has nobody to drain: SIGTERM will do."""
        self.supervisor.start()
        over = self.supervisor.drain()
        for worker, _ in self.started:
            self.assertEqual(worker.signals, [signal.SIGTERM])
            worker.ends(1)
        self.successResultOf(over)
        self.assertFalse(self.failures)


class RollingTests(SupervisorCase):
    """SIGHUP"""

    def test_one_at_a_time(self) -> None:
        """The next slot's turn comes when the one before has a new worker and the old one has ended."""
        workers = self.serve()
        new = load(None, {}, "/elsewhere")
        rolled = self.rolling.roll(new)
        for slot, old in enumerate(workers):
            self.assertEqual(len(self.started), 4 + slot)
            self.assertIs(self.started[-1][1], new)
            self.assertEqual(old.link.told, [])
            self.newest.serves()
            self.assertEqual(old.link.told, ["drain"])
            self.assertEqual(len(self.started), 4 + slot)
            old.ends()
        self.assertTrue(self.successResultOf(rolled))

    def test_first_fails(self) -> None:
        """When the first new one ends, the old ones go on, and later starts are with the old settings."""
        workers = self.serve()
        rolled = self.rolling.roll(load(None, {}, "/elsewhere"))
        self.newest.ends(1)
        self.assertFalse(self.successResultOf(rolled))
        self.assertIs(self.supervisor.loaded, self.loaded)
        self.wait(10)
        self.assertEqual([worker.link.told for worker in workers], [[], [], []])
        self.assertEqual(len(self.started), 4)

    def test_earlier_ends_are_forgotten(self) -> None:
        """Somebody has changed something: ends of before do not make a slot be given up."""
        self.keeps_ending(self.serve()[0], 5)
        self.rolling.roll(self.loaded)
        self.newest.serves()
        self.newest.ends(1)
        self.assertEqual(self.supervisor.empty, ())

    def test_one_that_is_starting(self) -> None:
        """It has the old settings: it is asked to leave, and one with the new ones takes its place."""
        self.serve()[0].ends(1)
        self.clock.advance(0.1)
        starting = self.newest
        self.rolling.roll(self.loaded)
        self.assertEqual((starting.signals, len(self.started)), ([signal.SIGTERM], 5))
        starting.ends()
        self.wait(10)
        self.assertEqual(len(self.started), 5)

    def test_no_process_can_be_started(self) -> None:
        """Who serves goes on, and nobody is started beside it later."""
        self.serve()
        self.full = True
        self.assertFalse(self.successResultOf(self.rolling.roll(self.loaded)))
        self.full = False
        self.wait(10)
        self.assertEqual(len(self.started), 3)

    def test_start_that_was_due(self) -> None:
        """A slot that was about to get another worker gets one, with the new settings."""
        self.serve()[0].ends(1)
        new = load(None, {}, "/elsewhere")
        self.rolling.roll(new)
        self.wait(10)
        self.assertEqual([loaded for _, loaded in self.started[3:]], [new])

    def test_second_fails(self) -> None:
        """When a later one fails the new settings have proved themselves: who starts from now on has them."""
        workers = self.serve()
        new = load(None, {}, "/elsewhere")
        rolled = self.rolling.roll(new)
        self.newest.serves()
        workers[0].ends()
        self.newest.ends(1)
        self.assertFalse(self.successResultOf(rolled))
        self.assertIs(self.supervisor.loaded, new)

    def test_old_one_crashes_meanwhile(self) -> None:
        """The one that is coming is the one that follows."""
        workers = self.serve()
        rolled = self.rolling.roll(self.loaded)
        workers[0].ends(1)
        self.wait(1)
        self.assertEqual(len(self.started), 4)
        self.newest.serves()
        self.assertEqual(self.newest.slot, 1)
        self.assertNoResult(rolled)

    def test_drained_meanwhile(self) -> None:
        """An end of all ends the round."""
        workers = self.serve()
        rolled = self.rolling.roll(self.loaded)
        over = self.supervisor.drain()
        self.assertFalse(self.successResultOf(rolled))
        for worker in [*workers, self.newest]:
            worker.ends()
        self.successResultOf(over)
        self.assertEqual(len(self.started), 4)

    def test_asked_thrice(self) -> None:
        """What is asked for during a round is one more, with the newest settings."""
        workers = self.serve()
        first = self.rolling.roll(self.loaded)
        second, third = (self.rolling.roll(load(None, {}, f"/{name}")) for name in "ab")
        for _ in range(2):
            for slot in range(3):
                new = self.newest
                new.serves()
                workers[slot].ends()
                workers[slot] = new
        for rolled in (first, second, third):
            self.assertTrue(self.successResultOf(rolled))
        self.assertEqual(len(self.started), 9)
