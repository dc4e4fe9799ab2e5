"""Certificates that clients will refuse, and limits of open files below what the apps allow."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.config.findings import Finding
from sockudo_tx.config.load import Loaded, survey
from sockudo_tx.probes import certificate_findings, file_limit_findings, queue_file_findings, worker_findings
from tests.certificates import self_signed

DAY = 86400.0


def loaded_from(content: dict[str, Any]) -> Loaded:
    """What comes of a file."""

    def read(name: str) -> bytes:
        if name == "/file.json":
            return json.dumps(content).encode()
        raise FileNotFoundError(name)

    return survey("file.json", {}, "/", read=read)


class CertificateTests(SynchronousTestCase):
    """`certificate_findings`"""

    def setUp(self) -> None:
        self.files = self_signed(Path(self.mktemp()))
        Path(self.files.key).chmod(0o600)
        self.loaded = self.with_ssl()
        self.now = Path(self.files.cert).stat().st_mtime

    def with_ssl(self, **more: Any) -> Loaded:
        ssl = {"enabled": True, "cert_path": self.files.cert, "key_path": self.files.key, "expiry_warning_days": 0}
        return loaded_from({"ssl": {**ssl, **more}})

    def at(self, days: float, loaded: Loaded | None = None) -> list[Finding]:
        """What is found so many days from now; the certificate is valid from -1 to 1."""
        return list(certificate_findings(loaded or self.loaded, self.now + days * DAY))

    def test_good(self) -> None:
        """A certificate that clients accept has nothing told of it."""
        self.assertEqual(self.at(0), [])
        self.assertEqual(list(certificate_findings(loaded_from({}), self.now)), [])

    def test_dates(self) -> None:
        """Not yet valid and expired are errors that do not stop the start; soon is a warning."""
        for days, loaded, severity, words in (
            (-2.0, None, "error", "not valid before"),
            (2.0, None, "error", "has expired"),
            (0.0, self.with_ssl(expiry_warning_days=30), "warning", "expires"),
        ):
            (finding,) = self.at(days, loaded)
            self.assertEqual((finding.severity, finding.path, finding.refuses), (severity, "ssl.cert_path", False))
            self.assertIn(words, finding.message)
            self.assertEqual(finding.value, self.files.cert)
            self.assertIn("Renew it", finding.cure)

    def test_C85_missing(self) -> None:
        """A file that is not there refuses, and is named."""
        (finding,) = self.at(0, self.with_ssl(cert_path="/nowhere/server.crt"))
        self.assertTrue(finding.refuses)
        self.assertEqual((finding.path, finding.value), ("ssl.cert_path", "/nowhere/server.crt"))
        self.assertIn("/nowhere/server.crt", finding.message)

    def test_both_missing(self) -> None:
        """What is wrong with the certificate does not hide what is wrong with the key."""
        found = self.at(0, self.with_ssl(cert_path="/nowhere/server.crt", key_path="/nowhere/server.key"))
        self.assertEqual([finding.path for finding in found], ["ssl.cert_path", "ssl.key_path"])
        self.assertTrue(all(finding.refuses for finding in found))

    def test_mismatch(self) -> None:
        """A key that belongs to another certificate refuses."""
        other = self_signed(Path(self.mktemp()), "other")
        (finding,) = self.at(0, self.with_ssl(key_path=other.key))
        self.assertEqual((finding.path, finding.refuses), ("ssl.key_path", True))
        self.assertIn("does not belong", finding.message)

    def test_passphrase(self) -> None:
        """A wrong passphrase refuses and is quoted nowhere."""
        self.files = self_signed(Path(self.mktemp()), passphrase="right")
        (finding,) = self.at(0, self.with_ssl(passphrase="hunter2"))
        self.assertEqual((finding.path, finding.refuses), ("ssl.passphrase", True))
        self.assertNotIn("hunter2", repr(finding))

    def test_chain(self) -> None:
        """Intermediate certificates that cannot be read are a warning."""
        (finding,) = self.at(0, self.with_ssl(ca_path="/nowhere/ca.pem"))
        self.assertEqual((finding.severity, finding.path), ("warning", "ssl.ca_path"))
        self.assertIn("/nowhere/ca.pem", finding.message)

    def test_no_names(self) -> None:
        """A certificate without subjectAltName is one that no browser accepts."""
        cert, key = Path(self.files.cert).with_name("bare.crt"), Path(self.files.key).with_name("bare.key")
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -days 2"
        subprocess.run([*command.split(), "-out", cert, "-keyout", key], check=True, capture_output=True)
        key.chmod(0o600)
        (finding,) = self.at(0, self.with_ssl(cert_path=str(cert), key_path=str(key)))
        self.assertIn("names no host", finding.message)

    def test_key_for_all(self) -> None:
        """A private key that every user of the machine may read is told."""
        Path(self.files.key).chmod(0o644)
        (finding,) = self.at(0)
        self.assertEqual((finding.severity, finding.path), ("warning", "ssl.key_path"))


class FileLimitTests(SynchronousTestCase):
    """`file_limit_findings`"""

    def found(self, limit: int, *connections: int) -> list[Finding]:
        apps = [{"id": str(n), "key": str(n), "secret": "s", "max_connections": n} for n in connections]
        return list(file_limit_findings(loaded_from({"apps": apps}), limit))

    def test_below_the_apps(self) -> None:
        """Less open files than all apps together may have connections is a warning that names both numbers."""
        (finding,) = self.found(2000, 1500, 1000)
        self.assertEqual(finding.severity, "warning")
        self.assertIn("2500 connections", finding.value)
        self.assertIn("2000 open files", finding.value)
        self.assertIn("LimitNOFILE", finding.cure)
        self.assertEqual(self.found(2500 + 64, 1500, 1000), [])  # and those that the server itself needs
        self.assertEqual(len(self.found(2500 + 63, 1500, 1000)), 1)

    def test_workers(self) -> None:
        """Each worker has a limit of its own, and takes its share of the clients and somewhat more."""
        apps = [{"id": "1", "key": "1", "secret": "s", "max_connections": 8000}]
        loaded = loaded_from({"apps": apps, "instance": {"workers": 4}})
        self.assertEqual(list(file_limit_findings(loaded, 2500 + 64)), [])
        (finding,) = file_limit_findings(loaded, 2500 + 63)
        self.assertIn("8000 connections", finding.value)
        self.assertIn("each of 4 workers", finding.value)
        self.assertIn("at least 2564", finding.rule)

    def test_usual_limit(self) -> None:
        """The limit that systems begin with is told whatever the apps say; endless connections alone are not."""
        self.assertIn("only 1024 open files", self.found(1024, 0)[0].message)
        self.assertEqual(self.found(1025, 0), [])

    def test_demo_app(self) -> None:
        """The demo app's own number is nobody's wish."""
        self.assertEqual(list(file_limit_findings(survey(None, {}, "/nowhere"), 5000)), [])


class WorkerTests(SynchronousTestCase):
    """`worker_findings`"""

    def test_more_than_cpus(self) -> None:
        """More workers than CPUs is a warning; as many, `auto`, and one on whatever there is are none."""
        for workers, cpus, told in ((3, 2, 1), (2, 2, 0), (2, 1, 1), (1, 1, 0), ("auto", 1, 0)):
            found = list(worker_findings(loaded_from({"instance": {"workers": workers}}), cpus))
            self.assertEqual(len(found), told, (workers, cpus))
            for finding in found:
                self.assertEqual((finding.path, finding.severity), ("instance.workers", "warning"))
                self.assertIn(f"at most {cpus}", finding.rule)


class QueueFileTests(SynchronousTestCase):
    """`queue_file_findings`"""

    def found(self, path: str, driver: str = "sqlite") -> list[Finding]:
        return list(queue_file_findings(loaded_from({"queue": {"driver": driver, "sqlite": {"path": path}}})))

    def test_good(self) -> None:
        """A file that is there, or can be made, has nothing told of it, nor has one that no driver uses."""
        folder = Path(self.mktemp())
        folder.mkdir()
        self.assertEqual(self.found(str(folder / "queue")), [])
        (folder / "queue").touch()
        self.assertEqual(self.found(str(folder / "queue")), [])
        self.assertEqual(self.found("/no/such/folder/queue", "memory"), [])

    def test_nowhere(self) -> None:
        """A folder that is not there, and a folder where a file should be, are warnings; the server starts."""
        for path, words in (("/no/such/folder/queue", "does not exist: /no/such/folder"), ("/tmp", "names no file")):
            (finding,) = self.found(path)
            self.assertEqual((finding.severity, finding.path, finding.refuses), ("warning", "queue.sqlite.path", False))
            self.assertIn(words, finding.message)

    def test_not_ours(self) -> None:
        """A folder or a file that the server may not write to is a warning."""
        folder = Path(self.mktemp())
        folder.mkdir()
        file = folder / "queue"
        file.touch()
        for closed, words in ((folder, "may not write to"), (file, "may not be written")):
            self.patch(os, "access", lambda path, mode, closed=closed: str(path) != str(closed))
            (finding,) = self.found(str(file))
            self.assertIn(words, finding.message)
