"""A certificate that changes under a running server."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.transports.certificates import Certificates
from sockudo_tx.transports.tls_context import CertificateError, CertificateFiles
from tests.certificates import Certified, self_signed, sign, write

from .test_tls_context import received
from .tls_peer import TlsPeer

DAY = 86400


class Lines:
    """Takes the place of the logger; notes what it is told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __getattr__(self, level: str) -> Any:
        return lambda form, **values: self.lines.append((level, form.format(**values)))

    def take(self) -> list[tuple[str, str]]:
        found, self.lines = self.lines, []
        return found


class CertificatesCase(SynchronousTestCase):
    """A server with a certificate, watched every ten seconds"""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.clock: Any = Clock()
        self.clock.advance(time.time())
        self.log = Lines()
        self.patch(Certificates, "_log", self.log)
        self.files = self.put("one")
        self.certificates = self.watched()
        self.factory = self.certificates.over(Factory())

    def watched(self, **options: Any) -> Certificates:
        """A started service on our files."""
        found = Certificates(CertificateFiles(*self.files), self.clock, **options)
        found.startService()
        self.addCleanup(found.stopService)
        return found

    def put(self, name: str, valid: tuple[float, float] = (-1, 90)) -> Certified:
        """Certificate and key for this name, where the server looks for them."""
        return write(self.folder, "server", sign(name, names=(name,), valid=valid))

    @property
    def served(self) -> str:
        """Whose certificate a new client gets."""
        (name,) = received(self.factory.context)
        return name

    def later(self) -> list[tuple[str, str]]:
        """The next look; what was logged."""
        self.clock.advance(10)
        return self.log.take()


class WatchTests(CertificatesCase):
    """By looking at the files"""

    def test_quiet(self) -> None:
        """While nothing changes nothing is read, said or replaced: the clients' tickets stay good."""
        before = self.factory.context
        for path in self.files:
            os.chmod(path, 0o400)
        self.later()
        for _ in range(20):
            self.assertEqual(self.later(), [])
        self.assertIs(self.factory.context, before)
        os.utime(self.files.cert)
        self.assertEqual((self.later(), self.factory.context), ([], before))

    def test_renewed(self) -> None:
        """A new pair is used for new connections after the next look, and told with its names and its end."""
        self.put("two")
        ((level, line),) = self.later()
        self.assertEqual((level, self.served, self.certificates.reloads), ("info", "two", 1))
        self.assertIn("two, 127.0.0.1, valid until ", line)
        self.assertEqual(self.later(), [])

    def test_half_written(self) -> None:
        """A certificate whose key comes a moment later is nobody's fault, and nothing is said of it."""
        old_key = Path(self.files.key).read_bytes()
        self.put("two")
        new_key = Path(self.files.key).read_bytes()
        Path(self.files.key).write_bytes(old_key)
        self.assertEqual((self.later(), self.served), ([], "one"))
        Path(self.files.key).write_bytes(new_key)
        self.assertEqual([level for level, _ in self.later()], ["info"])
        self.assertEqual(self.served, "two")

    def test_lasting_fault(self) -> None:
        """What stays wrong is told once, with file and cure; another fault again; the good pair is served all along."""
        Path(self.files.cert).write_text("hello")
        self.assertEqual(self.later(), [])
        ((level, line),) = self.later()
        self.assertEqual(level, "error")
        for words in (self.files.cert, "ssl.cert_path", "PEM", "stays in use"):
            self.assertIn(words, line)
        for _ in range(5):
            self.assertEqual(self.later(), [])
        Path(self.files.cert).unlink()
        self.assertEqual(self.later(), [])
        self.assertIn("No such file", self.later()[0][1])
        self.assertEqual(self.served, "one")
        self.put("two")
        self.assertEqual([level for level, _ in self.later()], ["info"])
        self.put("three")
        Path(self.files.key).unlink()
        self.later()
        self.assertEqual([level for level, _ in self.later()], ["error"])

    def test_as_before(self) -> None:
        """When the files are put back as they were, that is told if the fault was."""
        for looks, told in ((1, []), (3, ["info"])):
            good = Path(self.files.cert).read_bytes()
            Path(self.files.cert).write_text("hello")
            for _ in range(looks):
                self.later()
            Path(self.files.cert).write_bytes(good)
            self.assertEqual([level for level, _ in self.later()], told)
            self.assertEqual((self.later(), self.certificates.reloads), ([], 0))

    def test_links(self) -> None:
        """A link that points elsewhere is a change: certbot moves links to the files, Kubernetes one to their folder."""
        for name in ("2026", "2027"):
            write(self.folder / name, "tls", sign(name))
        (self.folder / "data").symlink_to("2026")
        (self.folder / "tls.crt").symlink_to("data/tls.crt")
        (self.folder / "tls.key").symlink_to("data/tls.key")
        self.files = Certified(str(self.folder / "tls.crt"), str(self.folder / "tls.key"))
        self.factory = self.watched().over(Factory())
        self.assertEqual(self.served, "2026")
        (self.folder / "new").symlink_to("2027")
        (self.folder / "new").rename(self.folder / "data")
        self.later()
        self.assertEqual(self.served, "2027")
        for suffix in ("crt", "key"):
            (self.folder / "new").symlink_to(f"2026/tls.{suffix}")
            (self.folder / "new").rename(self.folder / f"tls.{suffix}")
        self.later()
        self.assertEqual(self.served, "2026")

    def test_intermediates(self) -> None:
        """`ca_path` is watched as well, and what is wrong with it told when it is read anew."""
        authority = sign("CA", sign("Root", ca=True), ca=True)
        self.files = write(self.folder, "server", sign("leaf", authority))
        ca = self.folder / "ca.pem"
        certificates = Certificates(CertificateFiles(*self.files, ca_path=str(ca)), self.clock)
        certificates.startService()
        self.addCleanup(certificates.stopService)
        ca.write_bytes(authority.pem)
        self.later()
        self.assertEqual(received(certificates.context), ["leaf", "CA"])
        ca.write_text("hello")
        self.assertIn("ssl.ca_path", self.later()[0][1])
        self.assertEqual(received(certificates.context), ["leaf"])

    def test_only_when_asked(self) -> None:
        """With an interval of 0 the files are read when asked and not before; stopped, nobody looks any more."""
        self.certificates.stopService()
        self.certificates = self.watched(watch_interval=0)
        self.put("two")
        self.clock.advance(3600)
        self.assertEqual(self.certificates.facts.names[0], "one")
        self.assertEqual(len(self.certificates.reload()), 1)
        self.assertEqual(self.certificates.facts.names[0], "two")
        self.certificates.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class ReloadTests(CertificatesCase):
    """By asking"""

    def test_changes(self) -> None:
        """A sentence for what has changed; none, and the same context, when nothing has."""
        before = self.factory.context
        self.assertEqual((self.certificates.reload(), self.factory.context), ([], before))
        self.put("two")
        (change,) = self.certificates.reload()
        self.assertIn(self.files.cert, change)
        self.assertEqual(self.served, "two")

    def test_bad(self) -> None:
        """A pair that cannot be used raises, with file and cure, and changes nothing."""
        before = self.factory.context
        self_signed(self.folder, "other")
        Path(self.files.key).write_bytes((self.folder / "other.key").read_bytes())
        with self.assertRaises(CertificateError) as caught:
            self.certificates.reload()
        self.assertIn(self.files.key, str(caught.exception))
        self.assertIs(self.factory.context, before)

    def test_elsewhere(self) -> None:
        """Other files, as a reloaded configuration names them, are read and watched from then on; bad ones never are."""
        with self.assertRaises(CertificateError):
            self.certificates.reload(CertificateFiles("/nowhere", self.files.key))
        self.put("two")
        self.later()
        self.assertEqual(self.served, "two")
        new = write(self.folder, "locked", sign("locked"), passphrase="sesame")
        with self.assertRaises(CertificateError):
            self.certificates.reload(CertificateFiles(*new))
        self.assertEqual(len(self.certificates.reload(CertificateFiles(*new, "sesame"))), 1)
        write(self.folder, "locked", sign("again"), passphrase="sesame")
        self.later()
        self.assertEqual(self.served, "again")

    def test_under_way(self) -> None:
        """Who has begun a handshake finishes it with the old certificate, and who is there goes on."""
        peer = TlsPeer(clock=None)
        self.addCleanup(peer.close)
        old, peer.server.context = peer.server.context, self.factory.context
        peer.shake_hands()
        peer.say(b"still here")
        self.assertEqual(peer.app.heard, b"still here")
        self.assertIs(peer.tls._tls.context, old)


class DateTests(CertificatesCase):
    """Certificates end"""

    def test_expires_at(self) -> None:
        """When the certificate in use ends, in Unix seconds."""
        self.assertLess(abs(self.certificates.expires_at - self.clock.seconds() - 90 * DAY), 60)
        self.put("two", valid=(-1, 60))
        self.later()
        self.assertLess(abs(self.certificates.expires_at - self.clock.seconds() - 60 * DAY), 60)

    def test_reminder(self) -> None:
        """Once a day, from the warning time on, until it is renewed."""
        self.put("two", valid=(-1, 32.5))
        self.later()
        self.clock.advance(2 * DAY)
        self.assertEqual(self.log.take(), [])
        for words in ("expires in 29 days", "expires in 28 days"):
            self.clock.advance(DAY)
            ((level, line),) = self.log.take()
            self.assertEqual(level, "warn")
            self.assertIn(words, line)
            self.assertIn(self.files.cert, line)
        self.put("three", valid=(-1, 300))
        self.later()
        self.clock.advance(DAY)
        self.assertEqual(self.log.take(), [])

    def test_dates(self) -> None:
        """A certificate that is over, or not valid yet, does not take the place of a good one, but that of another."""
        self.put("two", valid=(-3, -1))
        self.later()
        self.assertIn("has expired", self.later()[0][1])
        self.put("two", valid=(1, 3))
        self.later()
        self.assertIn("not valid before", self.later()[0][1])
        self.assertEqual(self.served, "one")
        self.clock.advance(1.5 * DAY)
        self.later()
        self.assertEqual(self.served, "two")


class KeptTests(CertificatesCase):
    """A process that goes on with what another one has used"""

    def test_files_that_are_broken(self) -> None:
        """The certificate kept is served and the fault told once; the files count again when they are in order."""
        kept = self.certificates.contents
        Path(self.files.cert).write_text("garbage")
        self.certificates.stopService()
        self.certificates = self.watched(kept=kept)
        self.factory = self.certificates.over(Factory())
        self.assertEqual(self.served, "one")
        ((level, line),) = self.log.take()
        self.assertEqual(level, "error")
        self.assertIn("stays in use. ssl.cert_path:", line)
        self.assertEqual(self.later(), [])
        self.put("two")
        self.assertEqual([level for level, _ in self.later()], ["info"])
        self.assertEqual(self.served, "two")

    def test_files_count_first(self) -> None:
        """What is kept is older than what is in files that can be used."""
        kept = self.certificates.contents
        self.put("two")
        self.factory = self.watched(kept=kept).over(Factory())
        self.assertEqual(self.served, "two")
        self.assertEqual(self.log.take(), [])

    def test_contents_are_secret(self) -> None:
        """The key is not in what a log would show."""
        self.assertNotIn("PRIVATE", repr(self.certificates.contents))
