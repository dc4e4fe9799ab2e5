"""The samples of one process on their way to another: packed by a worker, read by the hub.

A packed text is a row of pieces, each a big-endian length of four bytes and so many bytes of MessagePack: a list of
`[name of the family, its labels without port, value]`. A histogram's value is the list of its sum and its counts. Both
ends go piece by piece, so that neither stands still however many apps there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from ...engine.tally import Histogram
from .exposition import Value
from .families import FAMILIES
from .pages import Pages
from .sources import Sample, Source

__all__ = ["Packer", "pack", "unpack"]

_Packed = tuple[str, tuple[str, ...], int | float | list[int | float]]

_FAMILIES = {family.name: family for family in FAMILIES}
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[_Packed])
_LENGTH = 4


class Packer(Pages):
    """Packs what these sources tell."""

    def __init__(self, clock: IReactorTime, sources: Sequence[Source]) -> None:
        super().__init__(clock)
        self._sources = sources

    def _made(self) -> Deferred[bytes]:
        pieces: list[bytes] = []
        return self._in_slices(self._read(pieces)).addCallback(lambda _: b"".join(pieces))

    def _read(self, pieces: list[bytes]) -> Iterator[None]:
        for source in self._sources:
            for samples in source():
                if samples:
                    pieces.append(pack(samples))
                yield


def pack(samples: Sequence[Sample]) -> bytes:
    """One piece."""
    packed = _ENCODER.encode([(family.name, labels, _plain(value)) for family, labels, value in samples])
    return len(packed).to_bytes(_LENGTH, "big") + packed


def _plain(value: Value) -> float | list[float]:
    return [value.sum, *value.counts] if isinstance(value, Histogram) else value


def unpack(packed: bytes) -> Iterator[list[Sample]]:
    """Piece by piece. Families that this version does not have, or has otherwise, are left out."""
    place = 0
    while place < len(packed):
        size = int.from_bytes(packed[place : place + _LENGTH], "big")
        place += _LENGTH
        yield list(_samples(_DECODER.decode(packed[place : place + size])))
        place += size


def _samples(packed: list[_Packed]) -> Iterator[Sample]:
    for name, labels, value in packed:
        family = _FAMILIES.get(name)
        if family is None or len(labels) != len(family.labels) - ("port" in family.labels):
            continue
        if not isinstance(value, list):
            yield family, labels, value
        elif len(value) == len(family.bounds) + 2:
            histogram = Histogram(family.bounds)
            histogram.sum, histogram.counts = value[0], [int(count) for count in value[1:]]
            yield family, labels, histogram
