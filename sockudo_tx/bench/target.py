"""Whom to load: address, app, and how to reach both."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

__all__ = ["Target", "TargetError", "parse_target"]


class TargetError(Exception):
    """The server cannot be reached or will not have us; the text is for the person at the terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A Pusher-compatible server and the app on it. Travels to the worker processes, never into a report."""

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
        """What TLS connections are made with; None without TLS. Raises TargetError for an unreadable --ca."""
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except (OSError, ssl.SSLError) as error:
            raise TargetError(f"--ca {self.ca}: not a readable PEM file of certificates ({error})") from None
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
                with socket.create_connection((str(address[0]), int(address[1])), timeout=10) as plain:
                    if context := self.context():
                        context.wrap_socket(plain, server_hostname=self.host).close()
                return replace(self, address=(str(address[0]), int(address[1])), family=int(family))
            except ssl.SSLError as error:
                raise TargetError(
                    f"{self.url}: no TLS connection ({error}). --insecure accepts any certificate, --ca FILE those of "
                    "another authority; http:// is without TLS"
                ) from None
            except OSError as error:
                trouble = error
        raise TargetError(f"{self.url}: {trouble}. Is the server running there? --url names another one")


def parse_target(
    url: str | None,
    host: str | None,
    port: int | None,
    *,
    tls: bool,
    prefix: str | None,
) -> tuple[str, int, bool, str]:
    """Host, port, TLS and path prefix from --url or from its parts, which win. Raises ValueError."""
    parts = urlsplit(url or "http://127.0.0.1:6001")
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
    return host or parts.hostname, port or default, secure or tls, path
