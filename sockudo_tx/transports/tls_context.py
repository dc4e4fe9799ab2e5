"""Certificate and key from their files to what TLS connections are made with, and what is said when that fails.

Everything is looked at before OpenSSL gets it: of most faults OpenSSL says no more than “PEM lib”. Needs no reactor,
so that a certificate can be tried before anything listens. Source: configuration.md 8.2.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from ssl import OP_NO_RENEGOTIATION, PROTOCOL_TLS_SERVER, SSLContext, SSLError, TLSVersion

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

__all__ = ["CertificateError", "server_context"]

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2; those of TLS 1.3 are all good."""

_PEM = "It must be in PEM: text with a line -----BEGIN {what}-----"


class CertificateError(Exception):
    """TLS cannot start. `key` is the member of `ssl` at fault, `cure` what to do."""

    def __init__(self, key: str, message: str, cure: str) -> None:
        super().__init__(message)
        self.key = key
        self.cure = cure


def server_context(cert_path: str, key_path: str, passphrase: str | None = None) -> SSLContext:
    """TLS 1.2 and 1.3 with this certificate, its chain behind it in the same file. Raises `CertificateError`."""
    chain = _certified_keys(cert_path)
    key = _public_key(key_path, passphrase)
    if chain[0] != key:
        if key in chain:
            cure = "Put the server's own certificate first and the intermediate ones behind it"
            raise CertificateError("cert_path", f"the first certificate of {cert_path} is not the server's own", cure)
        cure = "Name the key that the certificate was made for"
        raise CertificateError("key_path", f"{key_path} does not belong to the certificate in {cert_path}", cure)
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.minimum_version = TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])  # WebSocket needs it
    context.options |= OP_NO_RENEGOTIATION  # so that encrypting never has to wait for the peer
    context.num_tickets = 1  # a client opens one connection and comes back with one
    try:
        context.load_cert_chain(cert_path, key_path, passphrase or _nothing)
    except (SSLError, OSError) as error:
        reason = getattr(error, "reason", None) or str(error)
        cure = "Have a certificate made with a key that is accepted today, for example ECDSA P-256 or RSA 2048"
        raise CertificateError("cert_path", f"OpenSSL refuses {cert_path} with {key_path}: {reason}", cure) from error
    return context


def _nothing() -> str:
    """OpenSSL would ask for a passphrase on the terminal."""
    return ""


def _read(key: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "this is not a file name"
        cure = f"Set ssl.{key} (SSL_{key.upper()}) to a file that the server's user may read"
        raise CertificateError(key, f"{path!r} cannot be read: {reason}", cure) from error


def _certified_keys(path: str) -> list[bytes]:
    """The public key of each certificate in the file."""
    data = _read("cert_path", path)
    try:
        return [_plain(certificate.public_key()) for certificate in x509.load_pem_x509_certificates(data)]
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise CertificateError(
            "cert_path", f"{path} holds no certificate that can be used", _PEM.format(what="CERTIFICATE")
        ) from error


def _public_key(path: str, passphrase: str | None) -> bytes:
    data = _read("key_path", path)
    encrypted = b"ENCRYPTED" in data
    if encrypted and not passphrase:
        cure = "Set ssl.passphrase in the configuration file, or store the key unencrypted"
        raise CertificateError("passphrase", f"the key in {path} is encrypted", cure)
    try:
        key = load_pem_private_key(data, passphrase.encode() if encrypted and passphrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if encrypted:
            cure = "Correct ssl.passphrase in the configuration file"
            raise CertificateError("passphrase", f"does not decrypt the key in {path}", cure) from None
        raise CertificateError(
            "key_path", f"{path} holds no private key that can be used", _PEM.format(what="PRIVATE KEY")
        ) from error
    return _plain(key.public_key())


def _plain(key: CertificatePublicKeyTypes | PublicKeyTypes) -> bytes:
    encode: Callable[[Encoding, PublicFormat], bytes] = key.public_bytes
    return encode(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
