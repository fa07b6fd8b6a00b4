"""What the bank did, on disk before anybody is told: payments, movements of money, and what it was asked to forget."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Payment:
    """What the bank did with one reference of ours."""

    way: str
    amount_fen: int
    paid_fen: int
    state: str
    day: int
    told: int = 0


@dataclass
class Journal:
    """Lines of JSON, each synced before the bank goes on; a bank that is killed begins again from them."""

    path: Path
    payments: dict[str, Payment] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    movements: list[tuple[str, str, int]] = field(default_factory=list)
    """(Our reference, the bank's, fen: paid out above 0, back below.)"""
    hit: dict[str, int] = field(default_factory=dict)
    nights: int = 0

    @classmethod
    def at(cls, path: Path) -> Journal:
        """The journal as it stands on disk; a line that a crash cut off was told to nobody."""
        found = cls(path)
        raw = path.read_bytes() if path.exists() else b""
        whole = raw[: raw.rfind(b"\n") + 1]
        if whole != raw:
            path.write_bytes(whole)
        for line in whole.splitlines():
            found._apply(json.loads(line))
        return found

    def write(self, **said: Any) -> None:
        """Write one line, synced, then act on it."""
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, json.dumps(said).encode() + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)
        self._apply(said)

    def net(self, instruction: str) -> int:
        """What moved for an instruction under all its issues."""
        return sum(fen for ours, _, fen in self.movements if ours.split("-R")[0] == instruction)

    def balance(self) -> dict[str, int]:
        """The bank's reference -> fen moved in all, where any did."""
        found: dict[str, int] = {}
        for _, theirs, fen in self.movements:
            found[theirs] = found.get(theirs, 0) + fen
        return {theirs: fen for theirs, fen in found.items() if fen}

    def _apply(self, said: dict[str, Any]) -> None:
        match said["line"]:
            case "taken":
                self.payments[said["reference"]] = Payment(
                    said["way"], said["amount_fen"], said["paid_fen"], said["state"], said["day"]
                )
                if said["paid_fen"]:
                    self._move(said["reference"], said["paid_fen"])
            case "lost":
                self.lost.add(said["reference"])
            case "state":
                self.payments[said["reference"]].state = said["state"]
                if said["fen"]:
                    self._move(said["reference"], said["fen"])
                    self.payments[said["reference"]].paid_fen = abs(said["fen"])
            case "night":
                self.nights += 1
            case "hit":
                self.hit[said["way"]] = self.hit.get(said["way"], 0) + 1

    def _move(self, reference: str, fen: int) -> None:
        self.movements.append((reference, own_reference(reference), fen))


def own_reference(reference: str) -> str:
    """The bank's own reference of one of ours."""
    return "B" + reference.removeprefix("SB-")
