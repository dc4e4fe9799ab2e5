"""The messages of delta compression, byte for byte (delta-and-filters.md 3 and 4).

Clients cut the metadata out of a full message and keep the rest as the base of the next delta: whatever is put in here
must come off again without a trace.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..protocol.wirejson import JsonError, loads, quote

__all__ = ["DECLINED", "DeltaForm", "cache_sync", "confirmation", "delta_frame", "full_frame", "poisons"]

DECLINED = '{"event":"pusher:delta_compression_enabled","data":{"enabled":false}}'
"""The answer to who wants deltas where there are none."""

_NUMBER = "__delta_seq"
_KEY = "__conflation_key"
_ESCAPED = re.compile(r"\\u00[567]")
"""What they are made of, if it is escaped. Backends that escape whatever is not ASCII have other escapes."""


class DeltaForm(NamedTuple):
    """How deltas are written for some subscribers."""

    algorithm: str
    spelled: bool = True
    """The algorithm is named in each of them."""


def confirmation(algorithm: str, channel: str | None = None) -> str:
    """Tell a client of the algorithm from now on, everywhere or on one channel."""
    told = f'"enabled":true,"algorithm":"{algorithm}"'
    if channel is None:
        return f'{{"event":"pusher:delta_compression_enabled","data":{{{told}}}}}'
    name = quote(channel)
    return f'{{"event":"pusher:delta_compression_enabled","channel":{name},"data":{{{told},"channel":{name}}}}}'


def full_frame(base: bytes, seq: int, key: str | None) -> bytes:
    """A whole message with its number; `key` is None where the channel is one stream."""
    if key is None:
        return b'%b,"__delta_seq":%d}' % (base[:-1], seq)
    return b'%b,"__delta_seq":%d,"__conflation_key":%b}' % (base[:-1], seq, quote(key).encode())


def delta_frame(event: str, channel: str, delta: bytes, seq: int, base: int, key: str | None, form: DeltaForm) -> bytes:
    """What changed since message number `base`."""
    algorithm = f'"algorithm":"{form.algorithm}",' if form.spelled else ""
    stream = "" if key is None else f'"conflation_key":{quote(key)},'
    head = f'{{"event":"pusher:delta","channel":{quote(channel)},"data":{{"event":{quote(event)},"delta":"'
    tail = f'","seq":{seq},{algorithm}{stream}"base_index":{base}}}}}'
    return head.encode() + b2a_base64(delta, newline=False) + tail.encode()


def cache_sync(channel: str, path: Iterable[str], ring: int, states: Mapping[str, tuple[int, bytes]]) -> str:
    """What a client shall know of a channel with many streams: of each the newest message, or nothing at all."""
    known = ",".join(
        [f'{quote(key)}:[{{"content":{quote(base.decode())},"seq":{seq}}}]' for key, (seq, base) in states.items()]
    )
    told = f'"conflation_key":{quote(".".join(path))},"max_messages_per_key":{ring},"states":{{{known}}}'
    return f'{{"event":"pusher:delta_cache_sync","channel":{quote(channel)},"data":{{{told}}}}}'


def poisons(text: str, data: str) -> bool:
    """Whether clients would take something in the message itself for metadata: it spoils what they remember.

    `data` is that of the event. Written plainly, or escaped within JSON within `data`, which clients read as well.
    """
    if _NUMBER in text or _KEY in text:
        return True
    if _ESCAPED.search(data) is None:
        return False
    try:
        inner = loads(data)
    except JsonError:
        return False
    return isinstance(inner, dict) and (_NUMBER in inner or _KEY in inner)
