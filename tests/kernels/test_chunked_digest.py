"""Digests in pieces are what anyone gets with the standard library, however many pieces are read at once."""

import hashlib
from random import Random

import pytest

from meter.kernels.chunked_digest import PIECE_BYTES, digest_in_pieces

PIECES = (0, 1, 3, 4, 7, 8, 9, 15, 16, 17, 33, 40)  # fewer and more than lanes, and left over from them


def by_the_standard_library(algorithm: str, data: bytes) -> str:
    pieces = [data[at : at + PIECE_BYTES] for at in range(0, max(len(data), 1), PIECE_BYTES)]
    inner = b"".join(hashlib.new(algorithm, piece).digest() for piece in pieces)
    return f"{algorithm}/{PIECE_BYTES}:{hashlib.new(algorithm, inner).hexdigest()}"


@pytest.mark.parametrize("algorithm", ["sm3", "sha256"])
@pytest.mark.parametrize("pieces", PIECES)
def test_a_digest_in_pieces_is_that_of_the_standard_library(algorithm: str, pieces: int) -> None:
    whole = Random(pieces).randbytes(pieces * PIECE_BYTES + 1)
    for length in {max(len(whole) - 2, 0), len(whole) - 1, len(whole)}:
        some = whole[:length]
        assert digest_in_pieces(algorithm, some) == by_the_standard_library(algorithm, some)
        assert digest_in_pieces(algorithm, memoryview(bytearray(some))) == by_the_standard_library(algorithm, some)
