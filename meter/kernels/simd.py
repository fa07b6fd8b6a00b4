"""Words of 32 bits side by side in vector registers, one to a lane: how many, and what digests do with them."""

from typing import Any

from llvmlite import binding, ir

# as many as fit one register (of 256 bits without AVX-512): of twice as many, the state of a digest waits in memory
LANES = 16 if binding.get_host_cpu_features().get("avx512f", False) else 8
VECTOR = ir.VectorType(ir.IntType(32), LANES)
_BYTES = ir.VectorType(ir.IntType(8), 4 * LANES)


def splat(value: int) -> ir.Constant:
    """Return a vector with one value in every lane."""
    return ir.Constant(VECTOR, [value & 0xFFFFFFFF] * LANES)


def turned(builder: Any, value: Any, bits: int) -> Any:
    """Return every lane rotated left; by whole bytes they are shuffled, which is one instruction where rotating is
    three."""
    if bits % 8:
        return builder.or_(builder.shl(value, splat(bits)), builder.lshr(value, splat(32 - bits)))
    places = [(at & ~3) | ((at - bits // 8) & 3) for at in range(4 * LANES)]
    mask = ir.Constant(ir.VectorType(ir.IntType(32), 4 * LANES), places)
    letters = builder.bitcast(value, _BYTES)
    return builder.bitcast(builder.shuffle_vector(letters, letters, mask), VECTOR)
