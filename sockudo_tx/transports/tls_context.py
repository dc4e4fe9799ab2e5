"""Certificate and key from their files to what TLS connections are made with, and what is said when that fails.

Everything is looked at before OpenSSL gets it: of most faults OpenSSL says no more than “PEM lib”. Each file is read
once, so that what was checked is what is used, whoever replaces it meanwhile. Needs no reactor: a certificate can be
tried before anything listens. Source: configuration.md 8.2, decisions.md 51.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from errno import EINVAL
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from ssl import OP_NO_RENEGOTIATION, PROTOCOL_TLS_SERVER, SSLContext, SSLError, TLSVersion
from stat import S_ISREG
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificatePublicKeyTypes,
    PrivateKeyTypes,
    PublicKeyTypes,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from .certificate_facts import CertificateFacts, certificate_facts, name_of, with_issuers

__all__ = ["CertificateContents", "CertificateError", "CertificateFiles", "Identity", "key_fault", "load_identity"]

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2; those of TLS 1.3 are all good."""

_ENCRYPTED = b"ENCRYPTED"
_PEM = "It must be in PEM: text with a line -----BEGIN {what}-----"


class CertificateError(Exception):
    """TLS cannot start. `key` is the member of `ssl` at fault, `cure` what to do."""

    def __init__(self, key: str, message: str, cure: str) -> None:
        super().__init__(message)
        self.key = key
        self.cure = cure

    @property
    def sentence(self) -> str:
        """Setting, fault and cure in one line."""
        return f"ssl.{self.key}: {self}. {self.cure}"


class CertificateFiles(NamedTuple):
    """Where certificate and key are, as in section `ssl` of the configuration."""

    cert_path: str
    key_path: str
    passphrase: str | None = None
    ca_path: str | None = None

    def __repr__(self) -> str:
        return f"CertificateFiles({self.cert_path!r}, {self.key_path!r}, ca_path={self.ca_path!r})"


class CertificateContents(NamedTuple):
    """What the files held."""

    cert: bytes
    key: bytes
    ca: bytes

    def __repr__(self) -> str:
        return f"CertificateContents of {len(self.cert)} bytes"


class Identity(NamedTuple):
    """What a server shows its clients."""

    context: SSLContext
    facts: CertificateFacts
    warnings: tuple[str, ...]
    """What did not go into it though it was asked for."""
    digest: bytes
    """Of what the files hold: the same makes no other identity."""
    contents: CertificateContents


def load_identity(files: CertificateFiles, contents: CertificateContents | None = None) -> Identity:
    """TLS 1.2 and 1.3 with the certificate of these files, or as if they held that. Raises `CertificateError`.

    Behind the certificate come those that follow it in its file, then from `ca_path` those that lead on from there.
    """
    cert_path, key_path = files.cert_path, files.key_path
    pem = _read("cert_path", cert_path) if contents is None else contents.cert
    key_pem = _read("key_path", key_path) if contents is None else contents.key
    chain = _certificates(pem, cert_path)
    key = _private_key(key_pem, key_path, files.passphrase)
    _belong_together(chain, key, cert_path, key_path)
    chain, extra, warnings = _extended(chain, files, None if contents is None else contents.ca)
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.minimum_version = TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])  # WebSocket needs it
    context.options |= OP_NO_RENEGOTIATION  # so that encrypting never has to wait for the peer
    context.num_tickets = 1  # a client opens one connection and comes back with one
    try:
        with _file(b"".join(one.public_bytes(Encoding.PEM) for one in chain)) as certs, _key_file(key, key_pem) as keys:
            context.load_cert_chain(certs, keys, files.passphrase or _nothing)
    except (SSLError, OSError) as error:
        reason = getattr(error, "reason", None) or str(error)
        cure = "Have a certificate made with a key that is accepted today, for example ECDSA P-256 or RSA 2048"
        raise CertificateError("cert_path", f"OpenSSL refuses {cert_path} with {key_path}: {reason}", cure) from error
    found = CertificateContents(pem, key_pem, extra)
    digest = sha256(b"\0".join(found)).digest()
    return Identity(context, certificate_facts(chain), tuple(warnings), digest, found)


def key_fault(files: CertificateFiles) -> CertificateError | None:
    """What is wrong with the key by itself, for whoever tells all faults at once: the certificate's comes first."""
    try:
        _private_key(_read("key_path", files.key_path), files.key_path, files.passphrase)
    except CertificateError as error:
        return error
    return None


def _nothing() -> str:
    """OpenSSL would ask for a passphrase on the terminal."""
    return ""


@contextmanager
def _file(data: bytes, on_disk: bytes | None = None) -> Iterator[str]:
    """The name of a file with this content, in memory where the system has that: Python's `ssl` takes names only.

    Where it has not, the file has the content `on_disk`, if that is given.
    """
    try:
        number = os.memfd_create("tls", os.MFD_CLOEXEC)
        name = f"/proc/self/fd/{number}"
    except (AttributeError, OSError):
        number, name = tempfile.mkstemp()  # readable by its owner only
        data = data if on_disk is None else on_disk
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
            file.flush()
            yield name
    finally:
        if not name.startswith("/proc/"):
            os.unlink(name)


def _key_file(key: PrivateKeyTypes, pem: bytes) -> AbstractContextManager[str]:
    """A file with this key for OpenSSL, which would decrypt it once more; it is never decrypted on a disk."""
    if _ENCRYPTED not in pem:
        return _file(pem)
    return _file(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), on_disk=pem)


def _read(key: str, path: str) -> bytes:
    try:
        return _regular(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "this is not a file name"
        cure = f"Set ssl.{key} (SSL_{key.upper()}) to a file that the server's user may read"
        raise CertificateError(key, f"{path!r} cannot be read: {reason}", cure) from error


def _regular(path: str) -> Path:
    """The file, unless it is one whose reading may wait for ever, as a pipe's does. Raises `OSError`, `ValueError`."""
    file = Path(path)
    if not S_ISREG(file.stat().st_mode) and not file.is_dir():  # reading a directory says what it is
        raise OSError(EINVAL, "it is not a regular file")
    return file


def _certificates(data: bytes, path: str) -> list[x509.Certificate]:
    """Those of a file whose public keys we understand, all of them."""
    try:
        found = x509.load_pem_x509_certificates(data)
        for certificate in found:
            certificate_facts([certificate])
            certificate.public_key()
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise CertificateError(
            "cert_path", f"{path} holds no certificate that can be used", _PEM.format(what="CERTIFICATE")
        ) from error
    return found


def _private_key(data: bytes, path: str, passphrase: str | None) -> PrivateKeyTypes:
    encrypted = _ENCRYPTED in data
    if encrypted and not passphrase:
        cure = "Set ssl.passphrase in the configuration file, or store the key unencrypted"
        raise CertificateError("passphrase", f"the key in {path} is encrypted", cure)
    try:
        if encrypted and passphrase:
            key = _decrypted(data, passphrase)
        else:
            _decrypted.cache_clear()
            key = _loaded(data, None)
        if isinstance(key, RSAPrivateKey):
            key.public_key().verify(key.sign(b"proof", PKCS1v15(), SHA256()), b"proof", PKCS1v15(), SHA256())
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature, InternalError) as error:
        if encrypted:
            cure = "Correct ssl.passphrase in the configuration file"
            raise CertificateError("passphrase", f"does not decrypt the key in {path}", cure) from None
        raise CertificateError(
            "key_path", f"{path} holds no private key that can be used", _PEM.format(what="PRIVATE KEY")
        ) from error
    return key


def _loaded(data: bytes, passphrase: bytes | None) -> PrivateKeyTypes:
    # Whether the factors of an RSA key are prime takes 40 to 280 ms to find out, while a reload holds the reactor
    # [measured]. That the key can sign is what we need to know.
    return load_pem_private_key(data, passphrase, unsafe_skip_rsa_key_validation=True)


@lru_cache(maxsize=1)
def _decrypted(data: bytes, passphrase: str) -> PrivateKeyTypes:
    """The last one is remembered: decrypting may take 200 ms, by design, and a reload tries a certificate twice."""
    return _loaded(data, passphrase.encode())


def _belong_together(chain: Sequence[x509.Certificate], key: PrivateKeyTypes, cert_path: str, key_path: str) -> None:
    keys, ours = [_plain(certificate.public_key()) for certificate in chain], _plain(key.public_key())
    if keys[0] == ours:
        return
    if ours in keys:
        cure = "Put the server's own certificate first and the intermediate ones behind it"
        raise CertificateError("cert_path", f"the first certificate of {cert_path} is not the server's own", cure)
    cure = "Name the key that the certificate was made for"
    raise CertificateError("key_path", f"{key_path} does not belong to the certificate in {cert_path}", cure)


def _plain(key: CertificatePublicKeyTypes | PublicKeyTypes) -> bytes:
    encode: Callable[[Encoding, PublicFormat], bytes] = key.public_bytes
    return encode(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _extended(
    chain: list[x509.Certificate], files: CertificateFiles, held: bytes | None
) -> tuple[list[x509.Certificate], bytes, list[str]]:
    """The chain with what `ca_path` adds to it, that file's content, and what is wrong with it."""
    if not files.ca_path:
        return chain, b"", []
    try:
        data = _read("ca_path", files.ca_path) if held is None else held
        others = _certificates(data, files.ca_path)
    except CertificateError as error:
        cure = "Set it to a PEM file of intermediate certificates, or to null"
        return chain, b"", [f"ssl.ca_path: {error}. The chain is sent without it. {cure}"]
    longer = with_issuers(chain, others)
    wanted = [one.issuer for one in chain]
    if len(longer) == len(chain) and not any(one.subject in wanted for one in others):
        warning = (
            f"ssl.ca_path: {files.ca_path} holds nothing of {name_of(wanted[-1])}, who signed the last of the chain"
        )
        return chain, data, [warning]
    return longer, data, []
