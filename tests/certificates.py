"""Certificates for servers of tests on loopback: signed by themselves, or by an authority of ours."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from sockudo_tx.transports.tls_context import CertificateFiles, load_identity

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey


class Certified(NamedTuple):
    """The files of a certificate for `localhost` and 127.0.0.1."""

    cert: str
    key: str

    def client_context(self) -> ssl.SSLContext:
        """How a client connects that trusts this certificate only."""
        return ssl.create_default_context(cafile=self.cert)


class Signed(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        """The certificate as text."""
        return self.certificate.public_bytes(Encoding.PEM)


def sign(
    name: str,
    by: Signed | None = None,
    *,
    key: Key | None = None,
    ca: bool = False,
    valid: tuple[float, float] = (-1, 1),
    names: Sequence[str] | bytes | None = ("localhost",),
) -> Signed:
    """A certificate with this common name; `valid` are its first and its last moment in days from now.

    It is for 127.0.0.1 and these `names`; bytes are the subjectAltName as it is, None leaves it out.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    signer = by.key if by else key
    builder = (
        x509.CertificateBuilder() if names is None else x509.CertificateBuilder().add_extension(_others(names), False)
    )
    certificate = (
        builder.subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + dt.timedelta(days=valid[0]))
        .not_valid_after(now + dt.timedelta(days=valid[1]))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(
            signer, None if isinstance(signer, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) else hashes.SHA256()
        )
    )
    return Signed(certificate, key)


def _others(names: Sequence[str] | bytes) -> x509.ExtensionType:
    if isinstance(names, bytes):
        return x509.UnrecognizedExtension(x509.ExtensionOID.SUBJECT_ALTERNATIVE_NAME, names)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    return x509.SubjectAlternativeName([*map(x509.DNSName, names), address])


def write(
    folder: Path,
    name: str,
    server: Signed,
    *chain: Signed,
    passphrase: str | None = None,
    format: PrivateFormat = PrivateFormat.PKCS8,  # noqa: A002  # the word of `private_bytes`
) -> Certified:
    """Writes NAME.crt, the server's certificate and what follows it, and NAME.key into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    files = Certified(str(folder / f"{name}.crt"), str(folder / f"{name}.key"))
    Path(files.cert).write_bytes(b"".join(one.pem for one in (server, *chain)))
    protection = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    Path(files.key).write_bytes(server.key.private_bytes(Encoding.PEM, format, protection))
    return files


def self_signed(
    folder: Path,
    name: str = "server",
    *,
    key: Key | None = None,
    passphrase: str | None = None,
    format: PrivateFormat = PrivateFormat.PKCS8,  # noqa: A002  # the word of `private_bytes`
    valid: tuple[float, float] = (-1, 1),
) -> Certified:
    """Writes NAME.crt and NAME.key into the folder."""
    server = sign("localhost", key=key, ca=True, valid=valid)
    return write(folder, name, server, passphrase=passphrase, format=format)


def server_context(cert: str, key: str, passphrase: str | None = None) -> ssl.SSLContext:
    """How a server of ours uses these files. Raises `CertificateError`."""
    return load_identity(CertificateFiles(cert, key, passphrase)).context
