"""A client that nobody wrote: generated from the document, it settles a round from the registry to the bank."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.openapi.described import document
from tests.support.api_client import ApiClient, KeyClient
from tests.support.records import chip, entity, facility, usage, uscc
from tests.support.serving import Served, over_http

CONSUMER, OWNER = uscc(1), uscc(999)
ACCOUNT = {"bank": "示例银行", "account": "62220001", "holder": "示例单位"}
PACKAGE = "suanbu_client"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The generated package, importable."""
    folder = tmp_path_factory.mktemp("generated")
    source = folder / "openapi.json"
    source.write_text(json.dumps(document()))
    config = folder / "config.yaml"
    config.write_text("post_hooks: []\n")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", str(source), "--meta", "none"]
    made = subprocess.run(
        [*command, "--output-path", str(folder / PACKAGE), "--config", str(config)],
        capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    told = [line for line in made.stdout.splitlines() if line.startswith(("WARNING", "ERROR"))]
    # what is not JSON has no type of its own: lines of JSON and Arrow
    assert all("usage-records" in line or "audit/export" in line for line in told), made.stdout
    sys.path.insert(0, str(folder))
    try:
        yield folder / PACKAGE
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
            del sys.modules[name]


def part(name: str) -> ModuleType:
    """A module of the generated package."""
    return importlib.import_module(f"{PACKAGE}.{name}")


class Generated:
    """The generated client with one key."""

    def __init__(self, url: str, holder: KeyClient) -> None:
        self._client = part("client").AuthenticatedClient(base_url=url, token=holder.key)

    def call(self, tag: str, operation: str, *given: Any, **named: Any) -> Any:
        """Call an operation as the client types it; its parsed answer, which must be a good one."""
        answer = part(f"api.{tag}.{operation}").sync_detailed(*given, client=self._client, **named)
        assert 200 <= answer.status_code < 300, answer.content[:500]
        return answer.parsed

    def push(self, records: list[Any]) -> Any:
        """Send usage records.

        Beside the types, by hand: where a body has several content types, the generator asks isinstance of `list[...]`.
        """
        answer = self._client.get_httpx_client().post("/v1/usage-records", json=[one.to_dict() for one in records])
        assert answer.status_code == 200, answer.text
        return part("models").Receipt.from_dict(answer.json())


def model(name: str, value: dict[str, Any]) -> Any:
    """A value as the client's type of it."""
    return getattr(part("models"), name).from_dict(value)


async def test_a_generated_client_settles_a_round(client: Path, database: str) -> None:
    assert client
    with Served.on(database) as served:
        async with over_http(served.url, database) as door:
            await _settle(door, served.url)


async def _settle(door: ApiClient, url: str) -> None:
    registrar = Generated(url, await door.holder("registry:write", "registry:read"))
    for operation, kind, item in (
        ("put_chips", "ChipRating", chip()),
        ("put_facilities", "Facility", facility(owners=[{"uscc": OWNER, "share": "1"}])),
        ("put_entities", "Entity", entity(CONSUMER, name=ACCOUNT["holder"], bank_account=ACCOUNT)),
    ):
        receipt = registrar.call("registry", operation, body=[model(kind, item)])
        assert (receipt.received, receipt.accepted) == (1, 1)
    assert registrar.call("registry", "get_entities").items[0].uscc == CONSUMER

    platform = Generated(url, await door.holder("usage:write", "usage:read", source="dispatch"))
    records = [model("UsageRecord", usage(f"g{number}", consumer=CONSUMER, charge_fen=100_000)) for number in range(3)]
    receipt = platform.push(records)
    assert (receipt.accepted, receipt.refused) == (3, 0)

    clerk = Generated(url, await door.holder("settlement:run", "report:read"))
    asked = model("RunSettlement", {"round": "anhui-2026", "order": {"rate": "0.20"}})
    settled = clerk.call("settlements", "post_settlement", body=asked)
    assert settled.status == "computed"
    line = clerk.call("settlements", "get_settlement_line", settled.id, CONSUMER)
    assert line.payable_fen == 60_000
    assert [step.rule for step in line.steps]
    assert [one.uscc for one in clerk.call("settlements", "get_settlement_lines", settled.id).items] == [CONSUMER]

    reviewer = Generated(url, await door.holder("settlement:review", "report:read"))
    approver = Generated(url, await door.holder("settlement:approve", "report:read", "payout:read"))
    moved = entity(CONSUMER, name=ACCOUNT["holder"], bank_account={**ACCOUNT, "account": "6222000000000002"})
    warned = registrar.call("registry", "put_entities", body=[model("Entity", moved)]).warnings
    assert "ACCOUNT_PROPOSED" in [one.code for one in warned]
    told = approver.call("payouts", "get_account_proposals").items
    (waiting,) = [one for one in told if one.status == "proposed"]
    account = approver.call("payouts", "post_account_approve", waiting.id, body=model("AccountApproval", {}))
    assert (account.status, account.account_masked) == ("approved", "示例银行 ****0002")
    clerk.call("settlements", "post_settlement_submit", settled.id, body=model("Remark", {}))
    reviewer.call("settlements", "post_settlement_review", settled.id, body=model("Review", {"decision": "pass"}))
    approver.call("settlements", "post_settlement_approve", settled.id, body=model("Approval", {}))
    locked = approver.call("settlements", "post_settlement_lock", settled.id, body=model("Remark", {}))
    assert locked.status == "locked"
    assert locked.totals.payable_fen == 60_000

    payer = Generated(url, await door.holder("payout:run", "payout:read"))
    (leased,) = payer.call(
        "payouts", "post_claim", body=model("ClaimInstructions", {"limit": 5, "worker": "generated"})
    ).items  # fmt: skip
    assert leased.amount_fen == 60_000
    said = {"bank_reference": "B-1", "worker": "generated", "fence": leased.fence}
    paid = payer.call("payouts", "post_payout_paid", leased.id, body=model("PayoutMark", said))
    assert paid.status == "paid"


async def test_a_refusal_reaches_a_generated_client_as_a_problem(client: Path, app: ApiClient) -> None:
    assert client
    nobody = await app.holder("usage:read")
    answer = await nobody.get("/settlements")
    problem = part("models").Problem.from_dict(answer.json())
    assert (problem.status, problem.code) == (403, "scope_missing")
