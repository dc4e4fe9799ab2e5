"""A bare twisted.web server on the same reactor: every POST is answered with `{}`.

    python -m benchmarks.subjects.web_bare

Site and Resource as anybody would write them, with the access log in a file (one that keeps nothing). Without a
path it would go through Twisted's log, which costs a fifth more.
"""

from __future__ import annotations

import os
from typing import Any

from sockudo_tx.reactor import install_reactor

install_reactor()

from twisted.internet import reactor  # noqa: E402
from twisted.python.logfile import LogFile  # noqa: E402
from twisted.web.resource import Resource  # noqa: E402
from twisted.web.server import Request, Site  # noqa: E402

from .commands import serve, silence  # noqa: E402


class _Events(Resource):
    isLeaf = True

    def render_POST(self, request: Request) -> bytes:
        request.setHeader(b"content-type", b"application/json")
        return b"{}"


class _Site(Site):
    """Its access log is what `logPath` would make it, but for rotation, which would rename the device as root."""

    def _openLogFile(self, path: str) -> LogFile:
        return LogFile(os.path.basename(path), os.path.dirname(path), rotateLength=None)


def main(reactor: Any) -> None:
    """Serves until standard input ends."""
    silence()
    site = _Site(_Events(), logPath=os.devnull)
    port = reactor.listenTCP(0, site, backlog=4096, interface="127.0.0.1")
    serve(reactor, port.getHost().port)


main(reactor)
