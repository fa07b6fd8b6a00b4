"""Bank accounts: sealed in the database, masked everywhere, shown to who pays."""

from __future__ import annotations

import asyncpg
import pytest

from meter.database.seal import CannotUnseal, Seal, ensure_seal
from tests.support.api_client import ApiClient, good
from tests.support.postgres import folder_for_postgres
from tests.support.province import CITIES, account_of, code_of, locked, people_of, populate
from tests.support.worlds import post

SEAL = Seal.of(bytes(range(32)))


def test_what_is_sealed_comes_back_for_its_owner_only() -> None:
    sealed = SEAL.seal("6222 0001", "account a")
    assert "6222" not in sealed
    assert sealed.startswith("aes-256-gcm:")
    assert SEAL.unseal(sealed, "account a") == "6222 0001"
    for other, owner in ((SEAL, "account b"), (Seal.of(bytes(32)), "account a")):
        with pytest.raises(CannotUnseal):
            other.unseal(sealed, owner)


def test_a_changed_letter_is_noticed() -> None:
    sealed = SEAL.seal("6222 0001", "account a")
    for place in range(len("aes-256-gcm:"), len(sealed) - 2, 3):
        changed = sealed[:place] + ("A" if sealed[place] != "A" else "B") + sealed[place + 1 :]
        with pytest.raises(CannotUnseal):
            SEAL.unseal(changed, "account a")


def test_equal_accounts_are_sealed_alike_and_owners_apart() -> None:
    assert SEAL.seal("x", "a") == SEAL.seal("x", "a")
    assert SEAL.seal("x", "a") != SEAL.seal("x", "b")
    assert SEAL.seal("x", "a") != SEAL.seal("y", "a")


def test_the_key_lies_outside_the_database_and_only_its_owner_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with folder_for_postgres() as folder:
        monkeypatch.delenv("SUANBU_SEAL_KEY")
        first = ensure_seal(folder)
        assert (folder / "seal.key").stat().st_mode & 0o777 == 0o600
        monkeypatch.delenv("SUANBU_SEAL_KEY")
        assert ensure_seal(folder).unseal(first.seal("x", "a"), "a") == "x"


async def test_no_account_is_readable_in_the_database_or_in_any_list(app: ApiClient) -> None:
    await populate(app)
    people = await people_of(app)
    made = await locked(people)
    number = account_of(CITIES[0], 0)["account"]
    connection = await asyncpg.connect(app.url)
    try:
        tables = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
        for row in tables:
            table = row["tablename"]
            found = await connection.fetchval(
                f"select count(*) from {table} t where strpos(to_jsonb(t)::text, $1) > 0", number
            )
            assert found == 0, table
        bodies = await connection.fetch("select from batch_body join batch using (batch) where kind = 'entities'")
        assert not bodies
    finally:
        await connection.close()
    reader = await app.holder("registry:read", "payout:read", "report:read", "audit:read")
    for path in ("/entities", "/payouts", f"/settlements/{made['id']}", "/audit"):
        assert number not in (await reader.get(path)).text
    taken = good(await post(people.payer, "/payouts/claim", {"limit": 100, "worker": "w"}))["items"]
    mine = next(one for one in taken if one["uscc"] == code_of(CITIES[0], 0))
    assert mine["account"] == account_of(CITIES[0], 0)
