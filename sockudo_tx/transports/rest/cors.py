"""The headers that let browser pages read our answers (http-api.md 8)."""

from __future__ import annotations

from ...protocol.origins import any_origin, origin_allowed
from .settings import CorsSettings

__all__ = ["Cors"]

_VARY = b"Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers\r\n"
_ALLOW = b"Access-Control-Allow-Origin: %b\r\n"
_CREDENTIALS = b"Access-Control-Allow-Credentials: true\r\n"


class Cors:
    """Header lines for answers and preflights.

    An open list (`*` or `any`) never allows credentials; an empty list allows no page at all.
    """

    def __init__(self, settings: CorsSettings) -> None:
        self._patterns = settings.origin
        self._echo = _ALLOW + (_CREDENTIALS if settings.credentials else b"") + _VARY
        self.everyone = _ALLOW % b"*" + _VARY if any_origin(settings.origin) else b""
        """What `lines` is for every origin; empty when that depends."""
        self._preflight = (
            f"Access-Control-Allow-Methods: {','.join(settings.methods)}\r\n"
            f"Access-Control-Allow-Headers: {','.join(settings.allowed_headers).lower()}\r\n"
        ).encode()

    def lines(self, origin: bytes | None) -> bytes:
        """For the answer to a request with this `Origin`."""
        if self.everyone:
            return self.everyone
        if origin is None or not self._patterns or not origin_allowed(self._patterns, origin.decode("latin-1")):
            return _VARY
        return self._echo % origin

    def preflight(self) -> bytes:
        """What a preflight's answer carries besides `lines`."""
        return self._preflight if self._patterns else b""
