"""Pairs of messages to make deltas of: real streams, random edits, and what has broken encoders before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice, pairwise
from random import Random

from sockudo_tx.bench.streams import STREAMS

Pair = tuple[bytes, bytes]

# delta-and-filters.md 12: source and target of both vectors.
SOURCE = rb'{"event":"t","channel":"c","data":"{\"n\":1,\"pad\":\"abcdefghijklmnopqrst\"}"}'
TARGET = rb'{"event":"t","channel":"c","data":"{\"n\":27,\"pad\":\"abcdefghijklmnopqrst\"}"}'

ALPHABETS = (b"ab,", b'{"a":1,}', b"0123456789,.", bytes(range(256)), b"\0\xff")


def frames(stream: str, count: int, seed: int = 1) -> list[bytes]:
    """The plain frames of one of the built-in streams."""
    return [
        json.dumps({"event": stream, "channel": f"{stream}-1", "data": data}, separators=(",", ":")).encode()
        for data in islice(STREAMS[stream](seed), count)
    ]


def streamed(count: int) -> Iterator[Pair]:
    """Neighbours in each stream."""
    for stream in STREAMS:
        yield from pairwise(frames(stream, count + 1))


def edited(count: int, seed: int = 75) -> Iterator[Pair]:
    """Random texts, binary ones too, and what random edits made of them."""
    random = Random(seed)
    for _ in range(count):
        base = _base(random)
        target = bytearray(base)
        for _ in range(random.randint(0, 12)):
            start = random.randint(0, len(target))
            stop = min(len(target), start + random.choice((0, 1, 1, 2, 5, 100)))
            target[start:stop] = _piece(random, base)
        yield base, bytes(target)


def _base(random: Random) -> bytes:
    size = random.choice((0, 1, 7, 60, 300, 300, 1200))
    if random.random() < 0.5:
        data = {f"field_{number}": random.randint(0, 10 ** random.randint(1, 9)) for number in range(size // 18)}
        return json.dumps({"event": "e", "channel": "ü", "data": json.dumps(data)}, ensure_ascii=False).encode()
    return bytes(random.choices(random.choice(ALPHABETS), k=size))


def _piece(random: Random, base: bytes) -> bytes:
    kind = random.random()
    if kind < 0.25:
        return b""
    if kind < 0.6:
        return bytes(random.choices(b"0123456789", k=random.randint(1, 6)))
    if kind < 0.8:
        start = random.randint(0, len(base))
        return base[start : start + random.randint(0, 150)]
    return bytes(random.choices(random.choice(ALPHABETS), k=random.randint(0, 40)))


def awkward() -> Iterator[Pair]:
    """What has kept searches going for ever, or has nothing to copy."""
    same = frames("ticker", 1)[0]
    yield same, same
    yield b"", same
    yield same, b""
    yield b"", b""
    yield same, b"x"
    yield b"x", b"x"
    yield b"," * 4000, b"," * 3999
    yield b"," * 3999, b"," * 4000
    yield b",a" * 2000, b",b" * 2000
    yield b"[1,2]," * 700, b"[2,1]," * 700
    yield SOURCE, TARGET
    yield TARGET, SOURCE


def unrelated(size: int) -> Pair:
    """Two texts of random bytes with commas in them."""
    random = Random(77)
    one, other = (bytes(random.choices(b"abcdefghijklmnopqrstuvwxyz,,", k=size)) for _ in range(2))
    return one, other
