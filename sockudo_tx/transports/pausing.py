"""An HTTP connection that computes no more answers than its client reads.

Twisted's stops reading from such a client, but goes on with what it has read already: some thousand requests.
"""

from __future__ import annotations

from typing import Any

from twisted.web.http import HTTPChannel

__all__ = ["PausingChannel"]


class PausingChannel(HTTPChannel):
    """What a client that does not read asks, and has asked ahead, waits until it reads."""

    def pauseProducing(self) -> None:
        self.paused = True
        super().pauseProducing()
        producer: Any = self._networkProducer
        producer.pauseProducing()  # in the middle of a request too, which is when answers are written

    def resumeProducing(self) -> None:
        self.paused = False
        super().resumeProducing()
        if self._buffer:
            self.dataReceived(b"")
