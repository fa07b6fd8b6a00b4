"""Forgetting compiled kernels that are not of today's code: numba looks at a kernel's own file only.

A kernel that calls another file's, or uses its constants, is compiled with them; when only that other file changes,
numba would go on with the old machine code while receipts name the new one. So compiled kernels are kept only as long
as no file with kernels changes, and none that such a file imports from.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import meter
import settlement

STAMP = "kernels.of"
_IMPORTED = re.compile(rb"^from ((?:meter|settlement)[\w.]*) import", re.MULTILINE)


def forget_stale_kernels() -> bool:
    """Remove the kernels kept beside the code unless they are of this very code; whether any were removed.

    To be called before the first kernel runs. A folder that cannot be written holds no kernels of ours.
    """
    assert meter.__file__ is not None
    assert settlement.__file__ is not None
    roots = [Path(package).parent for package in (meter.__file__, settlement.__file__)]
    stamp = roots[0] / "__pycache__" / STAMP
    try:
        now = digest_of_kernels(roots)
        if stamp.exists() and stamp.read_text() == now:
            return False
        stale = [path for root in roots for path in root.rglob("__pycache__/*.nb[ic]")]
        for path in stale:
            path.unlink(missing_ok=True)
        stamp.parent.mkdir(exist_ok=True)
        fresh = stamp.with_suffix(f".{os.getpid()}")
        fresh.write_text(now)
        fresh.replace(stamp)
    except PermissionError:
        return False
    return bool(stale)


def digest_of_kernels(roots: list[Path]) -> str:
    """A digest over the files with kernels below the packages at `roots`, and over those that they import from."""
    texts = {
        ".".join((root.name, *path.relative_to(root).with_suffix("").parts)): path.read_bytes()
        for root in roots
        for path in root.rglob("*.py")
    }
    wanted = {name for name, text in texts.items() if b"numba" in text}
    wanted |= {found.decode() for name in wanted for found in _IMPORTED.findall(texts[name])} & texts.keys()
    state = hashlib.sha256()
    for name in sorted(wanted):
        state.update(f"{name} {hashlib.sha256(texts[name]).hexdigest()}\n".encode())
    return state.hexdigest()
