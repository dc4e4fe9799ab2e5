"""Certificates signed by themselves, for servers of tests on loopback."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Certified(NamedTuple):
    """The files of a certificate for `localhost` and 127.0.0.1."""

    cert: str
    key: str

    def client_context(self) -> ssl.SSLContext:
        """How a client connects that trusts this certificate only."""
        return ssl.create_default_context(cafile=self.cert)


def self_signed(
    folder: Path,
    name: str = "server",
    *,
    key: Key | None = None,
    passphrase: str | None = None,
    format: PrivateFormat = PrivateFormat.PKCS8,  # noqa: A002  # the word of `private_bytes`
) -> Certified:
    """Writes NAME.crt and NAME.key into the folder."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    files = Certified(str(folder / f"{name}.crt"), str(folder / f"{name}.key"))
    Path(files.cert).write_bytes(certificate.public_bytes(Encoding.PEM))
    protection = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    Path(files.key).write_bytes(key.private_bytes(Encoding.PEM, format, protection))
    return files
