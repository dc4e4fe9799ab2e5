"""A TCP port that the server can do without."""

from __future__ import annotations

import errno

from twisted.internet.interfaces import IProtocolFactory, IReactorSocket
from twisted.logger import Logger

from .address import is_literal
from .errors import ListenError
from .tcp import TcpListener

__all__ = ["OptionalListener", "redirect_listener"]

_REASONS = {
    errno.EADDRINUSE: "another program listens there",
    errno.EACCES: "ports below 1024 need root or the capability CAP_NET_BIND_SERVICE",
}


class OptionalListener(TcpListener):
    """When its port cannot be had, that is a warning. `setting` names the port's, `without` says what is missed."""

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorSocket,
        factory: IProtocolFactory,
        host: str,
        port: int,
        sharers: int = 1,
        *,
        setting: str,
        without: str,
    ) -> None:
        super().__init__(reactor, factory, host, port, sharers)
        self._setting = setting
        self._without = without
        self._tried = False

    def open(self) -> None:
        """Binds and listens, or warns. Only the first call tries."""
        if self._tried:
            return
        self._tried = True
        try:
            super().open()
        except ListenError as error:
            number = getattr(error.__cause__, "errno", None)
            self._log.warn(
                "{setting}: cannot listen on {address}: {reason}. {without}",
                setting=self._setting,
                address=f"{self._host}:{self._port}",
                reason=_REASONS.get(number or 0) or getattr(error.__cause__, "strerror", None) or str(error),
                without=self._without,
            )


def redirect_listener(
    reactor: IReactorSocket, factory: IProtocolFactory, host: str, port: int, sharers: int = 1
) -> OptionalListener:
    """For plain HTTP, which is told the way to HTTPS. On `host` if that is an address, else on all.

    Source: configuration.md 8.3.
    """
    return OptionalListener(
        reactor,
        factory,
        host if is_literal(host) else "0.0.0.0",
        port,
        sharers,
        setting="ssl.http_port (SSL_HTTP_PORT)",
        without="Plain HTTP is not redirected; HTTPS is served",
    )
