"""Checks an archive and adds it up by month and facility, with the standard library and pyarrow only.

    python read_archive.py FOLDER [--head DIGEST]

It shares no code with the service, so that anyone can repeat what the service says. `--head` is the digest of the last
sealing as known from elsewhere (the database, a signed checkpoint): with it a cut tail is found too. Exit status 1
when anything is not as it was sealed.
"""

import hashlib
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

SUMS = ("counted", "millicard_seconds", "charge_fen")


def digest(content: bytes, algorithm: str) -> str:
    """Return `algorithm:hex`; the algorithm is sm3 or sha256."""
    if algorithm not in ("sm3", "sha256"):
        sys.exit(f"unknown algorithm {algorithm}")
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def check_line(line: dict[str, Any], previous: str, last_batch: int, serial: int) -> None:
    """Stop unless a line of the manifest follows on the one before and is what was sealed."""
    content = {name: value for name, value in line.items() if name != "digest"}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    if digest(canonical, line["digest"].split(":")[0]) != line["digest"]:
        sys.exit(f"sealing {serial}: the manifest was changed")
    if line["serial"] != serial or line["previous"] != previous or line["first_batch"] != last_batch + 1:
        sys.exit(f"sealing {serial}: does not follow on the one before")


def add_up(path: Path) -> dict[int, list[int]]:
    """Return {facility: [counted, millicard-seconds, fen]} of one file, by whole numbers of any size."""
    sums: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    file = pq.ParquetFile(path)
    for batch in file.iter_batches(columns=["facility", "sign", "millicards", "started", "ended", "charge_fen"]):
        sign = pc.cast(batch["sign"], "int64")
        seconds = pc.subtract_checked(batch["ended"], batch["started"])
        quantity = pc.multiply_checked(sign, pc.multiply_checked(batch["millicards"], seconds))
        charge = pc.multiply_checked(sign, batch["charge_fen"])
        for facility, counted, amount, fen in zip(
            batch["facility"].to_pylist(), sign.to_pylist(), quantity.to_pylist(), charge.to_pylist(), strict=True
        ):
            for place, value in enumerate((counted, amount, fen)):
                sums[facility][place] += value
    return sums


def main() -> None:
    """Check every line and file, compare each file's sums with the manifest, print the totals."""
    folder = Path(sys.argv[1])
    head = sys.argv[sys.argv.index("--head") + 1] if "--head" in sys.argv else None
    totals: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    previous, last_batch, known = "none", 0, set()
    lines = (folder / "manifest.jsonl").read_text().splitlines()
    for serial, text in enumerate(lines, start=1):
        line = json.loads(text)
        check_line(line, previous, last_batch, serial)
        previous, last_batch = line["digest"], line["last_batch"]
        for file in line["files"]:
            path = folder / file["name"]
            if not path.is_file():
                sys.exit(f"{file['name']}: missing")
            if digest(path.read_bytes(), file["digest"].split(":")[0]) != file["digest"]:
                sys.exit(f"{file['name']}: changed")
            known.add(path)
            found = add_up(path)
            for place, name in enumerate(SUMS):
                if sum(sums[place] for sums in found.values()) != int(file[name]):
                    sys.exit(f"{file['name']}: {name} is not what the manifest says")
            for facility, sums in found.items():
                for place, value in enumerate(sums):
                    totals[file["month"], facility][place] += value
    for path in sorted(set(folder.rglob("*.parquet")) - known):
        sys.exit(f"{path}: no sealing names it")
    if head is not None and head != previous:
        sys.exit(f"the manifest ends at {previous}, not at {head}")
    print("month,facility,records,millicard_seconds,charge_fen")
    for (month, facility), sums in sorted(totals.items()):
        print(f"{month},{facility},{','.join(map(str, sums))}")
    print(f"# {len(lines)} sealings up to batch {last_batch}, {len(known)} files, head {previous}", file=sys.stderr)


if __name__ == "__main__":
    main()
