"""Eight bytes of text at once: the two machine instructions that Python and numba have no words for."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from meter.kernels.kernel import Array, kernel

WORD = ir.IntType(64)
HASH_FACTOR = np.uint64(0x9E3779B97F4A7C15)


@intrinsic
def word_at(_context: Any, text: Any, place: Any) -> Any:
    """Return the 8 bytes of a contiguous uint8 array from `place` as one little-endian uint64.

    Nothing is checked: the caller knows that place + 8 <= text.size.
    """
    signature = types.uint64(text, place)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        place = context.cast(builder, arguments[1], signature.args[1], types.int64)
        pointer = builder.bitcast(builder.gep(data, [place]), WORD.as_pointer())
        return builder.load(pointer, align=1)

    return signature, generate


@intrinsic
def trailing_zeros(_context: Any, _word: Any) -> Any:
    """Return the number of zero bits below the lowest one bit of a uint64 that is not 0."""
    signature = types.int64(types.uint64)

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return signature, generate


@kernel
def last_word(text: Array, start: int, length: int) -> Any:
    """Return the last `length` % 8 bytes of a text as a uint64, zeros above them."""
    rest = length & 7
    first = start + length - rest
    if first + 8 <= text.size:
        return word_at(text, first) & ((np.uint64(1) << np.uint64(8 * rest)) - np.uint64(1))
    word: Any = np.uint64(0)
    for step in range(rest):
        word |= np.uint64(text[first + step]) << np.uint64(8 * step)
    return word


@kernel
def hash_of(text: Array, start: int, length: int) -> int:
    """Return a hash of a text, not negative: every word of it multiplied and folded in."""
    value: Any = np.uint64(length) * HASH_FACTOR
    for place in range(start, start + length - 7, 8):
        value = (value ^ word_at(text, place)) * HASH_FACTOR
        value ^= value >> np.uint64(32)
    value = (value ^ last_word(text, start, length)) * HASH_FACTOR
    value ^= value >> np.uint64(29)
    return int(np.int64(value >> np.uint64(1)))


@kernel
def same_text(text: Array, start: int, other: Array, other_start: int, length: int) -> bool:
    """Return whether two texts of one length are the same."""
    for step in range(0, length - 7, 8):
        if word_at(text, start + step) != word_at(other, other_start + step):
            return False
    return bool(last_word(text, start, length) == last_word(other, other_start, length))
