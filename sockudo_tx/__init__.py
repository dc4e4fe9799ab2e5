"""A Pusher-compatible WebSocket server on Twisted and Autobahn."""

from ._version import __version__

__all__ = ["__version__"]
