"""The script that shares no code with the project adds an archive up, and refuses one that was touched."""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from meter.archive import read_archive
from meter.archive.manifest import MANIFEST_NAME, read_manifest
from meter.archive.seal import seal
from tests.archive.year import journal

ROWS = journal(seed=8, batches=30)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an archive of two sealings."""
    seal([ROWS[ROWS["batch"] <= 20]], tmp_path / "archive", 20, "sm3", file_rows=400)
    seal([ROWS[ROWS["batch"] > 20]], tmp_path / "archive", 30, "sha256")
    return tmp_path / "archive"


def run(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of the script away from the project, with nothing of it on the path."""
    script = folder.parent / "read_archive.py"
    script.write_text(Path(read_archive.__file__).read_text())
    command = [sys.executable, "-I", str(script), str(folder), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder.parent)


def test_the_script_adds_up_what_was_sealed(folder: Path) -> None:
    expected: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in ROWS:
        month = str((row["started"] + 28_800).astype("datetime64[s]").astype("datetime64[M]"))
        sign = int(row["sign"])
        quantity = int(row["millicards"]) * int(row["ended"] - row["started"])
        for place, value in enumerate((1, quantity, int(row["charge_fen"]))):
            expected[month, int(row["facility"])][place] += sign * value
    done = run(folder, "--head", read_manifest(folder)[-1].digest)
    assert done.returncode == 0, done.stderr
    rows = [line.split(",") for line in done.stdout.splitlines()[1:]]
    assert {(month, int(facility)): list(map(int, sums)) for month, facility, *sums in rows} == expected


def test_the_script_finds_what_was_touched(folder: Path) -> None:
    head = read_manifest(folder)[-1].digest
    file = folder / read_manifest(folder)[0].files[0].name
    content = file.read_bytes()
    file.write_bytes(content[:99] + bytes([content[99] ^ 1]) + content[100:])
    assert "changed" in run(folder).stderr
    file.unlink()
    assert "missing" in run(folder).stderr
    file.write_bytes(content)
    (folder / "2025-08" / "new.parquet").write_bytes(content)
    assert "no sealing names it" in run(folder).stderr
    (folder / "2025-08" / "new.parquet").unlink()
    manifest = folder / MANIFEST_NAME
    lines = manifest.read_text().splitlines()
    manifest.write_text(lines[0] + "\n")
    assert "no sealing names it" in run(folder).stderr
    for sealed in read_manifest_line(lines[1]):
        (folder / sealed).unlink()
    assert run(folder).returncode == 0
    assert "the manifest ends at" in run(folder, "--head", head).stderr
    manifest.write_text(lines[0].replace('"rows":', '"rows":1', 1) + "\n" + lines[1] + "\n")
    assert "the manifest was changed" in run(folder).stderr


def read_manifest_line(line: str) -> list[str]:
    """Return the names of the files that a line of the manifest seals."""
    return [file["name"] for file in json.loads(line)["files"]]


def test_the_script_is_short_and_needs_only_the_standard_library_and_pyarrow() -> None:
    text = Path(read_archive.__file__).read_text()
    assert len(text.splitlines()) <= 100
    assert not any(line.startswith(("from meter", "import meter", "import polars")) for line in text.splitlines())
