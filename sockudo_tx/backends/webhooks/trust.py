"""Whose certificates are believed: those of the system's authorities, for the host that was asked for (RFC 9525).

Twisted's own check lets a certificate pass whose names it cannot read, one without any subjectAltName for instance
(it logs the error and keeps OpenSSL's verdict, which knows of no host). Ours refuses whatever is not known to be right.
"""

from __future__ import annotations

from typing import Any

from OpenSSL.crypto import X509
from OpenSSL.SSL import VERIFY_FAIL_IF_NO_PEER_CERT, VERIFY_PEER, Connection
from service_identity import CertificateError, VerificationError
from service_identity.hazmat import DNS_ID, IPAddress_ID, verify_service_identity
from service_identity.pyopenssl import extract_patterns
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import optionsForClientTLS
from twisted.python.failure import Failure
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

__all__ = ["Trust"]


@implementer(IPolicyForHTTPS)
class Trust:
    """Makes the client's half of TLS for a host."""

    def creatorForNetloc(self, hostname: bytes, port: int) -> _Suspicious:
        return _Suspicious(hostname.decode("ascii"))


@implementer(IOpenSSLClientConnectionCreator)
class _Suspicious:
    """Sends the host's name, and ends the handshake when the certificate is not for it."""

    def __init__(self, host: str) -> None:
        address = isIPAddress(host) or isIPv6Address(host)
        self._wanted = IPAddress_ID(host) if address else DNS_ID(host)
        self._options = optionsForClientTLS(host)

    def clientConnectionForTLS(self, protocol: Any) -> Connection:
        connection: Connection = self._options.clientConnectionForTLS(protocol)

        def verified(_: Connection, certificate: X509, error: int, depth: int, ok: int) -> bool:
            if depth or not ok:
                return bool(ok)
            try:
                verify_service_identity(extract_patterns(certificate), [self._wanted], [])
            except (VerificationError, CertificateError):
                protocol.failVerification(Failure())
            except Exception as unreadable:  # noqa: BLE001  # whatever it says, it is not known to be right
                protocol.failVerification(Failure(CertificateError(str(unreadable))))
            else:
                return True
            return False

        connection.set_verify(VERIFY_PEER | VERIFY_FAIL_IF_NO_PEER_CERT, verified)
        return connection
