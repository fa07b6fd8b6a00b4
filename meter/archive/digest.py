"""Digests of bytes and files, always with the name of the algorithm before them: `sm3:...` or `sha256:...`."""

import hashlib
from pathlib import Path
from typing import Final

ALGORITHMS: Final = ("sm3", "sha256")
_BLOCK_BYTES: Final = 1 << 20


class UnknownAlgorithm(ValueError):
    """A digest names an algorithm that is not one of ours."""


def _start(algorithm: str) -> "hashlib._Hash":
    if algorithm not in ALGORITHMS:
        raise UnknownAlgorithm(f"{algorithm!r} is none of {', '.join(ALGORITHMS)}")
    return hashlib.new(algorithm)


def digest_of_bytes(content: bytes, algorithm: str) -> str:
    """Return `algorithm:hex` of some bytes."""
    state = _start(algorithm)
    state.update(content)
    return f"{algorithm}:{state.hexdigest()}"


def digest_of_file(path: Path, algorithm: str) -> str:
    """Return `algorithm:hex` of a file's bytes, reading a block at a time."""
    state = _start(algorithm)
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            state.update(block)
    return f"{algorithm}:{state.hexdigest()}"
