"""Forgetting compiled kernels that are not of today's code: numba looks at a kernel's own file only.

A kernel that calls another file's is compiled with it; when only that other file changes, numba would go on with the
old machine code while receipts name the new one. So kernels are kept only as long as no file of the code changes.
"""

from __future__ import annotations

import os
from pathlib import Path

import meter
import settlement
from settlement.version import code_version

STAMP = "kernels.of"


def forget_stale_kernels() -> bool:
    """Remove the kernels kept beside the code unless they are of this very code; whether any were removed.

    To be called before the first kernel runs. A folder that cannot be written holds no kernels of ours.
    """
    assert meter.__file__ is not None
    assert settlement.__file__ is not None
    roots = [Path(package).parent for package in (meter.__file__, settlement.__file__)]
    stamp = roots[0] / "__pycache__" / STAMP
    try:
        if stamp.exists() and stamp.read_text() == code_version():
            return False
        stale = [path for root in roots for path in root.rglob("__pycache__/*.nb[ic]")]
        for path in stale:
            path.unlink(missing_ok=True)
        stamp.parent.mkdir(exist_ok=True)
        fresh = stamp.with_suffix(f".{os.getpid()}")
        fresh.write_text(code_version())
        fresh.replace(stamp)
    except PermissionError:
        return False
    return bool(stale)
