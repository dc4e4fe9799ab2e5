"""A webhook's POST before it has a wire: address and headers (http-api.md 12.5)."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from twisted.web.http_headers import Headers

from ..._version import __version__
from ...interfaces import WebhookJob
from ...protocol.app import App, Webhook
from ...protocol.webhooks import body, post_headers

__all__ = ["Post", "UnsendableError", "post"]

_USER_AGENT = f"sockudo_tx/{__version__}"
_PATH = "/%:@!$&'()*+,;=-._~"
"""What a path may hold as it is (RFC 3986 3.3), and percent signs: what is escaped already stays so."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class UnsendableError(Exception):
    """No request can be made of this webhook; the text is fit for the log."""


class Post(NamedTuple):
    """What Agent is asked for."""

    uri: bytes
    headers: Headers
    body: bytes

    @property
    def host(self) -> bytes:
        """Scheme, host and port."""
        return b"/".join(self.uri.split(b"/", 3)[:3])


def post(job: WebhookJob, app: App, webhook: Webhook) -> Post:
    """The request of this delivery. Raises `UnsendableError`."""
    uri, authorization = _address(webhook.url or "")
    content = body(job.time_ms, job.events)
    headers = Headers()
    if authorization and not any(name.lower() == "authorization" for name in webhook.headers):
        headers.addRawHeader("Authorization", authorization)
    for name, value in [("User-Agent", _USER_AGENT), *post_headers(app, job.id, content, webhook.headers)]:
        if not _TOKEN.fullmatch(name) or _CONTROL.search(value):
            raise UnsendableError("a header of the webhook has a name or a value that HTTP does not allow")
        headers.addRawHeader(name.encode("ascii"), value.encode("utf-8", "replace"))
    return Post(uri, headers, content)


def _address(text: str) -> tuple[bytes, str | None]:
    """The address in ASCII without user and password, and these as an Authorization header."""
    if _CONTROL.search(text) or " " in text:
        raise UnsendableError("the webhook's url holds blanks or control characters")
    try:
        parts = urlsplit(text)
        port = "" if parts.port is None else f":{parts.port}"
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except ValueError:
        raise UnsendableError("the webhook's url is not a legal address") from None
    if parts.scheme not in ("http", "https") or not host:
        raise UnsendableError("the webhook's url is not an absolute http or https address")
    place = quote(parts.path, safe=_PATH) or "/" * bool(parts.query), quote(parts.query, safe=_PATH + "?"), ""
    uri = urlunsplit((parts.scheme, f"[{host}]{port}" if ":" in host else host + port, *place)).encode("ascii")
    if not parts.username:
        return uri, None
    credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return uri, f"Basic {b64encode(credentials).decode()}"
