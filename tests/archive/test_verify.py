"""A file or a line that is not what was sealed is found before it is used."""

import json
import shutil
from pathlib import Path

import pytest

from meter.archive.digest import digest_of_bytes
from meter.archive.manifest import (
    MANIFEST_NAME,
    BrokenManifest,
    Sealing,
    append_sealing,
    digest_of_sealing,
    read_manifest,
)
from meter.archive.seal import seal
from meter.archive.verify import BrokenArchive, check_files, find_faults
from tests.archive.year import journal

ROWS = journal(seed=2, batches=40)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an archive of two sealings."""
    seal([ROWS[ROWS["batch"] <= 25]], tmp_path, 25, "sm3", file_rows=300)
    seal([ROWS[ROWS["batch"] > 25]], tmp_path, 40, "sha256", file_rows=300)
    return tmp_path


def faults(folder: Path) -> list[tuple[str, str]]:
    """Return (name, fault) of everything wrong with the files."""
    return [(fault.name, fault.fault) for fault in find_faults(folder, read_manifest(folder))]


def test_what_was_sealed_is_without_fault(folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    assert find_faults(folder, read_manifest(folder), lambda done, every: seen.append((done, every))) == []
    assert seen[-1][0] == seen[-1][1] > 0


def test_every_flipped_byte_is_found(folder: Path) -> None:
    path = folder / read_manifest(folder)[0].files[0].name
    content = bytearray(path.read_bytes())
    for place in range(0, len(content), len(content) // 40):
        content[place] ^= 1
        path.write_bytes(content)
        assert faults(folder) == [(path.relative_to(folder).as_posix(), "changed")]
        content[place] ^= 1
    path.write_bytes(content)
    assert faults(folder) == []


def test_a_cut_file_is_found(folder: Path) -> None:
    path = folder / read_manifest(folder)[1].files[0].name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BrokenArchive, match="changed"):
        check_files(folder, read_manifest(folder)[1].files)


def test_a_missing_month_is_found(folder: Path) -> None:
    shutil.rmtree(folder / "2025-09")
    gone = [file.name for sealing in read_manifest(folder) for file in sealing.files if file.month == "2025-09"]
    assert faults(folder) == [(name, "missing") for name in gone]
    assert gone


def test_swapped_files_and_an_old_file_under_a_new_name_are_found(folder: Path) -> None:
    one, other = (folder / file.name for file in read_manifest(folder)[0].files[:2])
    aside = folder / "aside"
    one.rename(aside)
    other.rename(one)
    aside.rename(other)
    assert [fault for _, fault in faults(folder)] == ["changed", "changed"]
    shutil.copy(one, other)
    assert [fault for _, fault in faults(folder)] == ["changed"]


def test_a_file_slipped_in_is_found(folder: Path) -> None:
    shutil.copy(folder / read_manifest(folder)[0].files[0].name, folder / "2025-08" / "000009-001.parquet")
    assert faults(folder) == [("2025-08/000009-001.parquet", "unknown")]


@pytest.mark.parametrize(
    ("old", "new"),
    [('"rows":', '"rows":1'), ('"charge_fen":"', '"charge_fen":"1'), ('"digest":"sm3:', '"digest":"md5:'), ("{", "[")],
)
def test_a_line_of_the_manifest_that_was_changed_is_found(folder: Path, old: str, new: str) -> None:
    path = folder / MANIFEST_NAME
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(BrokenManifest):
        read_manifest(folder)


def test_lines_taken_out_put_in_or_swapped_are_found(folder: Path) -> None:
    path = folder / MANIFEST_NAME
    first, second = path.read_text().splitlines()
    for lines in ([second], [second, first], [first, first, second]):
        path.write_text("\n".join(lines) + "\n")
        with pytest.raises(BrokenManifest):
            read_manifest(folder)


def test_a_cut_tail_and_a_recomputed_chain_are_found_with_the_head_known_elsewhere(folder: Path) -> None:
    head = read_manifest(folder)[-1].digest
    assert read_manifest(folder, head)
    path = folder / MANIFEST_NAME
    first, second = read_manifest(folder)
    path.unlink()
    append_sealing(folder, first)
    with pytest.raises(BrokenManifest, match="was sealed"):
        read_manifest(folder, head)
    forged = Sealing(**{**second.__dict__, "files": second.files[1:]})
    forged = Sealing(**{**forged.__dict__, "digest": digest_of_sealing(forged, "sha256")})
    append_sealing(folder, forged)
    assert read_manifest(folder)
    with pytest.raises(BrokenManifest, match="was sealed"):
        read_manifest(folder, head)


def test_the_digest_of_a_sealing_can_be_computed_with_the_standard_library_alone(folder: Path) -> None:
    content = json.loads((folder / MANIFEST_NAME).read_text().splitlines()[1])
    digest = content.pop("digest")
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    assert digest_of_bytes(canonical, "sha256") == digest
