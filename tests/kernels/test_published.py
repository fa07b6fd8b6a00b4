"""The digests in vector registers give what their standards print as examples: GB/T 32905-2016 and RFC 7693."""

import numpy as np
import pytest

from meter.kernels import blake2s, sm3
from meter.kernels.kernel import Array, kernel
from meter.kernels.simd import LANES
from meter.kernels.text_digests import AS_WRITTEN, digest_texts

# GB/T 32905-2016, appendix A.1 and A.2
SM3_EXAMPLES = [
    (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
    (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
]
# RFC 7693, appendix B
BLAKE2S_ABC = "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982"
# RFC 7693, section 2.5: digest of 32 bytes, no key, fanout 1, depth 1
PARAMETERS = np.uint32(0x01010020)


@pytest.mark.parametrize(("message", "digest"), SM3_EXAMPLES)
@pytest.mark.parametrize("count", [1, LANES - 1, LANES])
def test_sm3_gives_the_examples_of_the_standard(message: bytes, digest: str, count: int) -> None:
    """Whole blocks are read from the buffer; what is left over, and the length, stand in the last block."""
    whole = len(message) // sm3.BLOCK_BYTES * sm3.BLOCK_BYTES
    rest = message[whole:] + b"\x80"
    last = rest.ljust(sm3.BLOCK_BYTES - 8, b"\0") + (8 * len(message)).to_bytes(8, "big")
    found = np.zeros((LANES, 8), np.uint32)
    data = np.frombuffer(message[:whole] * count or b"!", np.uint8)
    sm3.digest_pieces(data, 0, count, whole, np.frombuffer(last, np.uint8), found)
    assert [row.astype(">u4").tobytes().hex() for row in found[:count]] == [digest] * count
    assert not found[count:].any()


@kernel
def compress_once(state: Array, words: Array, counts: Array, last: Array, active: Array) -> None:
    """Call the instruction, which only kernels can."""
    blake2s.compress(state, words, counts, last, active)


def test_blake2s_gives_the_example_of_the_standard_in_every_lane_that_is_active() -> None:
    """A lane without a block keeps the state it had."""
    state = np.repeat(blake2s.INITIAL[:, None], LANES, axis=1)
    state[0] ^= PARAMETERS
    before = state.copy()
    words = np.repeat(np.frombuffer(b"abc".ljust(64, b"\0"), "<u4").astype(np.uint32)[:, None], LANES, axis=1)
    active = np.full(LANES, 0xFFFFFFFF, np.uint32)
    active[1] = 0
    compress_once(state, words, np.full(LANES, 3, np.uint32), np.full(LANES, 0xFFFFFFFF, np.uint32), active)
    for lane in range(LANES):
        digest = state[:, lane].astype("<u4").tobytes().hex()
        assert digest == (BLAKE2S_ABC if lane != 1 else before[:, 1].astype("<u4").tobytes().hex())


def test_digests_of_texts_begin_as_the_example_of_the_standard_does() -> None:
    """The kernel writes the first 16 of the 32 bytes."""
    initial = blake2s.INITIAL.copy()
    initial[0] ^= PARAMETERS
    found = np.zeros((1, 4), np.uint32)
    digest_texts(
        np.frombuffer(b"abc", np.uint8), np.zeros(1, np.int64), np.array([3], np.int32), initial, AS_WRITTEN, found
    )
    assert found.astype("<u4").tobytes().hex() == BLAKE2S_ABC[:32]
