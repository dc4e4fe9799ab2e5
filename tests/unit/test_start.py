"""What a process does for itself before it serves."""

from __future__ import annotations

import gc
import os
import pwd
import resource
from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.process import raise_file_limit, spare_collector
from sockudo_tx.start import give_away


class CollectorTests(SynchronousTestCase):
    """`spare_collector`"""

    def test_frozen(self) -> None:
        """What exists at the start is never looked at again; what comes later is, and its cycles go."""
        self.addCleanup(gc.unfreeze)
        spare_collector()
        self.assertGreater(gc.get_freeze_count(), 10_000)
        cycle: list[object] = []
        cycle.append(cycle)
        del cycle
        self.assertGreaterEqual(gc.collect(), 1)


class FileLimitTests(SynchronousTestCase):
    """`raise_file_limit`"""

    def test_raised(self) -> None:
        """As many files as the system allows."""
        before = soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1024), hard))
        raise_file_limit()
        self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE), (hard, hard))


class GiveAwayTests(SynchronousTestCase):
    """`give_away`"""

    def given(self, uid: int | None, gid: int | None) -> list[tuple[int | None, int | None]]:
        """To whom the server was told to give the files of its sockets."""
        told: list[tuple[int | None, int | None]] = []
        server: Any = SimpleNamespace(give_to=lambda uid, gid: told.append((uid, gid)))
        give_away(server, uid, gid)
        return told

    def test_group_of_the_user(self) -> None:
        """With `--uid` alone twistd takes the user's group, and so do the files."""
        uid = os.getuid()
        self.assertEqual(self.given(uid, None), [(uid, pwd.getpwuid(uid).pw_gid)])
        self.assertEqual(self.given(uid, 7), [(uid, 7)])
        self.assertEqual(self.given(None, 7), [(None, 7)])

    def test_unknown_user(self) -> None:
        """A user nobody knows ends the start, and the message says what to do."""
        with self.assertRaises(SystemExit) as caught:
            self.given(2**31 - 5, None)
        self.assertIn("--gid", str(caught.exception.code))
