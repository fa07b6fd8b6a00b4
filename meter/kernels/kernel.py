"""The decorator of every kernel: compiled without the interpreter lock, kept on disk, and never stale.

numba's own cache looks at the file a kernel stands in; a kernel that calls another file's kernel would keep the old
one after an upgrade. Here the stamp is that of all of them.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def folder_stamp() -> str:
    """A digest of the sources that kernels here are made of."""
    whole = hashlib.sha256()
    meter = Path(__file__).parents[1]
    for path in sorted(path for folder in ("kernels", "intake") for path in (meter / folder).rglob("*.py")):
        whole.update(path.relative_to(meter).as_posix().encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()


STAMP = folder_stamp()


def kernel(function: F) -> F:
    """A compiled function over arrays and integers."""
    dispatcher = numba.njit(cache=True, nogil=True)(function)
    file = dispatcher._cache._cache_file
    assert hasattr(file, "_source_stamp"), "numba keeps its cache's stamp elsewhere now: kernels could go stale"
    file._source_stamp = STAMP
    return dispatcher  # type: ignore[no-any-return]
