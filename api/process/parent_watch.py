"""A worker whose parent has gone ends with it: an orphan would hold the port, and the next start would fail."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def end_with_parent() -> None:
    """Have the kernel end this process in the moment in which its parent ends, however that ends.

    It is not asked but killed: what was acknowledged is durable, and nothing else may hold the port any longer.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is not None and os.getppid() != parent.pid:  # it went before the kernel knew
        os.kill(os.getpid(), signal.SIGKILL)
