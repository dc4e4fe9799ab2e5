"""Certificate and key: what is accepted, and what is said about the rest."""

from __future__ import annotations

import errno
import os
import ssl
import tempfile
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockudo_tx.transports import tls_context
from sockudo_tx.transports.tls_context import CertificateError, CertificateFiles, load_identity
from tests.certificates import Signed, self_signed, server_context, sign, write


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

    def keys_given(self) -> list[bytes]:
        """What the files hold from which OpenSSL takes keys from now on."""
        given: list[bytes] = []

        class Context(ssl.SSLContext):
            def load_cert_chain(self, certfile: Any, keyfile: Any = None, password: Any = None) -> None:
                given.append(Path(keyfile).read_bytes())
                super().load_cert_chain(certfile, keyfile, password)

        self.patch(tls_context, "SSLContext", Context)
        return given

    def file(self, name: str, text: bytes) -> str:
        (self.folder / name).write_bytes(text)
        return str(self.folder / name)

    def test_kinds_of_keys(self) -> None:
        """ECDSA and RSA keys, in PKCS#8, PKCS#1 and SEC1; Ed25519."""
        for key in (ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)):
            for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
                server_context(*self_signed(self.folder, "other", key=key, format=form))
        server_context(*self_signed(self.folder, "other", key=ed25519.Ed25519PrivateKey.generate()))

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

    def test_decrypted_once(self) -> None:
        """Keys are encrypted so that decrypting takes long: each is decrypted once, and not by OpenSSL again."""
        files = self_signed(self.folder, "locked", passphrase="sesame")
        decrypted: list[bytes | None] = []

        def load(data: bytes, passphrase: bytes | None, **more: bool) -> PrivateKeyTypes:
            decrypted.append(passphrase)
            return load_pem_private_key(data, passphrase, **more)

        given = self.keys_given()
        self.patch(tls_context, "load_pem_private_key", load)
        for _ in range(3):
            server_context(*files, "sesame")
        self.assertEqual(decrypted, [b"sesame"])
        self.assertEqual([b"ENCRYPTED" in pem for pem in given], [False] * 3)
        self.refused(*files, "simsalabim")
        server_context(*self.files)
        self.assertIsNone(decrypted[-1])
        self.assertEqual(
            tls_context._decrypted.cache_info().currsize, 0
        )  # another key is in use: the last is forgotten

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

    def test_pipe(self) -> None:
        """A pipe in the place of a file is refused without waiting for somebody to write to it."""
        pipe = str(self.folder / "pipe")
        os.mkfifo(pipe)
        for cert, key in ((pipe, self.files.key), (self.files.cert, pipe)):
            self.assertIn("pipe' cannot be read: it is not a regular file", str(self.refused(cert, key)))

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

    def test_rsa_key_with_wrong_numbers(self) -> None:
        """A key that fits its certificate and cannot sign is refused, though nobody looked for primes."""
        key = rsa.generate_private_key(65537, 2048)
        files = self_signed(self.folder, "broken", key=key)
        good = key.private_numbers()
        bad = rsa.RSAPrivateNumbers(
            good.p, good.q, good.d + 2, good.dmp1 + 2, good.dmq1, good.iqmp, good.public_numbers
        ).private_key(unsafe_skip_rsa_key_validation=True)
        text = bad.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        error = self.refused(files.cert, self.file("broken.key", text))
        self.assertEqual((error.key, "no private key that can be used" in str(error)), ("key_path", True))

    def test_key_beside_certificates(self) -> None:
        """Certificate and key may be one file, and a certificate in the key's file is not sent twice."""
        both = self.file("both.pem", Path(self.files.key).read_bytes() + Path(self.files.cert).read_bytes())
        self.assertEqual(load_identity(CertificateFiles(both, both)).facts.names, ("localhost", "127.0.0.1"))

    def test_nothing_stays(self) -> None:
        """What OpenSSL reads is handed to it in memory: no descriptor stays open, whatever comes of it."""
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            server_context(*self.files)
        weak = self_signed(self.folder, "weak", key=rsa.generate_private_key(65537, 1024))
        self.refused(*weak)
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)

    def test_without_files_in_memory(self) -> None:
        """A system without them gets files that only their owner reads, and that are gone at once."""
        folder = self.folder / "private"
        folder.mkdir()
        self.patch(tempfile, "tempdir", str(folder))

        def refused(*_: object) -> int:
            raise OSError(errno.ENOSYS, "Function not implemented")

        self.patch(os, "memfd_create", refused)
        modes: list[int] = []
        real = tempfile.mkstemp

        def noting() -> tuple[int, str]:
            number, name = real()
            modes.append(os.fstat(number).st_mode & 0o777)
            return number, name

        self.patch(tempfile, "mkstemp", noting)
        given = self.keys_given()
        server_context(*self_signed(self.folder, "locked", passphrase="sesame"), "sesame")
        self.assertEqual((modes, list(folder.iterdir())), ([0o600, 0o600], []))
        self.assertIn(b"ENCRYPTED", given[0])  # as it is on the disk already

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


class ChainTests(SynchronousTestCase):
    """What is sent behind the certificate"""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.root = sign("Root", ca=True)
        self.second = sign("Second", self.root, ca=True)
        self.first = sign("First", self.second, ca=True)
        self.server = sign("localhost", self.first)

    def sent(self, *chain: Signed, ca: tuple[Signed, ...] = ()) -> tuple[list[str], tuple[str, ...]]:
        """Subjects of what a client receives, and the warnings."""
        files = write(self.folder, "server", self.server, *chain)
        ca_path = self.folder / "ca.pem"
        ca_path.write_bytes(b"".join(one.pem for one in ca))
        identity = load_identity(CertificateFiles(*files, ca_path=str(ca_path) if ca else None))
        return received(identity.context), identity.warnings

    def test_as_in_the_file(self) -> None:
        """Without `ca_path` the chain is the file's, in its order."""
        self.assertEqual(self.sent(self.first, self.second), (["localhost", "First", "Second"], ()))

    def test_extended(self) -> None:
        """`ca_path` leads on from where the file ends, whatever its order; the root is not sent, nor are strangers."""
        stranger = sign("Stranger", ca=True)
        everything = (stranger, self.root, self.second, self.first)
        for chain in ((), (self.first,), (self.first, self.second)):
            self.assertEqual(self.sent(*chain, ca=everything), (["localhost", "First", "Second"], ()))
        namesake = sign("First", stranger, ca=True)
        self.assertEqual(self.sent(ca=(namesake, self.first))[0], ["localhost", "First"])

    def test_only_the_root(self) -> None:
        """A `ca_path` of the root alone adds nothing and is no fault: others want it so."""
        self.assertEqual(self.sent(self.first, self.second, ca=(self.root,)), (["localhost", "First", "Second"], ()))

    def test_stranger(self) -> None:
        """A `ca_path` that has nothing to do with the certificate is told, with who is missing."""
        subjects, (warning,) = self.sent(ca=(sign("Stranger", ca=True),))
        self.assertEqual(subjects, ["localhost"])
        self.assertIn("First", warning)

    def test_unreadable(self) -> None:
        """A `ca_path` that cannot be read, or is something else, is a warning; the chain goes without it."""
        files = write(self.folder, "server", self.server, self.first)
        (self.folder / "other").write_text("hello")
        for name in ("nowhere.pem", "other"):
            identity = load_identity(CertificateFiles(*files, ca_path=str(self.folder / name)))
            (warning,) = identity.warnings
            self.assertIn("ssl.ca_path", warning)
            self.assertIn(str(self.folder / name), warning)
            self.assertEqual(received(identity.context), ["localhost", "First"])
            self.assertEqual(identity.context.verify_mode, ssl.CERT_NONE)

    def test_circle(self) -> None:
        """Authorities that vouch for each other end in a chain of finite length."""
        keys = sign("A", ca=True), sign("B", ca=True)
        a, b = sign("A", keys[1], key=keys[0].key, ca=True), sign("B", keys[0], key=keys[1].key, ca=True)
        self.server = sign("localhost", a)
        self.assertEqual(self.sent(ca=(a, b))[0], ["localhost", "A", "B"])

    def test_secrets(self) -> None:
        """The passphrase is not in what a traceback would show."""
        self.assertNotIn("sesame", repr(CertificateFiles("a", "b", "sesame")))


def received(context: ssl.SSLContext) -> list[str]:
    """The common names of the chain a client of this context gets."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(to_server, to_client, server_side=True)
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    trusting.maximum_version = ssl.TLSVersion.TLSv1_2  # which sends its certificates in the clear
    client = trusting.wrap_bio(ssl.MemoryBIO(), to_server)
    for side in (client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            pass
    flight = to_client.read()
    return [name.rfc4514_string().removeprefix("CN=") for name in (one.subject for one in x509_in(flight))]


def x509_in(flight: bytes) -> list[x509.Certificate]:
    """The certificates of a TLS 1.2 server's first flight (RFC 5246 7.4.2)."""
    messages, at = b"", 0
    while at < len(flight):
        size = int.from_bytes(flight[at + 3 : at + 5])
        messages += flight[at + 5 : at + 5 + size]
        at += 5 + size
    at = 0
    while messages[at] != 11:
        at += 4 + int.from_bytes(messages[at + 1 : at + 4])
    end, at = at + 4 + int.from_bytes(messages[at + 1 : at + 4]), at + 7
    found = []
    while at < end:
        size = int.from_bytes(messages[at : at + 3])
        found.append(x509.load_der_x509_certificate(messages[at + 3 : at + 3 + size]))
        at += 3 + size
    return found
