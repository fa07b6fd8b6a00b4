"""Digests of long byte strings in pieces, so that many pieces are read at once.

digest = H(H(piece 1) H(piece 2) ...), with pieces of 4096 bytes, the last one shorter; no bytes at all are one empty
piece. It is written `<algorithm>/4096:<hex>`. Anyone can recompute it with the standard library:

    pieces = [data[at : at + 4096] for at in range(0, max(len(data), 1), 4096)]
    hashlib.new("sm3", b"".join(hashlib.new("sm3", piece).digest() for piece in pieces)).hexdigest()
"""

from __future__ import annotations

import hashlib

import numpy as np

from meter.kernels.simd import LANES
from meter.kernels.sm3 import BLOCK_BYTES, digest_pieces

PIECE_BYTES = 4096
FEWEST_IN_LANES = 4  # a set of lanes costs what one and a half to three cost in the standard library
_PADDING = np.frombuffer(b"\x80" + bytes(BLOCK_BYTES - 9) + (8 * PIECE_BYTES).to_bytes(8, "big"), np.uint8)


def digest_in_pieces(algorithm: str, data: bytes | bytearray | memoryview) -> str:
    """Return the digest of `data` (contiguous bytes) in pieces, as `algorithm/4096:hex`."""
    view = memoryview(data).cast("B")
    whole = len(view) // PIECE_BYTES if algorithm == "sm3" else 0
    outer = hashlib.new(algorithm)
    done = 0
    if whole >= FEWEST_IN_LANES:
        letters = np.frombuffer(view, np.uint8)
        letters.flags.writeable = False  # one type for the kernel, whatever the data is kept in
        digests = np.empty((LANES, 8), np.uint32)
        while whole - done >= FEWEST_IN_LANES:
            count = min(LANES, whole - done)
            digest_pieces(letters, done, count, PIECE_BYTES, _PADDING, digests)
            outer.update(digests[:count].astype(">u4").tobytes())
            done += count
    for start in range(done * PIECE_BYTES, max(len(view), 1), PIECE_BYTES):
        outer.update(hashlib.new(algorithm, view[start : start + PIECE_BYTES]).digest())
    return f"{algorithm}/{PIECE_BYTES}:{outer.hexdigest()}"
