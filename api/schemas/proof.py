"""Proofs: that a batch, a row of the audit log or an award is in the tree that a checkpoint signs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.base import Answer
from api.schemas.operation import AuditRow
from api.schemas.values import Count, Digest, PositiveNumber, SettlementId

Node = Annotated[
    str, Field(examples=["Z/CcMfH05FzQXqPJGGY45XEqz8XsB1jM4diRVYZA0uI="], description="SHA-256 in base64.")
]
Path = Annotated[
    list[Node], Field(description="The roots beside the way to the root, from the leaf upwards (RFC 6962).")
]


class LoggedRow(AuditRow):
    """A row of the audit log with the digest of the row before it, over both of which its own is made."""

    previous: Annotated[str, Field(examples=[""])]


class ProvenLine(Answer):
    """A line of a settlement, under the root that the log's row of its run names (`lines_root` in the detail)."""

    settlement: SettlementId
    text: Annotated[str, Field(examples=["[]"], description="The text that the leaf is made over, as in a bundle.")]
    index: Count
    lines: PositiveNumber
    root: Digest
    path: Path


class Proof(Answer):
    """That a leaf is in the tree; compare `size` and `root` with the checkpoint in your hands."""

    format: Literal["suanbu-proof/1"]
    kind: Literal["batch", "audit"]
    number: PositiveNumber
    leaf: Annotated[
        str, Field(examples=["{}"], description="The text that the leaf is made over; it names the digest.")
    ]
    index: Count
    size: PositiveNumber
    root: Node
    path: Path


class RowProof(Proof):
    """That a row of the audit log is in the tree."""

    row: LoggedRow


class AwardProof(RowProof):
    """That a settlement's line is one of those that its run put on record."""

    line: ProvenLine
