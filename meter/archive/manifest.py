"""The manifest: one line for each sealing, naming its files with their digests and chained to the line before."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from meter.archive.digest import UnknownAlgorithm, digest_of_bytes

MANIFEST_NAME: Final = "manifest.jsonl"
BEGINNING: Final = "none"  # what the first line names as the one before it


class BrokenManifest(ValueError):
    """The manifest does not hang together, so nothing it names may be used; says at which sealing."""


@dataclass(frozen=True)
class SealedFile:
    """One Parquet file of one local month of start: what it holds, so that readers can skip it, and its digest."""

    name: str  # relative to the archive, with forward slashes
    month: str  # local month of start, such as 2025-09
    rows: int
    bytes: int
    digest: str
    started_from: int  # smallest start
    started_to: int  # greatest start, inclusive
    ended_to: int  # greatest end
    first_batch: int
    last_batch: int
    counted: int  # sum of signs: records that count, less those taken back
    millicard_seconds: str  # signed sums, as text because they may be longer than 64 bits
    charge_fen: str


@dataclass(frozen=True)
class Sealing:
    """One act of sealing: all rows of the batches first_batch..last_batch, in these files."""

    serial: int  # 1, 2, 3...
    first_batch: int
    last_batch: int
    files: tuple[SealedFile, ...]
    previous: str  # digest of the sealing before, or BEGINNING
    digest: str  # of all of the above


def _canonical(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode()


def digest_of_sealing(sealing: Sealing, algorithm: str) -> str:
    """Return the digest of a sealing: of its JSON without `digest`, keys sorted, without spaces, in ASCII."""
    content = asdict(sealing)
    del content["digest"]
    return digest_of_bytes(_canonical(content), algorithm)


def sealing_as_json(sealing: Sealing) -> str:
    """Return the line of the manifest, without its line end."""
    return _canonical(asdict(sealing)).decode()


def sealing_from_json(line: str) -> Sealing:
    """Read a line of the manifest; raises BrokenManifest when it is not one."""
    try:
        content = json.loads(line)
        content["files"] = tuple(SealedFile(**file) for file in content["files"])
        return Sealing(**content)
    except (ValueError, TypeError, KeyError) as error:
        raise BrokenManifest(f"a line of the manifest cannot be read: {error}") from error


def check_chain(sealings: Sequence[Sealing], head: str | None = None) -> None:
    """Raise BrokenManifest unless the sealings follow one another from the first batch on without a gap.

    `head` is the digest of the last sealing as known from elsewhere (the database, a checkpoint): with it a tail that
    was cut off is found too.
    """
    previous, last_batch = BEGINNING, 0
    for serial, sealing in enumerate(sealings, start=1):
        if sealing.serial != serial or sealing.previous != previous:
            raise BrokenManifest(f"sealing {sealing.serial} does not follow what stands before it (expected {serial})")
        if sealing.first_batch != last_batch + 1 or sealing.last_batch < sealing.first_batch:
            raise BrokenManifest(f"sealing {serial} does not start with batch {last_batch + 1}")
        try:
            digest = digest_of_sealing(sealing, sealing.digest.partition(":")[0])
        except UnknownAlgorithm as error:
            raise BrokenManifest(f"sealing {serial}: {error}") from error
        if digest != sealing.digest:
            raise BrokenManifest(f"sealing {serial} is not what was sealed: its digest differs")
        previous, last_batch = sealing.digest, sealing.last_batch
    if head is not None and head != previous:
        raise BrokenManifest(f"the manifest ends at {previous}, but {head} was sealed")


def read_manifest(folder: Path, head: str | None = None) -> tuple[Sealing, ...]:
    """Return the sealings of an archive in order, their chain checked; a folder without a manifest has none."""
    path = folder / MANIFEST_NAME
    lines = path.read_text("ascii", errors="replace").splitlines() if path.exists() else []
    sealings = tuple(sealing_from_json(line) for line in lines)
    check_chain(sealings, head)
    return sealings


def append_sealing(folder: Path, sealing: Sealing) -> None:
    """Add a line to the manifest by replacing the file whole, so that a crash leaves the old one or the new one."""
    path = folder / MANIFEST_NAME
    before = path.read_bytes() if path.exists() else b""
    _write(folder, before + sealing_as_json(sealing).encode() + b"\n")


def set_last_aside(folder: Path) -> None:
    """Take back the last sealing: its line leaves the manifest, its files stay under another name, none is deleted."""
    *kept, last = read_manifest(folder)
    aside = f".{last.digest.rpartition(':')[2][:12]}.unconfirmed"
    path = folder / MANIFEST_NAME
    (folder / f"{MANIFEST_NAME}{aside}").write_bytes(path.read_bytes())
    _write(folder, b"".join(sealing_as_json(sealing).encode() + b"\n" for sealing in kept))
    for file in last.files:
        if (folder / file.name).exists():
            (folder / file.name).rename(folder / f"{file.name}{aside}")


def _write(folder: Path, manifest: bytes) -> None:
    path = folder / MANIFEST_NAME
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.write(manifest)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
