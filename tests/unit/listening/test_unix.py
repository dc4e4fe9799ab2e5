"""The file of a Unix socket: who may open it, what may be in its place, when it goes."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import tempfile
import threading
from pathlib import Path

from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor
from twisted.trial import unittest

from sockudo_tx.listening import ListenError, UnixListener, unix
from sockudo_tx.listening.unix import LONGEST_PATH


class UnixCase(unittest.TestCase):
    """A folder with a short name, and listeners in it"""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "s.sock"

    def listener(self, path: Path | str | None = None, mode: int = 0o660) -> UnixListener:
        listener = UnixListener(MemoryReactor(), Factory(), str(path or self.path), mode)
        self.addCleanup(listener.stopService)
        return listener

    def mode(self, path: Path | None = None) -> int:
        return stat.S_IMODE((path or self.path).stat().st_mode)

    def refusal(self, path: Path | str | None = None) -> str:
        with self.assertRaises(ListenError) as caught:
            self.listener(path).open()
        text = str(caught.exception)
        self.assertIn("UNIX_SOCKET_PATH", text)
        return text

    def stale(self) -> None:
        """A socket that nobody listens on, as a killed server leaves it."""
        with socket.socket(socket.AF_UNIX) as gone:
            gone.bind(str(self.path))


class LifeTests(UnixCase):
    """From open to stop"""

    def test_exact_mode(self) -> None:
        """The file has exactly the mode that was asked for, whatever the umask, which is left as it was."""
        for umask in (0, 0o022, 0o077, 0o777):
            for mode in (0o660, 0o600, 0o777, 0o666, 0o007):
                before = os.umask(umask)
                try:
                    listener = self.listener(mode=mode)
                    listener.open()
                    self.assertEqual(self.mode(), mode, oct(umask))
                finally:
                    self.assertEqual(os.umask(before), umask)
                self.successResultOf(listener.stopService())

    def test_never_wider(self) -> None:
        """The file is made with its mode; it is not changed afterwards, when somebody may have looked already."""
        self.patch(os, "chmod", None)
        self.listener(mode=0o600).open()
        self.assertEqual(self.mode(), 0o600)

    def test_listens(self) -> None:
        """Clients can connect from `open` on, and not after the stop, when the file is gone."""
        listener = self.listener()
        listener.open()
        listener.open()  # twice is once
        self.assertEqual(listener.address.url("http"), f"unix:{self.path}")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.path))
        self.successResultOf(listener.stopService())
        self.assertFalse(self.path.exists())
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_gone_already(self) -> None:
        """Somebody removed the file: stopping is no trouble."""
        listener = self.listener()
        listener.open()
        self.path.unlink()
        self.successResultOf(listener.stopService())

    def test_not_ours_any_more(self) -> None:
        """What somebody else put in its place stays."""
        listener = self.listener()
        listener.open()
        self.path.rename(self.folder / "moved")
        self.stale()
        self.successResultOf(listener.stopService())
        self.assertTrue(self.path.is_socket())

    def test_folder_renamed(self) -> None:
        """The file is removed where it is now: a process may also change its root."""
        inner = self.folder / "inner"
        listener = self.listener(inner / "s.sock")
        listener.open()
        inner.rename(self.folder / "renamed")
        self.successResultOf(listener.stopService())
        self.assertEqual(list((self.folder / "renamed").iterdir()), [])

    def test_no_descriptors_left(self) -> None:
        """A stopped or refused listener holds no descriptor."""
        before = len(os.listdir("/proc/self/fd"))
        listener = self.listener()
        listener.open()
        self.refusal()
        self.successResultOf(listener.stopService())
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)

    def test_given_away(self) -> None:
        """The user and group that twistd goes on as own the file, and the folder if we made it."""
        if os.getuid():
            raise unittest.SkipTest("needs root")
        listener = self.listener(self.folder / "made" / "s.sock")
        listener.open()
        listener.give_to(1234, 2345)
        for place in (self.folder / "made", self.folder / "made" / "s.sock"):
            self.assertEqual((place.stat().st_uid, place.stat().st_gid), (1234, 2345))
        self.assertEqual(self.folder.stat().st_uid, 0)
        self.assertEqual(self.mode(self.folder / "made" / "s.sock"), 0o660)


class FolderTests(UnixCase):
    """Where the file is"""

    def test_made_with_parents(self) -> None:
        """Missing folders are made with mode 755 whatever the umask, and stay."""
        before = os.umask(0o077)
        self.addCleanup(os.umask, before)
        listener = self.listener(self.folder / "a" / "b" / "s.sock")
        listener.open()
        self.assertEqual((self.mode(self.folder / "a"), self.mode(self.folder / "a" / "b")), (0o755, 0o755))
        self.successResultOf(listener.stopService())
        self.assertTrue((self.folder / "a" / "b").is_dir())

    def test_there_already(self) -> None:
        """A folder that was there keeps its mode."""
        self.folder.chmod(0o700)
        self.listener().open()
        self.assertEqual(self.mode(self.folder), 0o700)

    def test_not_a_folder(self) -> None:
        """A file where the folder should be is named."""
        (self.folder / "file").write_text("mine")
        self.assertIn("folder", self.refusal(self.folder / "file" / "s.sock"))
        self.assertIn("folder", self.refusal(self.folder / "file" / "deeper" / "s.sock"))


class PlaceTests(UnixCase):
    """What may be at the path already"""

    def test_C89_stale_socket(self) -> None:
        """A socket nobody answers on is replaced."""
        self.stale()
        self.listener().open()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.path))

    def test_C89_live_socket(self) -> None:
        """Somebody listens: refused, and it goes on listening, at the same file; even with a full queue."""
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(self.path))
            other.listen(0)
            before = self.path.stat().st_ino
            clients = [socket.socket(socket.AF_UNIX) for _ in range(3)]
            for client in clients:
                self.addCleanup(client.close)
                client.setblocking(False)
                client.connect_ex(str(self.path))
                self.assertIn("another program listens", self.refusal())
            self.assertEqual(self.path.stat().st_ino, before)

    def test_C89_datagram_socket(self) -> None:
        """So is a live socket of another kind."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.bind(str(self.path))
            self.refusal()
        self.assertTrue(self.path.is_socket())

    def test_C89_other_files(self) -> None:
        """A file, a folder and a link, wherever it leads, are never removed."""
        self.path.write_text("mine")
        self.assertIn("not a socket", self.refusal())
        self.assertEqual(self.path.read_text(), "mine")
        self.path.unlink()
        self.path.mkdir()
        self.refusal()
        self.path.rmdir()
        self.stale()
        link = self.folder / "link"
        link.symlink_to(self.path)
        self.refusal(link)
        self.assertTrue(link.is_symlink())

    def test_long_path(self) -> None:
        """A path no client could connect to is refused in words; the longest one works."""
        room = LONGEST_PATH - len(str(self.folder)) - 1
        self.assertIn(str(LONGEST_PATH), self.refusal(self.folder / ("x" * (room + 1))))
        self.listener(self.folder / ("x" * room)).open()

    def test_relative_path(self) -> None:
        """A relative path and a folder are refused: the server changes its folder when it becomes a daemon."""
        self.refusal("s.sock")
        self.refusal(f"{self.folder}/")
        self.refusal("@abstract")


class RaceTests(UnixCase):
    """Servers that start at the same time"""

    def test_waits(self) -> None:
        """Who comes while another server is between its look and its socket waits, and not for ever."""
        self.patch(unix, "_LOCK_PATIENCE", 0.0)
        folder = os.open(self.folder, os.O_RDONLY)
        self.addCleanup(os.close, folder)
        fcntl.flock(folder, fcntl.LOCK_EX)
        self.assertIn("lock", self.refusal())
        fcntl.flock(folder, fcntl.LOCK_UN)
        self.listener().open()

    def test_one_wins(self) -> None:
        """Of servers that start together over a stale socket one listens and the others are refused."""
        for _ in range(20):
            self.stale()
            listeners = [self.listener() for _ in range(4)]
            refused: list[str] = []

            def start(listener: UnixListener, refused: list[str] = refused) -> None:
                try:
                    listener.open()
                except ListenError as error:
                    refused.append(str(error))

            threads = [threading.Thread(target=start, args=(listener,)) for listener in listeners]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(len(refused), 3, refused)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(self.path))
            for listener in listeners:
                self.successResultOf(listener.stopService())


class StrangerTests(UnixCase):
    """As a user who may not do everything"""

    def as_nobody(self) -> None:
        """Go on without root's privileges until the test ends."""
        if os.getuid():
            raise unittest.SkipTest("needs root, to give it up")
        self.addCleanup(os.seteuid, 0)
        os.seteuid(65534)

    def test_folder_of_another(self) -> None:
        """A folder we may not write in, or not even look into, is named with what to do."""
        self.folder.chmod(0o755)
        self.as_nobody()
        self.assertIn("must be able to write in the folder", self.refusal())
        self.assertIn("folder cannot be used", self.refusal(self.folder / "deeper" / "s.sock"))
        os.seteuid(0)
        self.folder.chmod(0o700)
        os.seteuid(65534)
        self.refusal()
        self.refusal(self.folder / "deeper" / "s.sock")

    def test_socket_of_another(self) -> None:
        """A socket of somebody else, live or stale, stays where we may not try or remove it."""
        self.folder.chmod(0o1777)
        self.stale()
        self.path.chmod(0o777)
        self.as_nobody()
        self.assertIn("cannot be removed", self.refusal())
        os.seteuid(0)
        self.path.chmod(0o600)
        os.seteuid(65534)
        self.assertIn("may not try", self.refusal())
        self.assertTrue(self.path.is_socket())

    def test_folder_that_cannot_be_listed(self) -> None:
        """To write in the folder is enough."""
        self.folder.chmod(0o733)
        self.as_nobody()
        listener = self.listener()
        listener.open()
        self.successResultOf(listener.stopService())
        os.seteuid(0)
        self.assertFalse(self.path.exists())
