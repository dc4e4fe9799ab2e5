"""What a chain of certificates says: names, when it is valid, who signed it. Pure: no file, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

__all__ = ["CertificateFacts", "certificate_facts", "name_of", "with_issuers"]

DAY = 86400.0
_LONGEST = 10
"""Certificates of a chain; more than this some clients refuse."""


class CertificateFacts(NamedTuple):
    """Of a chain: a client refuses it when one of its certificates is not valid."""

    names: tuple[str, ...]
    """Host names and addresses of the server's own certificate."""
    not_before: float
    """Unix seconds."""
    not_after: float
    """Unix seconds, of the one that ends first."""
    ends_first: str
    """The subject of that one."""

    def trouble(self, now: float, warning_days: float) -> str | None:
        """What is wrong with its dates at this moment, or soon will be; None when nothing is."""
        if now < self.not_before:
            return f"the certificate is not valid before {_date(self.not_before)}"
        if now >= self.not_after:
            return f"the certificate of {self.ends_first} has expired on {_date(self.not_after)}"
        days = (self.not_after - now) / DAY
        if days < warning_days:
            left = "within a day" if days < 1 else f"in {days:.0f} day{'s' if round(days) != 1 else ''}"
            return f"the certificate of {self.ends_first} expires {left}, on {_date(self.not_after)}"
        return None

    def valid(self, now: float) -> bool:
        """Whether clients accept its dates."""
        return self.not_before <= now < self.not_after

    def __str__(self) -> str:
        return f"{', '.join(self.names) or 'no name'}, valid until {_date(self.not_after)}"


def certificate_facts(chain: Sequence[x509.Certificate]) -> CertificateFacts:
    """Facts of a chain, the server's own certificate first. Raises `ValueError` when it makes no sense."""
    first = min(chain, key=lambda one: one.not_valid_after_utc)
    return CertificateFacts(
        names=_names(chain[0]),
        not_before=max(one.not_valid_before_utc.timestamp() for one in chain),
        not_after=first.not_valid_after_utc.timestamp(),
        ends_first=name_of(first.subject),
    )


def name_of(name: x509.Name) -> str:
    """Its common name, or all of it."""
    common = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string() or "no name"


def with_issuers(chain: Sequence[x509.Certificate], others: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """The chain and those of the others that lead on from its last one.

    What does not belong to it would only be ballast in every handshake, and so would the root: clients have it or
    do not trust it (RFC 8446 4.4.2).
    """
    longer = list(chain)
    while len(longer) < _LONGEST:
        last = longer[-1]
        found = next((one for one in others if one not in longer and _issued(one, last)), None)
        if found is None or found.issuer == found.subject:
            break
        longer.append(found)
    return longer


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    if issuer.subject != certificate.issuer:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return ()
    addresses = found.get_values_for_type(x509.IPAddress)
    return (*found.get_values_for_type(x509.DNSName), *map(str, addresses))


def _date(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")
