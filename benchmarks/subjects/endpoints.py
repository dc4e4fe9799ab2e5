"""Addresses of webhooks: one that is well, or twenty that are not.

python -m benchmarks.subjects.endpoints well
stdout  {"ports": [40001]}
stdin   heard
stdout  {"heard": {"/path": {"17": 1234.5}}}   by path and data of a client event, when it came (`time.monotonic`)

python -m benchmarks.subjects.endpoints dead
stdout  {"ports": [40002, ...]}   four that refuse, then four each that never answer, answer 500, reset, are slow
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
import time
from collections import defaultdict

from .said import tell

_EACH = 4
_SLOW = 10.0
"""Seconds until a slow one answers."""
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_OOPS = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


async def _request(reader: Reader) -> tuple[str, bytes]:
    """Path and body. Raises `IncompleteReadError` at the end."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    lines = head.split("\r\n")
    size = next(int(line.partition(":")[2]) for line in lines if line.lower().startswith("content-length:"))
    return lines[0].split(" ")[1], await reader.readexactly(size)


heard: dict[str, dict[str, float]] = defaultdict(dict)


async def _well(reader: Reader, writer: Writer) -> None:
    while True:
        path, body = await _request(reader)
        now = time.monotonic()
        for event in json.loads(body)["events"]:
            heard[path].setdefault(event["data"], now)
        writer.write(_OK)


async def _fails(reader: Reader, writer: Writer) -> None:
    while True:
        await _request(reader)
        writer.write(_OOPS)


async def _slow(reader: Reader, writer: Writer) -> None:
    while True:
        await _request(reader)
        await asyncio.sleep(_SLOW)
        writer.write(_OK)


async def _resets(reader: Reader, writer: Writer) -> None:
    await _request(reader)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()


async def _black_hole(reader: Reader, writer: Writer) -> None:
    while await reader.read(65536):
        pass


async def _serve(serve: object) -> int:
    async def guarded(reader: Reader, writer: Writer) -> None:
        try:
            await serve(reader, writer)  # type: ignore[operator]
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(guarded, "127.0.0.1", 0, backlog=512)
    port: int = server.sockets[0].getsockname()[1]
    _kept.append(server)
    return port


def _refusing() -> int:
    """Bound, and nobody listens."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    _kept.append(bound)
    port: int = bound.getsockname()[1]
    return port


_kept: list[object] = []


async def _main(which: str) -> None:
    """Serves until standard input ends."""
    if which == "well":
        ports = [await _serve(_well)]
    else:
        ports = [_refusing() for _ in range(_EACH)]
        for kind in (_black_hole, _fails, _resets, _slow):
            ports += [await _serve(kind) for _ in range(_EACH)]
    tell(ports=ports)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while await commands.readline():
        tell(heard=heard)


asyncio.run(_main(sys.argv[1]))
