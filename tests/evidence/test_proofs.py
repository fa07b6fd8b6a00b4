"""A batch, a row of the log and an award are shown to be in a checkpoint, to a script that knows nothing of us."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import settlement.evidence
from meter.database.connect import driver
from meter.database.scope import PROVINCE, acting
from settlement.checkpoint.make import Made, make
from settlement.checkpoint.note import SIGNS, request, sign, verifier_of
from settlement.checkpoint.proof import Prover
from settlement.checkpoint.tree import check_consistency
from settlement.checkpoint.witness import Refused, witness
from settlement.errors import NoProof
from settlement.jobs.evidence import export
from tests.evidence.test_bundle import altered
from tests.security.tampering import owner_connection
from tests.support.api_client import ApiClient, good, problem
from tests.support.postgres import Cluster
from tests.support.province import CITIES, code_of, locked, people_of, populate, use
from tests.support.serving import in_process

SCRIPT = Path(settlement.evidence.__file__).with_name("check_evidence.py")
KEY = Ed25519PrivateKey.generate()
ORIGIN = "log.example"
LOG = verifier_of(ORIGIN, SIGNS, KEY)


@dataclass(frozen=True)
class Province:
    """A locked settlement, two checkpoints, and a batch that came after them."""

    door: ApiClient
    settlement: str
    first: Made
    second: Made


@pytest_asyncio.fixture(scope="module")
async def province(cluster: Cluster) -> AsyncIterator[Province]:
    async with cluster.database() as url, in_process(url) as door:
        platform = await populate(door)
        connection = await owner_connection(url)
        first = await make(connection, ORIGIN, KEY)
        number = (await locked(await people_of(door)))["id"]
        second = await make(connection, ORIGIN, KEY)
        await connection.close()
        await use(platform, {code_of(CITIES[0], 0): 5}, 12)
        yield Province(door, number, first, second)


def checked(*arguments: str | Path) -> tuple[int, str]:
    """What the script says, in a bare interpreter."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(SCRIPT), *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


async def proofs(province: Province) -> dict[str, dict[str, Any]]:
    """A proof of each kind, over HTTP."""
    auditor = await province.door.holder("audit:read")
    award = f"/proofs/settlements/{province.settlement}/lines/{code_of(CITIES[1], 0)}"
    return {path: good(await auditor.get(path)) for path in ("/proofs/batches/2", "/proofs/audit/3", award)}


async def test_each_proof_is_checked_against_the_note_by_the_script(province: Province, tmp_path: Path) -> None:
    note = tmp_path / "note"
    note.write_text(province.second.checkpoint.note())
    for path, proof in (await proofs(province)).items():
        file = tmp_path / "proof.json"
        file.write_text(json.dumps(proof))
        assert checked("--proof", file, note, str(LOG))[0] == 0, path
        assert proof["size"] == province.second.checkpoint.size
        changes = [
            ("index", proof["index"] + 1),
            ("leaf", proof["leaf"] + " "),
            ("path", proof["path"][1:]),
        ]
        if "row" in proof:
            changes.append(("row", {**proof["row"], "actor": "key:another"}))
        if "line" in proof:
            changes.append(("line", {**proof["line"], "text": proof["line"]["text"].replace("20000", "200000")}))
            changes.append(("line", {**proof["line"], "settlement": "anhui-2026-0002"}))
        for name, value in changes:
            file.write_text(json.dumps({**proof, name: value}))
            status, said = checked("--proof", file, note, str(LOG))
            assert (status, "WRONG: proof of" in said) == (1, True), (path, name, said)
    other = verifier_of(ORIGIN, SIGNS, Ed25519PrivateKey.generate())
    file.write_text(json.dumps(proof))
    assert "it is not signed with the key" in checked("--proof", file, note, str(other))[1]


async def test_what_is_not_covered_has_no_proof(province: Province) -> None:
    auditor = await province.door.holder("audit:read")
    size = province.first.checkpoint.size
    assert good(await auditor.get("/proofs/batches/2", size=size))["size"] == size
    last = province.second.batch + 1
    assert problem(await auditor.get(f"/proofs/batches/{last}")) == (404, "NOT_COVERED")
    assert problem(await auditor.get("/proofs/audit/3", size=size + 1)) == (404, "NO_CHECKPOINT")
    award = f"/proofs/settlements/{province.settlement}/lines"
    assert problem(await auditor.get(f"{award}/{code_of(CITIES[0], 0)}", size=size)) == (404, "NOT_COVERED")
    assert problem(await auditor.get(f"{award}/91340100MA0000001K")) == (404, "NO_SUCH_LINE")
    stranger = await province.door.holder("report:read")
    assert problem(await stranger.get("/proofs/batches/2"))[0] == 403


async def test_a_checkpoint_extends_the_one_before_and_a_witness_signs_it(province: Province, tmp_path: Path) -> None:
    first, second = province.first.checkpoint, province.second.checkpoint
    connection = await owner_connection(province.door.url)
    prover = await Prover.of(connection, second.size)
    proof = await prover.consistency(first.size)
    with pytest.raises(NoProof):
        await prover.consistency(second.size + 1)
    await connection.close()
    check_consistency(first.size, second.size, first.root, second.root, proof)
    state, auditor = tmp_path / "seen", Ed25519PrivateKey.generate()
    witness(request(0, [], first), state, LOG, "audit.example", auditor, 1)
    assert witness(request(first.size, proof, second), state, LOG, "audit.example", auditor, 2).size == second.size
    forged = sign(ORIGIN, second.size, first.root, KEY)
    with pytest.raises(Refused, match="does not extend"):
        witness(request(second.size, [], forged), state, LOG, "audit.example", auditor, 3)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundle") / "bundle.zip"


async def test_a_bundle_carries_its_checkpoint_and_is_checked_with_the_key(province: Province, bundle: Path) -> None:
    with acting(PROVINCE):
        async with province.door.engine.connect() as held:
            await export(await driver(held), province.settlement, bundle, province.second.checkpoint)
    status, said = checked(bundle, str(LOG))
    assert (status, said.splitlines()[-1]) == (0, "nothing is wrong"), said
    assert "6 of them shown" in said, "run, submission, review, approval, lock, and the last batch"
    with zipfile.ZipFile(bundle) as archive:
        names = archive.namelist()
        run = json.loads(archive.read("proofs.ndjson").splitlines()[0])
    assert {"checkpoint.note", "proofs.ndjson"} <= set(names)
    assert run["size"] == province.second.checkpoint.size


CHANGES: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "another root": (
        "checkpoint.note", lambda body: body.replace(body.split(b"\n")[2], b"A" * 43 + b"="), "checkpoint: it is not",
    ),
    "a proof is missing": (
        "proofs.ndjson", lambda body: body.split(b"\n", 1)[1], "checkpoint: nothing shows that audit",
    ),
    "a proof of another row": (
        "proofs.ndjson", lambda body: body.replace(b'"index": ', b'"index": 1', 1), "proof of audit",
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", list(CHANGES))
async def test_a_bundle_whose_checkpoint_does_not_fit_is_refused(
    province: Province, bundle: Path, tmp_path: Path, change: str
) -> None:
    assert province.settlement
    name, how, word = CHANGES[change]
    made = altered(bundle, tmp_path / "changed.zip", lambda file, body: how(body) if file == name else body)
    status, said = checked(made, str(LOG))
    assert status == 1
    assert any(line.startswith(f"WRONG: {word}") for line in said.splitlines()), said
