"""Memory of large bodies goes back to the system when they are answered, instead of being kept for the next one."""

from __future__ import annotations

import ctypes

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of glibc's malloc.h
LARGE_BYTES = 1024 * 1024


def give_back_large_blocks() -> None:
    """Have the allocator map every large block for itself; left alone it learns from the first to keep the others."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):  # not every C library has it
        library.mallopt(_MMAP_THRESHOLD, LARGE_BYTES)
