"""Which code computed a settlement: the package's version and a digest over everything that decides."""

from __future__ import annotations

import functools
import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import meter
import settlement


@functools.cache
def code_version() -> str:
    """Return `version+sha256:hex` over the Python and TOML files of meter and settlement, by path."""
    state = hashlib.sha256()
    for package in (meter, settlement):
        assert package.__file__ is not None
        root = Path(package.__file__).parent
        for path in sorted(p for p in root.rglob("*") if p.suffix in (".py", ".toml")):
            state.update(f"{package.__name__}/{path.relative_to(root).as_posix()}\n".encode())
            state.update(hashlib.sha256(path.read_bytes()).digest())
    try:
        released = version("suanbu")
    except PackageNotFoundError:
        released = "0"
    return f"{released}+sha256:{state.hexdigest()[:16]}"
