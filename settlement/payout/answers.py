"""The bank's answers as files: reading one, whatever it is, and setting aside what cannot be booked."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from settlement.errors import NotAllowed
from settlement.payout.bank_reference import checked_bank_reference
from settlement.payout.words import AMOUNT_LIMIT, OUTCOMES

BYTES_MAX: Final = 65_536
BRACKETS_MAX: Final = 64  # an answer is one flat object
ASIDE: Final = "set-aside"
SUFFIX: Final = ".json"
NAME_BYTES: Final = 200  # of the 255 that a file system takes


@dataclass(frozen=True)
class FileAnswer:
    """What the bank says about one reference of ours."""

    reference: str
    status: str
    bank_reference: str
    amount_fen: int


def names_in(folder: Path, suffix: str) -> list[str]:
    """Names in a folder that end like this, in capitals too, in order; what begins with a dot is being written."""
    with os.scandir(folder) as entries:
        return sorted(
            entry.name for entry in entries
            if entry.name.lower().endswith(suffix) and not entry.name.startswith(".")
        )  # fmt: skip


def answer_files(folder: Path) -> list[str]:
    """Names of all that calls itself an answer, in order; a name that is not UTF-8 comes with surrogates."""
    return names_in(folder, SUFFIX)


def read_answer(folder: Path, name: str) -> FileAnswer:
    """Read and check one answer. Raises NotAllowed: ANSWER_NOT_UNDERSTOOD, BANK_REFERENCE_MISSING or _INVALID."""
    reference = name[: -len(SUFFIX)]
    if not reference.isascii() or not reference.isprintable():
        raise _not_understood("the file's name is not a reference of ours")
    said = flat_object(_contents(folder / name))
    if not isinstance(said, dict):
        raise _not_understood("it is not one JSON object")
    if said.get("reference", reference) != reference:
        raise _not_understood("it names another reference than the file's name")
    status, amount = said.get("status"), said.get("amount_fen")
    if not isinstance(status, str) or status not in OUTCOMES:
        raise _not_understood(f"status is one of {', '.join(OUTCOMES)}")
    if type(amount) is not int or not (0 if status == "failed" else 1) <= amount < AMOUNT_LIMIT:
        raise _not_understood("amount_fen is a whole number of fen above 0 that fits 64 bits")
    return FileAnswer(reference, status, checked_bank_reference(said.get("bank_reference")), amount)


def set_aside(folder: Path, name: str, code: str, detail: str) -> str:
    """Move a file into the folder beside the answers, its reason in a file beside it; the name that it has there."""
    aside = folder / ASIDE
    aside.mkdir(mode=0o700, exist_ok=True)
    free = free_name(aside, name)
    write_durably(aside / f"{free}.reason", f"{code}: {detail}\n".encode("utf-8", "backslashreplace"))
    (folder / name).rename(aside / free)
    sync_folder(aside)
    sync_folder(folder)
    return free


def write_durably(path: Path, text: bytes) -> None:
    """Put a file under its name at once and whole, readable by its owner only: a crash leaves all of it or nothing."""
    fresh = path.with_name(f".{path.name}.part")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def contents_of(path: Path, most: int) -> bytes | None:
    """Read up to `most` bytes of a regular file; None for anything else, such as a folder, a link or a pipe."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(most)
    except OSError:
        return None
    finally:
        os.close(handle)


def free_name(folder: Path, name: str) -> str:
    """Return a name that nothing in the folder has: this one, cut short so that more fits behind it, or numbered."""
    short = os.fsdecode(os.fsencode(name)[:NAME_BYTES])
    return next(one for one in _names(short) if not os.path.lexists(folder / one))


def _names(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}.{number}" for number in range(2, 1_000_000))


def _contents(path: Path) -> bytes:
    raw = contents_of(path, BYTES_MAX + 1)
    if raw is None:
        raise _not_understood("it is not a file that can be read")
    if len(raw) > BYTES_MAX:
        raise _not_understood(f"it has more than {BYTES_MAX} bytes")
    return raw


def flat_object(raw: bytes) -> Any:
    """Read JSON that is one flat object, each key once. Raises NotAllowed ANSWER_NOT_UNDERSTOOD."""
    if raw.count(b"[") + raw.count(b"{") > BRACKETS_MAX:
        raise _not_understood("it is nested or repeated: an answer is one flat object")
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_once_each, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise _not_understood("it is not UTF-8") from None
    except ValueError:
        raise _not_understood("it is not JSON") from None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _not_understood("a key stands in it twice")
    return found


def _no_constant(name: str) -> Any:
    raise _not_understood(f"{name} is not JSON")


def _not_understood(detail: str) -> NotAllowed:
    return NotAllowed("ANSWER_NOT_UNDERSTOOD", detail)
