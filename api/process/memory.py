"""Memory of the serving process: large blocks go back to the system, and what lives for ever is not looked through."""

from __future__ import annotations

import ctypes
import gc

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of glibc's malloc.h
LARGE_BYTES = 2 * 1024 * 1024  # what 10,000 ordinary records need is less, and fetched anew for every body it cost 7 %


def give_back_large_blocks() -> None:
    """Have the allocator map every large block for itself; left alone it learns from the first to keep the others."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):  # not every C library has it
        library.mallopt(_MMAP_THRESHOLD, LARGE_BYTES)


def spare_what_stays() -> None:
    """Have the garbage collector pass over everything made so far, which stays for as long as the process.

    Modules, compiled kernels and their types are most of what there is; a full collection through them stopped every
    request for 170 ms. Nor is there one before: it would keep the first request waiting for as long, and loading leaves
    next to nothing to be collected.
    """
    gc.freeze()
