"""The load generator of the benchmarks: a server that breaks down ends a figure, and does not hang it."""

from __future__ import annotations

import socket

import pytest

from benchmarks.harness.client import read_answer

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"


@pytest.mark.parametrize("said", [b"", HEAD[:20], HEAD, HEAD + b'{"ok'])
def test_half_an_answer(said: bytes) -> None:
    """A server that hangs up in the middle of an answer is an error."""
    near, far = socket.socketpair()
    with near, far:
        far.sendall(said)
        far.close()
        with pytest.raises(ConnectionError, match="hung up"):
            read_answer(near)
