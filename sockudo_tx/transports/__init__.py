"""Bytes in, bytes out: one port for WebSocket and REST, and what is sent on it."""
