"""What the machine was like beside a figure: its load, and how fast memory was."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

BYTES = 64_000_000
TIMES = 4


def probe() -> dict[str, Any]:
    """Return the load of the last minute, and how many gigabytes of memory are copied in a second, now."""
    from_, to = np.ones(BYTES, dtype=np.uint8), np.empty(BYTES, dtype=np.uint8)
    np.copyto(to, from_)
    started = time.perf_counter()
    for _ in range(TIMES):
        np.copyto(to, from_)
    gigabytes = TIMES * BYTES / (time.perf_counter() - started) / 1e9
    return {"load": round(os.getloadavg()[0], 1), "memory_gb_a_second": round(gigabytes, 1)}
