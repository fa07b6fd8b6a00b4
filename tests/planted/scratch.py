"""Copies of the tree to plant bugs in: linked to one another file by file, so that one more costs nearly nothing."""

from __future__ import annotations

import compileall
import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.planted.bugs import TOP

KEPT = ("*.nbi", "*.nbc")
"""Compiled kernels: their stamps are of what they were made from, so a kernel with a bug is compiled anew."""


COMPILED = ("meter", "settlement", "api", "migrations")


@contextlib.contextmanager
def copied() -> Iterator[Path]:
    """A copy of all files that belong to the project, and of its compiled kernels."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=TOP, capture_output=True, check=True
    )
    names = [name for name in listed.stdout.decode().split("\0") if name and (TOP / name).is_file()]
    for folder in ("meter", "settlement"):
        names += [str(path.relative_to(TOP)) for kind in KEPT for path in (TOP / folder).rglob(kind)]
    with tempfile.TemporaryDirectory(prefix="suanbu-planted-") as made:
        base = Path(made) / "base"
        for name in names:
            (base / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, base / name)
        for folder in COMPILED:  # once for all trees: a file with a bug is newer, and compiled anew
            compileall.compile_dir(base / folder, quiet=2)
        yield base


@contextlib.contextmanager
def changed(base: Path, file: str, text: str) -> Iterator[Path]:
    """A copy of the copy in which one file has another text."""
    with tempfile.TemporaryDirectory(prefix="tree-", dir=base.parent) as made:
        tree = Path(made) / "tree"
        shutil.copytree(base, tree, copy_function=os.link)
        (tree / file).unlink()
        (tree / file).write_text(text, encoding="utf-8")
        yield tree
