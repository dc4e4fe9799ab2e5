"""A bare Autobahn server on the same reactor: answers each message with itself (`sendMessage`), else does nothing."""

from __future__ import annotations

from typing import Any

from sockudo_tx.reactor import install_reactor

install_reactor()

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol  # noqa: E402
from twisted.internet import reactor  # noqa: E402

from sockudo_tx.start import raise_file_limit  # noqa: E402

from .commands import serve, silence  # noqa: E402


class _Echo(WebSocketServerProtocol):
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


def main(reactor: Any) -> None:
    """Serves until standard input ends."""
    raise_file_limit()
    silence()
    factory = WebSocketServerFactory()
    factory.protocol = _Echo
    port = reactor.listenTCP(0, factory, backlog=4096, interface="127.0.0.1")
    serve(reactor, port.getHost().port)


main(reactor)
