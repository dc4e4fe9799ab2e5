"""One message that is numbered: whole for some, what has changed for others (delta-and-filters.md 6).

Whatever goes wrong, or is not worth it, a message goes out whole, and that is counted.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from twisted.logger import Logger

from ...delta import fossil, vcdiff
from ...delta.frames import DeltaForm, delta_frame, full_frame
from ...delta.streams import Stream
from ...protocol.publication import Publication
from ..audiences import Audience
from ..tally import AppTally, DeltaTally
from .segments import RecipientGroup

__all__ = ["NumberedEvent"]

_BASES = 4
"""Messages against which one is encoded at most; whoever is elsewhere gets it whole."""
_ENCODERS: dict[str, Callable[[bytes, bytes], bytes | None]] = {"fossil": fossil.encode, "xdelta3": vcdiff.encode}

Pair = tuple[str, int]
"""Algorithm and number of the base."""


class NumberedEvent:
    """A published event with its number in a stream, on its way to those who follow it."""

    _log = Logger()

    def __init__(
        self, event: Publication, channel: str, text: bytes, stream: Stream, key: str | None, tally: AppTally
    ) -> None:
        self._event = event
        self._channel = channel
        self._text = text
        self._stream = stream
        self._key = key
        self._tally = tally
        self._full = full_frame(text, stream.next, key)
        self._seq = stream.next

    def deliveries(self, groups: list[RecipientGroup], counts: DeltaTally) -> list[tuple[int, Audience, bytes]]:
        """How many, who, and what they are sent.

        Counts the stream's deltas on, or anew if those who are together cannot have one.
        """
        crowds: dict[Pair, int] = {}
        for form, position, _, count in groups:
            if position is not None:
                pair = (form.algorithm, position)
                crowds[pair] = crowds.get(pair, 0) + count
        pairs = sorted(crowds, key=crowds.__getitem__, reverse=True)
        for _ in pairs[_BASES:]:
            self._tally.delta_fallbacks["bases"] += 1
        bases = pairs[:_BASES] if pairs and self._may_shrink() else []
        check = fossil.checksum(self._text) if sum(algorithm == "fossil" for algorithm, _ in bases) > 1 else None
        deltas = {pair: self._encoded(*pair, check) for pair in bases}
        frames: dict[tuple[DeltaForm, int], bytes | None] = {}
        deliveries = []
        largest = False
        full = self._full
        for form, position, audience, count in groups:
            payload = None
            if position is not None:
                if (form, position) not in frames:
                    frames[form, position] = self._frame(form, position, deltas.get((form.algorithm, position)))
                payload = frames[form, position]
                if pairs and (form.algorithm, position) == pairs[0]:
                    largest = payload is None
            counts.original += count * len(full)
            if payload is None:
                counts.full += count
            else:
                counts.deltas += count
                counts.saved += count * (len(full) - len(payload))
            deliveries.append((count, audience, full if payload is None else payload))
        self._stream.deltas = 0 if largest else self._stream.deltas + 1
        return deliveries

    def _may_shrink(self) -> bool:
        """Whether there is room for a delta beside what has to be around it; no delta is longer than the plain text."""
        least = delta_frame(self._event.name, self._channel, b"", self._seq, 0, self._key, DeltaForm("fossil", False))
        if len(least) < len(self._text):
            return True
        self._tally.delta_fallbacks["size"] += 1
        return False

    def _encoded(self, algorithm: str, position: int, check: int | None) -> bytes | None:
        """`check` is the Fossil checksum of the text, where several bases share it."""
        base = self._stream.ring[position].text
        began = perf_counter()
        try:
            if check is not None and algorithm == "fossil":
                delta = fossil.encode(base, self._text, check)
            else:
                delta = _ENCODERS[algorithm](base, self._text)
        except Exception:  # noqa: BLE001  # the boundary: our bug must cost neither the event nor the server
            self._log.failure("a delta could not be encoded, the event goes out whole", algorithm=algorithm)
            self._tally.delta_fallbacks["error"] += 1
            return None
        self._tally.encodings.observe(perf_counter() - began)
        if delta is None:
            self._tally.delta_fallbacks["size"] += 1
        return delta

    def _frame(self, form: DeltaForm, position: int, delta: bytes | None) -> bytes | None:
        """The finished message; None where it would be longer than the plain one.

        So a channel never costs more than plain messages and what its whole ones carry in addition.
        """
        if delta is None:
            return None
        frame = delta_frame(self._event.name, self._channel, delta, self._seq, position, self._key, form)
        if len(frame) <= len(self._text):
            return frame
        self._tally.delta_fallbacks["size"] += 1
        return None
