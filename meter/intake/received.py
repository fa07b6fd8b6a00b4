"""What comes out of intake: the checked records, the refusals, and every record's own text when asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from meter.intake.codes import Code

CODES: tuple[Code, ...] = tuple(Code)


class Document(Protocol):
    """A decoded body whose records can be given back."""

    def verbatim(self, index: int) -> bytes:
        """Return the record at a position of the body, as received (for Arrow: the row as JSON)."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused record. `id` is given where it could be read and is well-formed."""

    index: int
    id: str | None
    code: Code
    detail: str
    document: Document

    @property
    def verbatim(self) -> bytes:
        """The record as received; for Arrow its row as UTF-8 JSON."""
        return self.document.verbatim(self.index)


@dataclass(frozen=True, slots=True)
class Received:
    """A batch after intake.

    `records` are the checked records in body order, one row of `columns.RECORD` each; `refused` the others in body
    order; `codes` one uint8 for every record of the body, 0 or 1 + the position of its code in `CODES`.
    """

    received: int
    records: npt.NDArray[Any]
    refused: tuple[Refusal, ...]
    codes: npt.NDArray[np.uint8]
    document: Document
    id_texts: Texts

    def ids(self, rows: Iterable[int]) -> list[str]:
        """Return the ids of rows of `records`."""
        return [self.id_texts.text(int(self.records["index"][row])) for row in rows]

    def verbatim(self, index: int) -> bytes:
        """Return any record of the body as received, by its position there."""
        return self.document.verbatim(index)


@dataclass(frozen=True, slots=True)
class Texts:
    """One text a record: a span of a buffer, or what the authority read."""

    buffer: npt.NDArray[np.uint8]
    starts: npt.NDArray[Any]
    lengths: npt.NDArray[Any]
    read: dict[int, str]

    def text(self, index: int) -> str:
        """Return the text of a record, by its position in the body."""
        if index in self.read:
            return self.read[index]
        start, length = int(self.starts[index]), int(self.lengths[index])
        return self.buffer[start : start + max(length, 0)].tobytes().decode()
