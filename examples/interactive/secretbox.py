"""NaCl's `secretbox` (XSalsa20 and Poly1305), which Pusher's encrypted channels use, so that the example needs no
package for it. Slow and not hardened: applications take PyNaCl, or an SDK that does.

Source: D. J. Bernstein, "Cryptography in NaCl".
"""

from __future__ import annotations

import struct

from cryptography.hazmat.primitives.poly1305 import Poly1305

NONCE_SIZE = 24
_SIGMA = struct.unpack("<4I", b"expand 32-byte k")
_MASK = 0xFFFFFFFF
# The four columns of a Salsa20 state, then its four rows; a double round mixes both.
_QUARTERS = (
    (0, 4, 8, 12),
    (5, 9, 13, 1),
    (10, 14, 2, 6),
    (15, 3, 7, 11),
    (0, 1, 2, 3),
    (5, 6, 7, 4),
    (10, 11, 8, 9),
    (15, 12, 13, 14),
)


def seal(message: bytes, nonce: bytes, key: bytes) -> bytes:
    """The 16-byte tag followed by the encrypted message."""
    subkey = _hsalsa20(key, nonce[:16])
    stream = b"".join(_salsa20_block(subkey, nonce[16:], counter) for counter in range((32 + len(message) + 63) // 64))
    encrypted = bytes(a ^ b for a, b in zip(message, stream[32:], strict=False))
    return Poly1305.generate_tag(stream[:32], encrypted) + encrypted


def _state(key: bytes, block: bytes) -> list[int]:
    k, n = struct.unpack("<8I", key), struct.unpack("<4I", block)
    return [_SIGMA[0], *k[:4], _SIGMA[1], *n, _SIGMA[2], *k[4:], _SIGMA[3]]


def _double_rounds(state: list[int]) -> list[int]:
    x = list(state)
    for _ in range(10):
        for a, b, c, d in _QUARTERS:
            x[b] ^= _rotated(x[a] + x[d], 7)
            x[c] ^= _rotated(x[b] + x[a], 9)
            x[d] ^= _rotated(x[c] + x[b], 13)
            x[a] ^= _rotated(x[d] + x[c], 18)
    return x


def _rotated(value: int, bits: int) -> int:
    value &= _MASK
    return (value << bits | value >> (32 - bits)) & _MASK


def _hsalsa20(key: bytes, nonce: bytes) -> bytes:
    x = _double_rounds(_state(key, nonce))
    return struct.pack("<8I", *(x[i] for i in (0, 5, 10, 15, 6, 7, 8, 9)))


def _salsa20_block(key: bytes, nonce: bytes, counter: int) -> bytes:
    state = _state(key, nonce + struct.pack("<Q", counter))
    mixed = zip(_double_rounds(state), state, strict=True)
    return struct.pack("<16I", *((a + b) & _MASK for a, b in mixed))
