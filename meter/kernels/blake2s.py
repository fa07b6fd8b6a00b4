"""The BLAKE2s compression function (RFC 7693) in vector registers: several messages at once, one to a lane.

Written as LLVM instructions on vectors of 32-bit words, because the compiler does not find this shape by itself
(measured: 220 ns a block as plain loops over lanes). LLVM maps them to whatever registers the machine has.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from meter.kernels.simd import VECTOR, splat, turned

INITIAL = np.array(
    [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19], np.uint32
)
SIGMA = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
    (11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4),
    (7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8),
    (9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13),
    (2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9),
    (12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11),
    (13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10),
    (6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5),
    (10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0),
)
# which words of the state each G of a round mixes: four columns, then four diagonals
QUARTERS = (
    (0, 4, 8, 12),
    (1, 5, 9, 13),
    (2, 6, 10, 14),
    (3, 7, 11, 15),
    (0, 5, 10, 15),
    (1, 6, 11, 12),
    (2, 7, 8, 13),
    (3, 4, 9, 14),
)


@intrinsic
def compress(_context: Any, state: Any, words: Any, counts: Any, last: Any, active: Any) -> Any:
    """Compress one block a lane into `state`.

    All are C-contiguous uint32 arrays: state (8, LANES), words (16, LANES), counts (LANES) of bytes so far, last
    (LANES) all ones where the block is a lane's last one, active (LANES) all ones where the lane has a block at all.
    """
    signature = types.void(state, words, counts, last, active)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointers = [
            builder.bitcast(context.make_array(kind)(context, builder, value).data, VECTOR.as_pointer())
            for kind, value in zip(signature.args, arguments, strict=True)
        ]

        def load(pointer: Any, row: int) -> Any:
            return builder.load(builder.gep(pointer, [ir.Constant(ir.IntType(64), row)]), align=4)

        state_pointer, words_pointer, counts_pointer, last_pointer, active_pointer = pointers
        before = [load(state_pointer, row) for row in range(8)]
        m = [load(words_pointer, row) for row in range(16)]
        v = before + [splat(int(word)) for word in INITIAL]
        v[12] = builder.xor(v[12], load(counts_pointer, 0))
        v[14] = builder.xor(v[14], load(last_pointer, 0))
        for schedule in SIGMA:
            for quarter, (a, b, c, d) in enumerate(QUARTERS):
                for word, first, second in ((schedule[2 * quarter], 16, 12), (schedule[2 * quarter + 1], 8, 7)):
                    v[a] = builder.add(builder.add(v[a], v[b]), m[word])
                    v[d] = turned(builder, builder.xor(v[d], v[a]), 32 - first)
                    v[c] = builder.add(v[c], v[d])
                    v[b] = turned(builder, builder.xor(v[b], v[c]), 32 - second)
        mask = load(active_pointer, 0)
        for row in range(8):
            change = builder.and_(builder.xor(v[row], v[row + 8]), mask)
            place = builder.gep(state_pointer, [ir.Constant(ir.IntType(64), row)])
            builder.store(builder.xor(before[row], change), place, align=4)
        return context.get_dummy_value()

    return signature, generate
