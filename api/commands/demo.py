"""`suanbu demo`: from an empty folder to a settled province, through the real service."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from api.commands.common import Data, with_database

if TYPE_CHECKING:
    from api.demo.client import Client

BATCH_RECORDS = 5000
CONSOLE = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
ROUND = "anhui-2026"
ENTRY = ("-m", "api")


def demo(data: Data = Path("data/demo")) -> None:
    """Show a province settled: registry, usage over HTTP, settlement, review, approval, report, one award explained."""
    from api.auth.passwords import new_password
    from api.demo.client import Client

    started = time.monotonic()
    password = new_password("auditor")
    keys = _prepare(data, password)
    with _serving(data) as url:
        registrar, platform = Client(url, keys["registrar"]), Client(url, keys["platform"])
        finance, reviewer, approver = (Client(url, keys[name]) for name in ("finance", "reviewer", "approver"))
        _send(registrar, approver, platform)
        _say("清算", f"round {ROUND}, rate 20 %, everything recorded so far")
        settled = finance.ask(
            "POST", "/v1/settlements", {"round": ROUND, "order": {"rate": "0.20", "number": "示例文号"}}
        )
        number = settled["id"]
        if settled["status"] == "computed":
            finance.ask("POST", f"/v1/settlements/{number}/submit")
            reviewer.ask("POST", f"/v1/settlements/{number}/review", {"decision": "pass", "note": "示例复核"})
            approver.ask("POST", f"/v1/settlements/{number}/approve", {"digest": settled["digest"]})
            approver.ask("POST", f"/v1/settlements/{number}/lock")
        lines = finance.ask("GET", f"/v1/settlements/{number}/lines?limit=1000")["items"]
        report = data / f"{number}.xlsx"
        report.write_bytes(finance.fetch(f"/v1/settlements/{number}/report.xlsx"))
        verdict = finance.ask("GET", f"/v1/settlements/{number}/verify")
        _show_lines(number, lines, settled["totals"])
        _show_steps(finance, number, _telling(lines))
        payouts = finance.ask("GET", f"/v1/payouts?settlement={number}&limit=1000")["items"]
    CONSOLE.print(
        f"\nrecomputed from the records: {'equal' if verdict['equal'] else 'DIFFERENT'}   {settled['digest']}"
    )
    CONSOLE.print(f"report: {report}   payout instructions: {len(payouts)}   took {time.monotonic() - started:.0f} s")
    CONSOLE.print(
        f"console: run `.venv/bin/suanbu serve --data {data}`, open http://127.0.0.1:8000/console, "
        f"log in as auditor with {password}"
    )


def _say(what: str, detail: str = "") -> None:
    CONSOLE.print(f"[bold]==> {what}[/bold]  {detail}")


def _prepare(data: Path, password: str) -> dict[str, str]:
    """Return the database and a key for each of the demonstration's users."""
    from api.auth.keys import NewKey, create_key
    from api.auth.people import create_person, give_password
    from api.clock import now

    _say("数据库", f"embedded PostgreSQL under {data}")
    scopes = {
        "registrar": ["registry:write", "registry:read"],
        "platform": ["usage:write", "usage:read"],
        "finance": ["settlement:run", "report:read", "payout:read"],
        "reviewer": ["settlement:review", "report:read"],
        "approver": ["settlement:approve", "report:read", "payout:read"],
    }

    async def prepare(engine: Any) -> dict[str, str]:
        found = {}
        for name, wanted in scopes.items():
            found[name] = await create_key(engine, NewKey(name, wanted), now=now())
        # an auditor sees everything, decides nothing, and needs no authenticator to look around
        if not await give_password(engine, "auditor", password, now()):  # there is one from an earlier demonstration
            await create_person(engine, name="auditor", role="auditor", city=None, password=password, now=now())
        return found

    return with_database(data, prepare)


@contextlib.contextmanager
def _serving(data: Path) -> Iterator[str]:
    """Run the service as its own process, on a free port."""
    _say("服务", "suanbu serve")
    command = [sys.executable, *ENTRY, "serve", "--data", str(data), "--port", "0"]
    quiet = {**os.environ, "SUANBU_ACCESS_LOG": "off"}  # what is shown here is the province, not every request
    with subprocess.Popen(  # noqa: S603 - our own command
        command, stdout=subprocess.PIPE, text=True, env=quiet, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the service did not start")
            yield line.split()[-1]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _send(registrar: Client, approver: Client, platform: Client) -> None:
    """Send the registry, its accounts approved by somebody else, then eight months of usage."""
    from rich.progress import track

    from api.demo import province

    entities = province.entities()
    codes = [entity["uscc"] for entity in entities]
    facts = {
        "chips": province.chips(),
        "entities": entities,
        "facilities": province.facilities(codes),
        "holdings": province.holdings(codes),
        "expenditures": province.expenditures(codes),
    }
    for name, items in facts.items():
        answer = registrar.ask("PUT", f"/v1/{name}", items)
        assert answer["refused"] == answer["conflict"] == 0, answer
    _say("登记", ", ".join(f"{name} {len(items)}" for name, items in facts.items()))
    waiting = approver.ask("GET", "/v1/account-proposals?status=proposed&limit=1000")["items"]
    for one in waiting:
        approver.ask("POST", f"/v1/account-proposals/{one['id']}/approve", {"note": "示例：开户证明已核对"})
    _say("账户", f"{len(entities) - len(waiting)} first ones in force, {len(waiting)} approved by a second key")
    lines = list(province.usage(codes))
    sums = dict.fromkeys(("received", "accepted", "duplicate", "conflict", "refused"), 0)
    for first in track(range(0, len(lines), BATCH_RECORDS), "用量", console=CONSOLE, disable=not CONSOLE.is_terminal):
        body = b"\n".join(lines[first : first + BATCH_RECORDS])
        answer = platform.ask("POST", "/v1/usage-records", body, "application/x-ndjson")
        for name in sums:
            sums[name] += answer[name]
    _say("用量", ", ".join(f"{name} {count:,}" for name, count in sums.items()))


def _show_lines(number: str, lines: list[dict[str, Any]], totals: dict[str, int]) -> None:
    from rich.table import Table

    table = Table(title=f"{number}", title_justify="left")
    for heading in ("单位", "使用 P时", "被使用 P时", "计入支出 元", "补助 元", "待核 元", "说明"):
        table.add_column(heading, justify="left" if heading in ("单位", "说明") else "right")
    for line in sorted(lines, key=lambda line: -line["award_fen"])[:20]:
        table.add_row(
            line["name"] or line["uscc"], _rounded(line["consumed_pflops_hours"]),
            _rounded(line["supplied_pflops_hours"]), _yuan(line["eligible_expenditure_fen"]), _yuan(line["award_fen"]),
            _yuan(line["held_fen"]), " ".join(line["reasons"]),
        )  # fmt: skip
    CONSOLE.print(table)
    CONSOLE.print(
        f"{len(lines)} lines (the 20 largest shown)   award {_yuan(totals['award_fen'])}   held "
        f"{_yuan(totals['held_fen'])}   payable {_yuan(totals['payable_fen'])} 元"
    )


def _telling(lines: list[dict[str, Any]]) -> str:
    """Return the line that shows most: an award that netting reduced."""
    netted = [line for line in lines if line["award_fen"] and line["supplied_pflops_hours"] != "0"]
    chosen: str = max(netted or lines, key=lambda line: line["award_fen"])["uscc"]
    return chosen


def _show_steps(finance: Client, number: str, uscc: str) -> None:
    from rich.table import Table

    from api.console.wording.steps import shown_steps

    line = finance.ask("GET", f"/v1/settlements/{number}/lines/{uscc}")
    table = Table(title=f"{line['name']} {uscc}：{_yuan(line['award_fen'])} 元的由来", title_justify="left")
    for heading in ("规则", "步骤", "依据", "算式", "结果"):
        table.add_column(heading, overflow="fold")
    for raw, step in zip(line["steps"], shown_steps(line["steps"], {}), strict=True):
        results = "；".join(f"{value.label} {value.text}" for value in step.after)
        table.add_row(step.rule, step.title, raw.get("article") or step.beyond, step.formula, results)
    CONSOLE.print(table)


def _yuan(fen: int) -> str:
    return f"{fen // 100:,}.{fen % 100:02d}"


def _rounded(quantity: str) -> str:
    """Return a quantity cut to three decimals, for the table only; the settlement keeps it exact."""
    top, _, bottom = quantity.partition("/")
    if bottom:
        thousandths = int(top) * 1000 // int(bottom)
        return f"{thousandths // 1000:,}.{thousandths % 1000:03d}"
    whole, _, part = quantity.partition(".")
    return f"{int(whole):,}.{part[:3]}" if part else f"{int(whole):,}"
