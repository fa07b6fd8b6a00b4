"""The evidence bundle: complete, checked by a script that knows nothing of us, and quick to say what was changed."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import stat
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

import settlement.evidence
from meter.database.connect import driver
from meter.database.scope import PROVINCE, acting
from settlement.jobs.evidence import export
from tests.support.postgres import Cluster
from tests.support.province import locked, people_of, populate
from tests.support.serving import in_process

SCRIPT = Path(settlement.evidence.__file__).with_name("check_evidence.py")


@pytest_asyncio.fixture(scope="module")
async def bundle(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """The bundle of a locked settlement."""
    path = tmp_path_factory.mktemp("evidence") / "bundle.zip"
    async with cluster.database() as url, in_process(url) as door:
        await populate(door)
        made = await locked(await people_of(door))
        with acting(PROVINCE):
            async with door.engine.connect() as held:
                await export(await driver(held), made["id"], path)
    yield path


def checked(path: Path) -> tuple[int, str]:
    """What the script in the bundle says of a bundle, in a bare interpreter."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(SCRIPT), str(path)], capture_output=True, text=True, check=False
    )
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


def test_a_bundle_is_its_owners_alone(bundle: Path) -> None:
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600


def altered(bundle: Path, to: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """The bundle with files changed, and the manifest made to fit."""
    with zipfile.ZipFile(bundle) as source, zipfile.ZipFile(to, "w") as made:
        manifest = json.loads(source.read("manifest.json"))
        for name in source.namelist():
            if name == "manifest.json":
                continue
            body = change(name, source.read(name))
            manifest["files"][name] = {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
            made.writestr(name, body)
        made.writestr("manifest.json", json.dumps(manifest))
    return to


def test_the_script_needs_nothing_but_the_standard_library() -> None:
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(SCRIPT.read_text()))
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        )
    }  # fmt: skip
    assert imported <= sys.stdlib_module_names


def test_a_true_bundle_is_found_true(bundle: Path) -> None:
    status, said = checked(bundle)
    assert (status, said.splitlines()[-1]) == (0, "nothing is wrong"), said


CHANGES: dict[str, tuple[Callable[[str, bytes], bytes], str]] = {
    "an amount": (
        lambda name, body: body.replace(b"20000", b"20001", 1) if name == "lines.ndjson" else body, "line",
    ),
    "a step's result": (
        lambda name, body: body.replace(b'"award_fen": 20000', b'"award_fen": 20001', 1)
        if name == "steps.ndjson" else body, "line",
    ),
    "the steps of a line left out": (
        lambda name, body: body.split(b"\n", 1)[1] if name == "steps.ndjson" else body, "line",
    ),
    "a value that steps follow from": (
        lambda name, body: body.replace(rb'\"all_charges_fen\":', rb'\"all_charges_fen\":1', 1)
        if name == "lines.ndjson" else body, "line",
    ),
    "a total": (
        lambda name, body: body.replace(b'"payable_fen": 120000', b'"payable_fen": 120001')
        if name == "settlement.json" else body, "total payable_fen",
    ),
    "a line left out": (
        lambda name, body: body.split(b"\n", 1)[1] if name == "lines.ndjson" else body, "lines: not those",
    ),
    "who approved": (
        lambda name, body: body.replace(b'"actor": "', b'"actor": "x', 1) if name == "audit.ndjson" else body,
        "audit row",
    ),
    "a record": (
        lambda name, body: body[:60] + bytes([body[60] ^ 1]) + body[61:] if name == "records.bin" else body, "batch",
    ),
    "a record left out": (lambda name, body: body[:-183] if name == "records.bin" else body, "batch"),
    "a batch's header": (
        lambda name, body: body.replace(b'"accepted": 6', b'"accepted": 5') if name == "batches.ndjson" else body,
        "batch",
    ),
    "a decision left out": (
        lambda name, body: b"".join(body.splitlines(True)[:-1]) if name == "audit.ndjson" else body, "decision lock",
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", list(CHANGES))
def test_what_was_changed_is_named(bundle: Path, tmp_path: Path, change: str) -> None:
    how, word = CHANGES[change]
    status, said = checked(altered(bundle, tmp_path / "changed.zip", how))
    assert status == 1, said
    assert any(line.startswith(f"WRONG: {word}") for line in said.splitlines()), said


def times_ten(name: str, body: bytes) -> bytes:
    """One line ten times as high wherever it is said: line, values, steps, totals, events with their digests."""
    return body if name in ("records.bin", "batches.ndjson", "check_evidence.py") else body.replace(b"20000", b"200000")


def test_a_forged_line_is_refused_even_where_everything_else_was_made_to_fit(bundle: Path, tmp_path: Path) -> None:
    """The records stand against it: nobody is awarded more than the rate of what their records were charged."""
    forged = altered(bundle, tmp_path / "forged.zip", times_ten)
    with zipfile.ZipFile(forged) as archive:
        lines = archive.read("lines.ndjson").splitlines()
        digest = hashlib.sha256(b"".join(hashlib.sha256(line).digest() for line in lines)).hexdigest()
    with zipfile.ZipFile(bundle) as archive:
        true = archive.read("lines.ndjson").splitlines()
        approved = hashlib.sha256(b"".join(hashlib.sha256(line).digest() for line in true)).hexdigest()
    again = altered(
        forged, tmp_path / "again.zip", lambda _, body: body.replace(approved.encode(), digest.encode())
    )  # fmt: skip
    status, said = checked(again)
    assert status == 1
    assert re.search(r"WRONG: line \w+: (is awarded 200000 fen of 100000|starts from)", said), said


def test_a_checkpoint_of_other_lines_is_named(bundle: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        number = json.loads(archive.read("settlement.json"))["id"]
    other = {"id": number, "digest": "sm3:00", "lines_sha256": "sha256:00"}
    text = json.dumps({"statement": {"settlements": [other]}}).encode()
    with_one = tmp_path / "with.zip"
    with zipfile.ZipFile(altered(bundle, with_one, lambda _, body: body), "a") as archive:
        archive.writestr("checkpoint.json", text)
    status, said = checked(with_one)
    assert status == 1
    assert "WRONG: checkpoint: names another digest" in said
    assert "WRONG: checkpoint: names other lines" in said
