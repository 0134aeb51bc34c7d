"""NaCl's secretbox (XSalsa20 and Poly1305), to open what cosign put a private key into. Pure.

`cryptography` has Poly1305 but not this cipher; it is only ever given the few hundred bytes of one key.
Source: D. J. Bernstein, "Extending the Salsa20 nonce".
"""

from __future__ import annotations

import struct

KEY_BYTES, NONCE_BYTES, TAG_BYTES, BLOCK_BYTES = 32, 24, 16, 64
MAX_BOX_BYTES = 16 * 1024

_WORD = 0xFFFFFFFF
_CONSTANTS = struct.unpack("<4I", b"expand 32-byte k")
_DOUBLE_ROUND = (
    (0, 4, 8, 12),
    (5, 9, 13, 1),
    (10, 14, 2, 6),
    (15, 3, 7, 11),
    (0, 1, 2, 3),
    (5, 6, 7, 4),
    (10, 11, 8, 9),
    (15, 12, 13, 14),
)
_ROTATIONS = (7, 9, 13, 18)


class BoxNotOpened(ValueError):
    """The key is another one, or the content was changed."""


def open_box(box: bytes, *, key: bytes, nonce: bytes) -> bytes:
    """The content. Raises BoxNotOpened."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.poly1305 import Poly1305

    is_sized = len(key) == KEY_BYTES and len(nonce) == NONCE_BYTES
    if not is_sized or not TAG_BYTES <= len(box) <= MAX_BOX_BYTES:
        raise BoxNotOpened("key, nonce or box has a wrong length")
    tag, content = box[:TAG_BYTES], box[TAG_BYTES:]
    stream = _key_stream(key, nonce, length=KEY_BYTES + len(content))
    try:
        Poly1305.verify_tag(stream[:KEY_BYTES], content, tag)
    except InvalidSignature:
        raise BoxNotOpened("the password is another one, or the content was changed") from None
    return bytes(a ^ b for a, b in zip(content, stream[KEY_BYTES:], strict=True))


def _key_stream(key: bytes, nonce: bytes, *, length: int) -> bytes:
    """The first bytes of XSalsa20's stream."""
    inner = _core(key, struct.unpack("<4I", nonce[:16]))
    derived = struct.pack("<8I", *(inner[place] for place in (0, 5, 10, 15, 6, 7, 8, 9)))
    stream = bytearray()
    for counter in range(-(-length // BLOCK_BYTES)):
        block = (*struct.unpack("<2I", nonce[16:]), counter & _WORD, counter >> 32)
        start = _state(derived, block)
        end = _core(derived, block)
        stream += struct.pack("<16I", *((a + b) & _WORD for a, b in zip(start, end, strict=True)))
    return bytes(stream[:length])


def _state(key: bytes, middle: tuple[int, ...]) -> list[int]:
    words = struct.unpack("<8I", key)
    one, two, three, four = _CONSTANTS
    return [one, *words[:4], two, *middle, three, *words[4:], four]


def _core(key: bytes, middle: tuple[int, ...]) -> list[int]:
    """Twenty rounds of Salsa20, without the final addition."""
    x = _state(key, middle)
    for _ in range(10):
        for a, b, c, d in _DOUBLE_ROUND:
            for target, one, two, turn in zip(
                (b, c, d, a), (a, b, c, d), (d, a, b, c), _ROTATIONS, strict=True
            ):
                total = (x[one] + x[two]) & _WORD
                x[target] ^= ((total << turn) | (total >> (32 - turn))) & _WORD
    return x
