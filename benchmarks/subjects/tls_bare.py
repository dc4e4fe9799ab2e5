"""Finished frames through Twisted's TLS transport: `transport.write` to each client, on the same reactor.

    python -m benchmarks.subjects.tls_bare CERTIFICATE KEY

It answers whatever comes first with an empty 101, so that its clients connect as those of the server do.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from sockudo_tx.reactor import install_reactor

install_reactor()

from twisted.internet import reactor  # noqa: E402
from twisted.internet.protocol import Factory, Protocol  # noqa: E402
from twisted.internet.ssl import PrivateCertificate  # noqa: E402

from sockudo_tx.start import raise_file_limit  # noqa: E402

from .commands import TEXT, serve, silence  # noqa: E402

_FRAME = b"\x81\x7e" + len(TEXT).to_bytes(2, "big") + TEXT.encode()
_open: list[Any] = []


class _Receiver(Protocol):
    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        _open.append(self.transport)


def _broadcast(events: int) -> None:
    for _ in range(events):
        for transport in _open:
            transport.write(_FRAME)


def main(reactor: Any) -> None:
    """Serves until standard input ends."""
    raise_file_limit()
    silence()
    pem = b"".join(Path(path).read_bytes() for path in sys.argv[1:3])
    options = PrivateCertificate.loadPEM(pem).options()
    port = reactor.listenSSL(0, Factory.forProtocol(_Receiver), options, backlog=4096, interface="127.0.0.1")
    serve(reactor, port.getHost().port, _broadcast)


main(reactor)
