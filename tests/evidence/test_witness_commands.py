"""What the documentation has an auditor type: a key, what was seen, a request, a cosigned note, and a refusal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.commands import command_line
from settlement.checkpoint.note import Verifier, parse

RUN = CliRunner()


def said(*words: str | Path, status: int = 0) -> str:
    """What a command prints; it must end with this status."""
    done = RUN.invoke(command_line(str(words[0])), [str(word) for word in words])
    assert done.exit_code == status, done.output
    return done.output


@pytest.fixture
def office(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The finance office's data directory; its database is this module's."""
    monkeypatch.setenv("DATABASE_URL", database)
    return tmp_path / "data"


def test_a_witness_signs_day_by_day_and_refuses_another_history(office: Path, tmp_path: Path) -> None:
    key, state, note, asked, signed = (tmp_path / name for name in ("w.key", "w.seen", "note", "request", "signed"))
    auditor = Verifier.parse(said("witness", "key", "audit.example/suanbu", "--key", key))
    assert key.stat().st_mode & 0o777 == 0o600
    assert Verifier.parse(said("witness", "key", "audit.example/suanbu", "--key", key)) == auditor, "made once"
    printed = said("checkpoint", "--out", note, "--data", office)
    log = next(line.removeprefix("key ") for line in printed.splitlines() if line.startswith("key "))
    known = ("--log", log, "--state", state)
    for _ in range(2):
        seen = said("witness", "seen", *known).strip()
        said("proof", "extends", note, "--old", seen, "--out", asked, "--data", office)
        said("witness", "sign", asked, *known, "--key", key, "--out", signed)
        found = parse(signed.read_text(encoding="utf-8"))
        assert found.signed_by(auditor)
        assert said("witness", "seen", *known).strip() == str(found.size)
        said("checkpoint", "--out", note, "--data", office)
    assert "equal" in said("verify", "--checkpoint", signed, "--data", office)
    assert "REFUSED" in said("witness", "sign", asked, *known, "--key", key, status=1), "it begins before what was seen"
    said("witness", "key", "another/name", "--key", key, status=2)


def test_a_proof_is_written_and_the_database_verified(office: Path, tmp_path: Path) -> None:
    note = tmp_path / "note"
    said("checkpoint", "--out", note, "--data", office)
    proof = json.loads(said("proof", "audit", "1", "--checkpoint", note, "--data", office))
    assert (proof["kind"], proof["number"]) == ("audit", 1)
    said("proof", "batch", "1", "--data", office, status=2)
    assert "equal" in said("verify", "database", "--data", office)
    report = json.loads(said("verify", "--checkpoint", note, "--json", "--data", office))
    assert (report["equal"], report["findings"]) == (True, [])
    assert note.with_name("note.marks").exists()
