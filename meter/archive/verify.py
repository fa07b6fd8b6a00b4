"""Checks that the files of an archive are those that were sealed: none missing, changed, swapped or slipped in."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from meter.archive.digest import UnknownAlgorithm, digest_of_file
from meter.archive.manifest import SealedFile, Sealing


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a file: `missing`, `changed` or `unknown` (not in the manifest)."""

    name: str
    fault: str
    detail: str


class BrokenArchive(ValueError):
    """Files of the archive are not those that were sealed; lists them."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault.name} is {fault.fault}: {fault.detail}" for fault in faults))
        self.faults = tuple(faults)


def _fault_of(folder: Path, file: SealedFile) -> Fault | None:
    path = folder / file.name
    if not path.is_file():
        return Fault(file.name, "missing", f"{file.rows} rows of {file.month} were sealed in it")
    if path.stat().st_size != file.bytes:
        return Fault(file.name, "changed", f"{path.stat().st_size} bytes instead of {file.bytes}")
    try:
        found = digest_of_file(path, file.digest.partition(":")[0])
    except UnknownAlgorithm as error:
        return Fault(file.name, "changed", str(error))
    return None if found == file.digest else Fault(file.name, "changed", f"digest {found} instead of {file.digest}")


def find_faults(
    folder: Path,
    sealings: Iterable[Sealing],
    progress: Callable[[int, int], None] | None = None,
    threads: int = 2,
) -> list[Fault]:
    """Return every fault of the files that the sealings name, and every Parquet file that none of them names.

    `progress` is called with (bytes checked, bytes in all).
    """
    files = [file for sealing in sealings for file in sealing.files]
    faults = _faults_of_files(folder, files, progress, threads)
    known = {file.name for file in files}
    for path in sorted(folder.rglob("*.parquet")):
        name = path.relative_to(folder).as_posix()
        if name not in known:
            faults.append(Fault(name, "unknown", "no sealing names it"))
    return faults


def check_files(
    folder: Path,
    files: Sequence[SealedFile],
    progress: Callable[[int, int], None] | None = None,
    threads: int = 2,
) -> None:
    """Raise BrokenArchive unless each of these files is, byte for byte, the one that was sealed."""
    faults = _faults_of_files(folder, files, progress, threads)
    if faults:
        raise BrokenArchive(faults)


def _faults_of_files(
    folder: Path, files: Sequence[SealedFile], progress: Callable[[int, int], None] | None, threads: int
) -> list[Fault]:
    faults = []
    done, total = 0, sum(file.bytes for file in files)
    with ThreadPoolExecutor(threads) as pool:
        for file, fault in zip(files, pool.map(lambda file: _fault_of(folder, file), files), strict=True):
            if fault is not None:
                faults.append(fault)
            done += file.bytes
            if progress is not None:
                progress(done, total)
    return faults
