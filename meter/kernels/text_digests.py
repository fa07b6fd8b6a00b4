"""BLAKE2s digests of many texts at once: for the rows a kernel accepted, what digests.py says of one."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from meter.kernels.blake2s import INITIAL, compress
from meter.kernels.kernel import Array, kernel
from meter.kernels.simd import LANES
from meter.kernels.words import last_word, word_at

BLOCK_BYTES = 64
# parameter block of RFC 7693: digest of 16 bytes, no key, fanout 1, depth 1
LOW_HALF = np.uint64(0xFFFFFFFF)
PARAMETERS = 0x01010010
AS_WRITTEN = np.uint64(0)
LOWER_HEX = np.uint64(0x2020202020202020)  # the bit that tells a from A; the digits 0 to 9 have it as well


@lru_cache
def initial_state(salt: bytes) -> npt.NDArray[np.uint32]:
    """Return the state a digest of 16 bytes begins with, for a salt of 8 bytes."""
    state = INITIAL.copy()
    state[0] ^= np.uint32(PARAMETERS)
    state[4:6] ^= np.frombuffer(salt, "<u4").astype(np.uint32)
    state.flags.writeable = False
    return state


@kernel
def put_word(words: Array, place: int, lane: int, word: Any) -> None:
    """Put eight bytes of a message as two words of a lane."""
    words[place, lane] = np.uint32(word & LOW_HALF)
    words[place + 1, lane] = np.uint32(word >> np.uint64(32))


@kernel
def digest_texts(  # noqa: C901, PLR0912 - a kernel: one pass over texts
    text: Array, starts: Array, lengths: Array, initial: Array, case: Any, digests: Array
) -> None:
    """Fill `digests` (n, 4) uint32 with the BLAKE2s of every text; rows of length < 0 are left as they are.

    `case` is AS_WRITTEN, or LOWER_HEX for texts of hexadecimal digits that are taken in lower case.
    """
    state = np.empty((8, LANES), np.uint32)
    words = np.empty((16, LANES), np.uint32)
    counts = np.empty(LANES, np.uint32)
    last = np.empty(LANES, np.uint32)
    active = np.empty(LANES, np.uint32)
    lane_rows = np.empty(LANES, np.int64)
    ones = np.uint32(0xFFFFFFFF)
    row = 0
    while row < starts.size:
        filled = 0
        most_bytes = 0
        while row < starts.size and filled < LANES:
            if lengths[row] >= 0:
                lane_rows[filled] = row
                most_bytes = max(most_bytes, lengths[row])
                filled += 1
            row += 1
        if filled == 0:
            break
        for lane in range(LANES):
            for step in range(8):
                state[step, lane] = initial[step]
        block = 0
        while block == 0 or block < most_bytes:
            words[:, :] = 0
            for lane in range(LANES):
                left: Any = -1
                if lane < filled:
                    left = np.int64(lengths[lane_rows[lane]]) - block
                here = min(max(left, 0), BLOCK_BYTES)
                active[lane] = ones if left > 0 or (left == 0 and block == 0) else 0
                last[lane] = ones if left <= BLOCK_BYTES else 0
                counts[lane] = block + here
                if here > 0:
                    start = starts[lane_rows[lane]] + block
                    for step in range(0, here - 7, 8):
                        put_word(words, step >> 2, lane, word_at(text, start + step) | case)
                    if here & 7:
                        kept = np.uint64(64 - 8 * (here & 7))  # bits of the last word that no text fills
                        put_word(words, here >> 3 << 1, lane, last_word(text, start, here) | case >> kept)
            compress(state, words, counts, last, active)
            block += BLOCK_BYTES
        for lane in range(filled):
            for step in range(4):
                digests[lane_rows[lane], step] = state[step, lane]


@kernel
def keep_first_half(digests: Array, lengths: Array, column: Array) -> None:
    """Fill an int64 column with the first half of every digest: 0 where there is no text, else never 0."""
    for row in range(lengths.size):
        half = np.int64(np.uint64(digests[row, 0]) | np.uint64(digests[row, 1]) << np.uint64(32))
        column[row] = 1 if half == 0 and lengths[row] >= 0 else half
