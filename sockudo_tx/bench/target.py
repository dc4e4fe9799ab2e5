"""Whom to load: address, app, and how to reach both."""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

__all__ = ["Target", "TargetError", "parse_target"]

# For a connection, and for TLS on it.
_PATIENCE = 10.0
# What stands in a path or a query as it is.
_PLAIN = re.compile(r"[A-Za-z0-9._~!$'()*+,;:@-]+")
_PATH = re.compile(r"(/[A-Za-z0-9._~!$'()*+,;:@-]+)*")


class TargetError(Exception):
    """The server cannot be reached or will not have us; the text is for the person at the terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A Pusher-compatible server and the app on it. Travels to the worker processes, never into a report. Raises
    ValueError for an app no server can have, and for an unreadable `ca`."""

    host: str
    port: int
    tls: bool = False
    insecure: bool = False
    ca: str | None = None
    prefix: str = ""
    app_id: str
    key: str
    secret: str
    compression: bool = False
    address: tuple[str, int] = ("", 0)
    """Where `host` is; set by `resolved`."""
    family: int = socket.AF_INET

    def __post_init__(self) -> None:
        for option, value in (("--app-id", self.app_id), ("--app-key", self.key)):
            if not _PLAIN.fullmatch(value):
                raise ValueError(
                    f"{option} {value!r}: may have letters, digits and the signs of a URL's path, but no /"
                )
        self.context()

    @property
    def url(self) -> str:
        """As it is written in reports."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.tls else ''}://{host}:{self.port}{self.prefix}"

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether the server is on this machine, so that its processes can be looked at."""
        return ipaddress.ip_address(self.address[0].partition("%")[0]).is_loopback

    def context(self) -> ssl.SSLContext | None:
        """What TLS connections are made with; None without TLS. Raises ValueError for an unreadable --ca."""
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except OSError as error:
            raise ValueError(f"--ca {self.ca}: not a readable PEM file of certificates ({error.strerror})") from None
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def resolved(self) -> Target:
        """The same with its address looked up and tried once. Raises TargetError."""
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise TargetError(f"{self.host} is no address and no name that can be looked up ({error})") from None
        trouble: OSError | None = None
        for family, _, _, _, address in found:
            try:
                with socket.create_connection((str(address[0]), int(address[1])), timeout=_PATIENCE) as plain:
                    self._greet(plain)
                return replace(self, address=(str(address[0]), int(address[1])), family=int(family))
            except OSError as error:
                trouble = error
        reason = "no reason" if trouble is None else trouble.strerror or str(trouble)
        raise TargetError(f"{self.url}: {reason}. Is the server running there? --url names another one")

    def _greet(self, plain: socket.socket) -> None:
        """Tries TLS, if there is any. Raises TargetError."""
        context = self.context()
        if context is None:
            return
        try:
            context.wrap_socket(plain, server_hostname=self.host).close()
        except ssl.SSLCertVerificationError as error:
            raise TargetError(
                f"{self.url}: its certificate is not trusted ({error.verify_message}). --insecure accepts any, "
                "--ca FILE those of another authority"
            ) from None
        except OSError as error:
            reason = "it does not answer as TLS does" if isinstance(error, TimeoutError) else error.strerror or error
            raise TargetError(f"{self.url}: no TLS connection ({reason}). http:// is without TLS") from None


def parse_target(
    url: str | None,
    host: str | None,
    port: int | None,
    *,
    tls: bool,
    prefix: str | None,
) -> tuple[str, int, bool, str]:
    """Host, port, TLS and path prefix from --url or from its parts, which win. Raises ValueError."""
    try:
        parts = urlsplit(url or "http://127.0.0.1:6001")
    except ValueError as error:
        raise ValueError(f"--url {url}: {error}") from None
    secure = {"http": False, "ws": False, "https": True, "wss": True}.get(parts.scheme)
    if secure is None or not parts.hostname:
        raise ValueError(f"--url {url}: must be like http://127.0.0.1:6001 or https://ws.example.com")
    try:
        default = parts.port or (443 if secure else 80)
    except ValueError:
        raise ValueError(f"--url {url}: the port must be a number from 1 to 65535") from None
    path = (prefix if prefix is not None else parts.path).rstrip("/")
    if path and not path.startswith("/"):
        raise ValueError(f"--path-prefix {prefix}: must start with /")
    if not _PATH.fullmatch(path):
        raise ValueError(f"--path-prefix {path}: may have letters, digits and the signs a URL may have as they are")
    return host or parts.hostname, port or default, secure or tls, path
