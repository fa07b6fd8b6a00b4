"""A worker whose parent has gone ends with it: an orphan would hold the port, and the next start would fail."""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def end_with_parent(parent: int) -> None:
    """Have the kernel end this process in the moment in which its parent ends, however that ends.

    It is not asked but killed: what was acknowledged is durable, and nothing else may hold the port any longer. To be
    called before anything is loaded that takes time.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it went before the kernel knew
        os.kill(os.getpid(), signal.SIGKILL)
