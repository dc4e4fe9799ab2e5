"""Why an attempt failed, in words for the log and the dead letter: never an address' query, a password or a header."""

from __future__ import annotations

from OpenSSL.SSL import Error as TlsError
from service_identity import CertificateError, VerificationError
from twisted.internet.error import (
    ConnectError,
    ConnectionClosed,
    ConnectionRefusedError,  # noqa: A004  # Twisted's name
    DNSLookupError,
    TimeoutError,  # noqa: A004  # Twisted's name
)
from twisted.web.client import RequestTransmissionFailed, ResponseFailed, ResponseNeverReceived
from twisted.web.http import PotentialDataLoss

from .connections import AnswerTooLongError
from .way import AddressRefusedError

__all__ = ["reason_of"]

_WRAPPED = (RequestTransmissionFailed, ResponseFailed, ResponseNeverReceived)


def reason_of(error: BaseException) -> str | None:
    """One clause; None for what nobody outside can cause."""
    while isinstance(error, _WRAPPED) and error.reasons:
        error = _told(error)
    match error:
        case AddressRefusedError():
            return str(error)
        case AnswerTooLongError():
            return "the answer's head is longer than 64 KiB"
        case DNSLookupError():
            return "the host's name is not known"
        case TimeoutError():
            return "connecting took too long"
        case ConnectionRefusedError():
            return "the connection was refused"
        case ConnectError():
            return f"no connection: {error.osError or 'the network said no'}"
        case VerificationError():
            return "the certificate is for another host"
        case CertificateError():
            return "the certificate does not say for which host it is (no subjectAltName)"
        case TlsError():
            return f"TLS failed: {_tls_words(error)}"
        case ConnectionClosed() | PotentialDataLoss():
            return "the connection was closed without an answer"
        case UnicodeError():
            return "the host's name is not legal"
        case _ if isinstance(error, ValueError) or type(error).__module__ == "twisted.web._newclient":
            return "the answer is not HTTP"
    return None


def _told(error: RequestTransmissionFailed | ResponseFailed | ResponseNeverReceived) -> BaseException:
    """The reason within that says most: what was in the answer before how the connection ended."""
    within = [failure.value for failure in error.reasons]
    telling = [each for each in within if not isinstance(each, ConnectionClosed)]
    chosen: BaseException = (telling or within)[0]
    return chosen


def _tls_words(error: TlsError) -> str:
    """OpenSSL's own, such as `certificate verify failed`."""
    stack = error.args[0] if error.args else ()
    words = [entry[-1] for entry in stack if isinstance(entry, tuple) and entry and entry[-1]]
    return ", ".join(words) or "the connection was closed in the handshake"
