"""A bare Autobahn server on the same reactor: `sendMessage` to each protocol."""

from __future__ import annotations

from typing import Any

from common import TEXT, serve

from sockudo_tx.reactor import install_reactor

install_reactor()

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol  # noqa: E402
from twisted.internet import reactor  # noqa: E402

from sockudo_tx.start import raise_file_limit  # noqa: E402

raise_file_limit()
_open: list[Any] = []


class _Protocol(WebSocketServerProtocol):  # type: ignore[misc]
    def onOpen(self) -> None:
        _open.append(self)


def _broadcast() -> None:
    payload = TEXT.encode()
    for protocol in _open:
        protocol.sendMessage(payload)


_factory = WebSocketServerFactory()
_factory.protocol = _Protocol
_port = reactor.listenTCP(0, _factory, backlog=4096, interface="127.0.0.1")
serve(reactor, _broadcast, _port.getHost().port)
