"""An application's backend that publishes as fast as it is answered."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Sequence

from .client import read_answer

__all__ = ["Publisher"]

_PATIENCE = 20


class Publisher:
    """Keep-alive connections, each with one request under way while there are any left (closed loop)."""

    def __init__(self, port: int, in_flight: int) -> None:
        self._selector = selectors.DefaultSelector()
        self.peers = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(in_flight)]
        for peer in self.peers:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(peer, selectors.EVENT_READ)

    def close(self) -> None:
        """Hangs up."""
        self._selector.close()
        for peer in self.peers:
            peer.close()

    def send(self, requests: Sequence[bytes]) -> None:
        """Sends all and has read every answer. Raises `ConnectionError` unless all are 200."""
        waiting = iter(requests)
        open_requests = 0
        for peer, request in zip(self.peers, waiting, strict=False):
            peer.sendall(request)
            open_requests += 1
        while open_requests:
            ready = self._selector.select(_PATIENCE)
            if not ready:
                raise ConnectionError(f"{open_requests} requests were not answered for {_PATIENCE} s")
            for key, _ in ready:
                answered = key.fileobj
                assert isinstance(answered, socket.socket)
                read_answer(answered)
                following = next(waiting, None)
                if following is None:
                    open_requests -= 1
                else:
                    answered.sendall(following)
