"""A whole server in memory, for tests of applications and of the server itself.

    server = MemoryServer()
    client = server.client()                       # connected; its socket id is client.established
    client.subscribe("news")
    server.publish("news", "tick", "{}")
    assert client.take() == ['{"event":"tick","channel":"news","data":"{}"}']
    server.advance(120)                            # time passes only here

No port is opened, no thread runs, no clock ticks. HTTP and WebSocket bytes are real on both sides, and
everything behind them is the server itself with its memory backends. Needs `pip install sockudo-tx[testing]`;
docs/testing.md shows more.
"""

from .client import AUTO, MemoryClient, masked
from .http import HttpReader, Response
from .server import MemoryServer, RecordingFacts, fixture_app
from .signing import channel_auth, signed_target, user_auth
from .tables import sizes
from .wire import MemoryWire

__all__ = [
    "AUTO",
    "HttpReader",
    "MemoryClient",
    "MemoryServer",
    "MemoryWire",
    "RecordingFacts",
    "Response",
    "channel_auth",
    "fixture_app",
    "masked",
    "signed_target",
    "sizes",
    "user_auth",
]
