"""Certificate and key: what is accepted, and what is said about the rest."""

from __future__ import annotations

import ssl
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.transports.tls_context import CertificateError, server_context
from tests.certificates import self_signed


class ContextTests(SynchronousTestCase):
    """From two files to a context"""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.files = self_signed(self.folder)

    def refused(self, cert: str, key: str, passphrase: str | None = None) -> CertificateError:
        """The error, which names the file."""
        with self.assertRaises(CertificateError) as caught:
            server_context(cert, key, passphrase)
        self.assertTrue(caught.exception.cure)
        return caught.exception

    def file(self, name: str, text: bytes) -> str:
        (self.folder / name).write_bytes(text)
        return str(self.folder / name)

    def test_kinds_of_keys(self) -> None:
        """ECDSA and RSA keys, in PKCS#8, PKCS#1 and SEC1."""
        for key in (ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)):
            for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
                server_context(*self_signed(self.folder, "other", key=key, format=form))

    def test_rules(self) -> None:
        """TLS 1.2 and 1.3 only, forward secrecy only, no renegotiation, one ticket."""
        context = server_context(*self.files)
        self.assertEqual(context.minimum_version, ssl.TLSVersion.TLSv1_2)
        names = [cipher["name"] for cipher in context.get_ciphers()]
        self.assertTrue(all(name.startswith(("TLS_", "ECDHE-")) for name in names), names)
        self.assertTrue(context.options & ssl.OP_NO_RENEGOTIATION)
        self.assertEqual((context.num_tickets, context.verify_mode), (1, ssl.CERT_NONE))

    def test_C83_passphrase(self) -> None:
        """An encrypted key needs its passphrase; a wrong one or none is told without quoting it."""
        for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
            files = self_signed(self.folder, "locked", passphrase="sesame", format=form)
            server_context(*files, "sesame")
            for wrong in ("open-wrong", "", None):
                error = self.refused(*files, wrong)
                self.assertEqual(error.key, "passphrase")
                self.assertIn("locked.key", str(error))
                self.assertNotIn("open-wrong", str(error) + error.cure)
        server_context(*self.files, "not needed")

    def test_C85_missing(self) -> None:
        """A file that is missing or cannot be read is named, with the reason and the key."""
        for path, reason in ((str(self.folder / "none.pem"), "No such file"), (str(self.folder), "Is a directory")):
            error = self.refused(path, self.files.key)
            self.assertEqual(error.key, "cert_path")
            self.assertIn(path, str(error))
            self.assertIn(reason, str(error))
            self.assertIn("SSL_CERT_PATH", error.cure)
            error = self.refused(self.files.cert, path)
            self.assertEqual((error.key, "SSL_KEY_PATH" in error.cure), ("key_path", True))
        self.assertIn("not a file name", str(self.refused("a\0b", self.files.key)))

    def test_something_else(self) -> None:
        """A file that holds something else is named with what it should be."""
        for other in (b"", b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
            path = self.file("other.pem", other)
            self.assertEqual(self.refused(path, self.files.key).key, "cert_path")
            self.assertEqual(self.refused(self.files.cert, path).key, "key_path")
        self.assertEqual(self.refused(self.files.key, self.files.cert).key, "cert_path")

    def test_version_from_the_future(self) -> None:
        """A certificate of a version that nobody knows cannot be used."""
        body = ssl.PEM_cert_to_DER_cert(Path(self.files.cert).read_text())
        version = b"\xa0\x03\x02\x01"  # RFC 5280 4.1.2.1
        later = body.replace(version + b"\x02", version + b"\x3d", 1)
        path = self.file("later.crt", ssl.DER_cert_to_PEM_cert(later).encode())
        self.assertIn("no certificate that can be used", str(self.refused(path, self.files.key)))

    def test_pairs_that_do_not_match(self) -> None:
        """A key of another certificate, and a chain in the wrong order, are told apart."""
        other = self_signed(self.folder, "other")
        error = self.refused(self.files.cert, other.key)
        self.assertEqual((error.key, "other.key" in str(error)), ("key_path", True))
        chain = self.file("chain.pem", Path(other.cert).read_bytes() + Path(self.files.cert).read_bytes())
        error = self.refused(chain, self.files.key)
        self.assertEqual((error.key, "first" in error.cure), ("cert_path", True))
        server_context(chain, other.key)

    def test_too_weak(self) -> None:
        """What OpenSSL does not accept is told in its own word."""
        weak = self_signed(self.folder, "weak", key=rsa.generate_private_key(65537, 1024))
        self.assertIn("KEY_TOO_SMALL", str(self.refused(*weak)))

    @settings(max_examples=50)
    @given(st.binary(max_size=300), st.integers(0, 800))
    def test_any_bytes(self, noise: bytes, at: int) -> None:
        """Damaged files either still work or are refused with the one error."""
        for name in self.files:
            good = Path(name).read_bytes()
            path = self.file("damaged", good[:at] + noise + good[at + len(noise) :])
            cert, key = (path, self.files.key) if name == self.files.cert else (self.files.cert, path)
            try:
                server_context(cert, key)
            except CertificateError as error:
                self.assertTrue(str(error))
