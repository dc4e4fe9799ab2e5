"""What a signal asks for, first, second and third."""

from __future__ import annotations

import os
import signal
import threading

from twisted.internet.testing import MemoryReactor
from twisted.trial import unittest

from sockudo_tx.signals import hold_reloads, take_over


class _Immediate(MemoryReactor):
    def callFromThread(self, function: object, *arguments: object) -> None:
        assert callable(function)
        function(*arguments)


class SignalTests(unittest.TestCase):
    """`take_over` (configuration.md 8.6, scaling.md 10)."""

    def setUp(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.asked: list[str] = []
        take_over(
            _Immediate(),
            lambda: self.asked.append("drain"),
            lambda: self.asked.append("hurry"),
            lambda: self.asked.append("reload"),
        )

    def test_first_and_second(self) -> None:
        """The first drains, the second hurries, whichever of the two it is."""
        os.kill(os.getpid(), signal.SIGINT)
        self.assertEqual(self.asked, ["drain"])
        os.kill(os.getpid(), signal.SIGTERM)
        self.assertEqual(self.asked, ["drain", "hurry"])

    def test_hang_up(self) -> None:
        """SIGHUP reloads, as often as it comes."""
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)
        self.assertEqual(self.asked, ["reload", "reload"])

    def test_hang_up_while_starting(self) -> None:
        """A reload that is asked for before there is a server is done when there is one."""
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        hold_reloads()
        self.addCleanup(signal.pthread_sigmask, signal.SIG_UNBLOCK, {signal.SIGHUP})
        signal.pthread_kill(threading.get_ident(), signal.SIGHUP)  # threads of other tests do not hold it back
        take_over(_Immediate(), lambda: None, lambda: None, lambda: self.asked.append("reload"))
        self.assertEqual(self.asked, ["reload"])

    def test_third(self) -> None:
        """After the second the system's own reaction is back: a third kills a process that hangs."""
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        self.assertIs(signal.getsignal(signal.SIGTERM), signal.SIG_DFL)
