"""A port whose WebSockets say back what they hear: our protocol class with nothing behind it.

    python -m tests.frames.echo --port 9001 --compression dedicated

For conformance suites of the WebSocket protocol, which drive a server through an echo: point them at
`ws://127.0.0.1:9001/app/echo`.
"""

from __future__ import annotations

import argparse
from typing import Any

from twisted.internet.interfaces import IReactorTime

from sockudo_tx.engine.tally import Tally
from sockudo_tx.interfaces import ISink
from sockudo_tx.transports.framing import BINARY, frame
from sockudo_tx.transports.port import PortFactory, WebSocketSettings
from sockudo_tx.transports.rest.site import RestSettings, rest_site
from sockudo_tx.transports.turn import Turn


class EchoEngine:
    """The engine's place, taken by an echo. `sinks` are the open connections, oldest first."""

    draining = False
    admitting = True

    def __init__(self, clock: IReactorTime) -> None:
        self.clock = clock
        self.tally = Tally()
        self.sinks: list[ISink] = []
        self.signs_of_life = 0

    def connect(self, sink: ISink, key: str, origin: str | None, address: str = "", client: str = "") -> ISink:
        self.sinks.append(sink)
        return sink

    def hear(self, socket: Any, payload: bytes, binary: bool = False) -> None:
        if binary:  # the server itself never sends a binary message, so no framing makes one
            socket.push_bytes(frame(BINARY, payload))
        else:
            socket.push(socket.framing.frame(payload))

    def alive(self, socket: ISink) -> None:
        self.signs_of_life += 1

    answered = alive

    def closing(self, socket: ISink, ending: Any = None) -> None: ...

    def disconnected(self, socket: ISink, ending: Any = None) -> None:
        self.sinks.remove(socket)


def echo_port(reactor: Any, settings: WebSocketSettings) -> PortFactory:
    """A factory to listen with."""
    engine: Any = EchoEngine(reactor)
    turn = Turn(lambda flush: reactor.callLater(0, flush))
    return PortFactory(engine, rest_site(engine, RestSettings(), turn), settings, reactor)


def main() -> None:
    from twisted.internet import reactor

    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--port", type=int, default=9001)
    options.add_argument("--compression", default="disabled")
    options.add_argument("--max-message-size", type=int, default=64 * 1024 * 1024)
    options.add_argument("--max-frame-size", type=int, default=16 * 1024 * 1024)
    chosen = options.parse_args()
    settings = WebSocketSettings(
        compression=chosen.compression,
        max_message_size=chosen.max_message_size,
        max_frame_size=chosen.max_frame_size,
        max_messages=None,
        max_bytes=1024 * 1024 * 1024,
    )
    loop: Any = reactor
    loop.listenTCP(chosen.port, echo_port(loop, settings), interface="127.0.0.1")
    loop.run()


if __name__ == "__main__":
    main()
