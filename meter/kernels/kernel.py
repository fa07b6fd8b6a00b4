"""The decorator of every kernel: compiled on first use, kept on disk as long as its sources stand, without the GIL."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, overload

import numba
import numpy.typing as npt

from meter.kernels.cache import stamp_with_sources

# How kernels annotate what they take: numba derives the exact types, which annotations cannot say.
Array: TypeAlias = npt.NDArray[Any]
Whole: TypeAlias = Any  # a whole number of 64 bits, signed or not

F = TypeVar("F", bound=Callable[..., Any])


@overload
def kernel(function: F) -> F: ...


@overload
def kernel(*, inline: bool = False) -> Callable[[F], F]: ...


def kernel(function: F | None = None, *, inline: bool = False) -> F | Callable[[F], F]:
    """Compile a function over arrays, NamedTuples of arrays and whole numbers.

    It runs without the interpreter's lock, so whoever calls it may do so from several threads. Integers wrap, indices
    are not checked, and a division by zero gives 0: a kernel divides only by what its caller knows not to be 0.
    `inline` puts the body into each caller before types are known, which small functions in hot loops need.
    """

    def compiled(function: F) -> F:
        options = {"inline": "always"} if inline else {}
        if numba.config.DISABLE_JIT:
            return function  # as plain Python: slow, and the same whole numbers
        dispatcher = numba.njit(cache=True, nogil=True, error_model="numpy", **options)(function)
        stamp_with_sources(dispatcher, Path(function.__code__.co_filename))
        return dispatcher  # type: ignore[no-any-return]

    return compiled if function is None else compiled(function)
