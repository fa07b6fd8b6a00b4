"""BLAKE2s digests of many texts at once: for the rows a kernel accepted, what digests.py says of one."""

from typing import Any

import numpy as np
import numpy.typing as npt

from meter.intake.kernel import kernel
from meter.intake.lanes import INITIAL, LANES, compress

Array = npt.NDArray[Any]

BLOCK_BYTES = 64
# parameter block of RFC 7693: digest of 16 bytes, no key, fanout 1, depth 1
PARAMETERS = 0x01010010


def initial_state(salt: bytes) -> npt.NDArray[np.uint32]:
    """The state a digest of 16 bytes begins with, for a salt of 8 bytes."""
    state = INITIAL.copy()
    state[0] ^= np.uint32(PARAMETERS)
    state[4:6] ^= np.frombuffer(salt, "<u4").astype(np.uint32)
    return state


@kernel
def digest_texts(text: Array, starts: Array, lengths: Array, initial: Array, digests: Array) -> None:
    """Fill `digests` (n, 4) uint32 with the first 16 bytes of the BLAKE2s of every text; rows of length < 0 are left."""
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
                length = 0
                left = -1
                if lane < filled:
                    length = np.int64(lengths[lane_rows[lane]])
                    left = length - block
                here = min(max(left, 0), BLOCK_BYTES)
                active[lane] = ones if left > 0 or (left == 0 and block == 0) else 0
                last[lane] = ones if left <= BLOCK_BYTES else 0
                counts[lane] = block + here
                if here > 0:
                    start = starts[lane_rows[lane]] + block
                    for step in range(here):
                        words[step >> 2, lane] |= np.uint32(text[start + step]) << np.uint32(8 * (step & 3))
            compress(state, words, counts, last, active)
            block += BLOCK_BYTES
        for lane in range(filled):
            for step in range(4):
                digests[lane_rows[lane], step] = state[step, lane]
