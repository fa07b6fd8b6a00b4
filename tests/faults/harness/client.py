"""A client as a process: lanes that send batch after batch, each until it is acknowledged, and sync what they know.

python -m tests.faults.harness.client --url U --key K --folder D --name N --lanes L --records R. It ends when the
folder has a file `stop`, after the batches then under way. Killed and started again, it goes on where its journals end.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.faults.harness.content import Batch

AGAIN_SECONDS = 0.05
STOP = "stop"


@dataclass
class Journal:
    """What one lane has sent (S), was acknowledged (A), was told besides (T) and should never have been told (W)."""

    path: Path
    sent: int = -1
    acknowledged: int = -1
    accepted: int = 0
    found: int = 0
    """Batches of which a retry said that they stood there already: the answer had been lost, or its client killed."""
    told_to_wait: int = 0
    broken: int = 0
    """Requests under way whose connection broke."""
    wrong: list[str] = field(default_factory=list)

    @classmethod
    def at(cls, path: Path) -> Journal:
        """The journal as it stands on disk; a line that a crash cut off counts as never written."""
        found = cls(path)
        raw = path.read_bytes() if path.exists() else b""
        for line in raw[: raw.rfind(b"\n") + 1].decode().splitlines():
            found._apply(line)
        return found

    def write(self, line: str) -> None:
        """Write one line, synced, then act on it."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(handle).st_size
            if size and os.pread(handle, 1, size - 1) != b"\n":  # killed in the middle of a line
                os.ftruncate(handle, os.pread(handle, size, 0).rfind(b"\n") + 1)
            os.write(handle, f"{line}\n".encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        self._apply(line)

    def _apply(self, line: str) -> None:
        kind, _, said = line.partition(" ")
        match kind:
            case "S":
                self.sent = int(said)
            case "A":
                number, accepted = map(int, said.split())
                assert number == self.sent, f"{self.path.name}: {line} after S {self.sent}"
                self.acknowledged = number
                self.accepted += accepted
                self.found += accepted == 0
            case "T":
                waited, broke = map(int, said.split())
                self.told_to_wait += waited
                self.broken += broke
            case "W":
                self.wrong.append(said)


@dataclass
class Lane:
    """One conversation: the next batch begins when the one before is acknowledged."""

    client: httpx.AsyncClient
    key: str
    name: str
    records: int
    journal: Journal
    stop: Path

    async def run(self) -> None:
        """Send until told to stop."""
        while not self.stop.exists() or self.journal.sent > self.journal.acknowledged:
            batch = Batch(self.name, self.journal.acknowledged + 1, self.records)
            if self.journal.sent < batch.number:
                self.journal.write(f"S {batch.number}")
            await self._send(batch)

    async def _send(self, batch: Batch) -> None:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/x-ndjson"}
        body, waited, broke = batch.body(), 0, 0
        while True:
            try:
                answer = await self.client.post("/v1/usage-records", content=body, headers=headers)
            except httpx.TransportError as error:
                broke += not isinstance(error, httpx.ConnectError)
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            if answer.status_code == 200:
                break
            if answer.status_code in (429, 503) and answer.headers.get("retry-after"):
                waited += 1
            else:
                self.journal.write(f"W {batch.number}: {answer.status_code} {answer.text[:300]!r}")
            await asyncio.sleep(AGAIN_SECONDS)
        if waited or broke:
            self.journal.write(f"T {waited} {broke}")
        said = answer.json()
        accepted, duplicate, conflict = batch.counts
        got = said["accepted"], said["duplicate"], said["conflict"], said["refused"]
        # all of it, or, where an earlier attempt had come through, nothing of it any more
        if got not in ((accepted, duplicate, conflict, 0), (0, accepted + duplicate, conflict, 0)):
            self.journal.write(f"W {batch.number}: receipt {got}")
        self.journal.write(f"A {batch.number} {got[0]}")


async def run(asked: argparse.Namespace) -> None:
    """Run all lanes."""
    limits = httpx.Limits(max_connections=None, keepalive_expiry=1)
    async with httpx.AsyncClient(base_url=asked.url, timeout=120, limits=limits) as client:
        names = [f"{asked.name}{number}" for number in range(asked.lanes)]
        lanes = [
            Lane(client, asked.key, name, asked.records, Journal.at(asked.folder / f"{name}.journal"),
                 asked.folder / STOP)
            for name in names
        ]  # fmt: skip
        await asyncio.gather(*(lane.run() for lane in lanes))


def main() -> None:
    """Send until told to stop."""
    parser = argparse.ArgumentParser(prog="tests.faults.harness.client")
    for name in ("url", "key", "name"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    for name in ("lanes", "records"):
        parser.add_argument(f"--{name}", type=int, required=True)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
