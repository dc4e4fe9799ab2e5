"""A reactor that stands still is noticed, told and remembered."""

from __future__ import annotations

import threading

from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.watchdog import MEMORY, Beats, Watchdog


class BeatsTests(SynchronousTestCase):
    """`Beats`: when a gap between two beats is a stall."""

    def setUp(self) -> None:
        self.beats = Beats(5.0, 100.0)

    def test_regular(self) -> None:
        """Beats at their interval, and one that is a little late, are no trouble."""
        for now in (101.0, 102.0, 106.9):
            self.assertIsNone(self.beats.beat(now))
        self.assertIsNone(self.beats.trouble(111.8))

    def test_stall(self) -> None:
        """A prober hears of a stall for half a minute after its end, and of the longest one."""
        self.assertEqual(self.beats.beat(107.0), 7.0)
        self.assertEqual(self.beats.beat(112.5), 5.5)
        self.assertEqual(self.beats.trouble(113.0), "stalled for 7.0 s lately")
        for second in range(113, 113 + int(MEMORY)):
            self.beats.beat(float(second))
        self.assertIsNone(self.beats.trouble(112.5 + MEMORY))

    def test_asked_first(self) -> None:
        """A prober that is answered before the beat that is due hears of the stall all the same."""
        self.assertTrue(self.beats.late(105.1))
        self.assertEqual(self.beats.trouble(105.1), "stalled for 5.1 s")

    def test_off(self) -> None:
        """A limit of 0 watches nothing."""
        beats = Beats(0.0, 100.0)
        self.assertIsNone(beats.beat(1000.0))
        self.assertIsNone(beats.trouble(9000.0))


class WatchdogTests(SynchronousTestCase):
    """`Watchdog`: the thread and the reactor together."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.now = 100.0
        self.watchdog = Watchdog(self.reactor, 0.04, lambda: self.now)

    def start(self) -> None:
        self.watchdog.startService()
        self.addCleanup(self.watchdog.stopService)
        self.reactor.run()

    def test_thread_tells_where(self) -> None:
        """While the reactor stands still the log says where, once; when it turns again, for how long it stood."""
        told = threading.Event()
        with capturedLogs() as events:
            self.start()
            self.now += 1.0
            for _ in range(500):
                if [event for event in events if "stands still" in event["log_format"]]:
                    break
                told.wait(0.01)
            told.wait(5 * self.watchdog.beats.interval)  # time to say it again
            self.reactor.advance(0.01)
        (during, after) = [event for event in events if event["log_level"].name == "error"]
        self.assertIn("test_thread_tells_where", during["where"])
        self.assertEqual(after["seconds"], 1.0)
        self.assertEqual(self.watchdog.trouble(), "stalled for 1.0 s lately")

    def test_stopped(self) -> None:
        """A stopped one leaves neither a timer nor a thread, and no trouble."""
        self.start()
        self.watchdog.stopService()
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        for thread in threading.enumerate():
            if thread.name == "sockudo watchdog":
                thread.join(5)
                self.assertFalse(thread.is_alive())
        self.now += 10
        self.assertIsNone(self.watchdog.trouble())

    def test_starting_is_no_stall(self) -> None:
        """What happens before the reactor runs does not count."""
        self.watchdog.startService()
        self.addCleanup(self.watchdog.stopService)
        self.now += 60
        self.reactor.run()
        self.assertIsNone(self.watchdog.trouble())
