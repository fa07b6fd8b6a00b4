"""What lies in the answers of the console's tests."""

from __future__ import annotations

from typing import Any

from tests.report import example

Record = dict[str, Any]
HOSTILE = '<script>alert("1")</script>'
FORMULA = '=HYPERLINK("http://x.test","点我")'
FIRST, FORECAST, MANY = "anhui-2026-0001", "anhui-2026-0002", "anhui-2025-0001"
AWARDED = "91340100MA00000015"


def step(rule: str, title: str, operation: str, **more: Any) -> Record:
    """A step with words of the 2026 notice unless `more` says otherwise."""
    return {
        "rule": rule,
        "title": title,
        "document": "S3",
        "article": "三（一）4",
        "quote": "当算力补助量大于0时，才可计算补助",
        "ext": None,
        "reading": {},
        "operation": operation,
        "parameters": {},
        "before": {},
        "after": {},
    } | more


STEPS = [
    step("R-WIN", "批次期间内的使用", "given", parameters={"from_second": 1755273600, "to_second": 1776268800},
         after={"from_second": 1755273600, "to_second": 1776268800, "charges_fen": 61_728_390}),
    step("R-NET-FORMULA", "算力补助量=算力使用量-算力被使用量", "net", before={"consumed_pflops_hours": "1000"},
         parameters={"supplied_pflops_hours": "400"}, after={"net_pflops_hours": "600", "supplied_pflops_hours": "400"},
         reading={"supply_owner": "equity_group"}),
    step("R-ROUND", "补助金额", "award", before={"base": "555555511/9", "rate": "0.2", "gate": "open"},
         parameters={"rounding": "floor"}, after={"award_fen": 12_345_678}, quote=None, document=None, article=None,
         ext="本服务的约定：精确分数计算，最后向下取整到分", reading={"rounding": "floor"}),
]  # fmt: skip


def settlements() -> list[Record]:
    """One that pays, a forecast, and an old one with many lines."""
    common: Record = {
        "adjusts": None, "run_by": "key:1:finance", "matches": [],
        "receipt": {"code": "1.0", "journal_digest": "sm3:" + "cd" * 32},
        "events": [{"event": "approve", "actor": "key:2:approver", "at": "2026-11-23T11:00:00+00:00",
                    "detail": {"note": HOSTILE}}],
    }  # fmt: skip
    return [
        example.settlement(**common),
        example.settlement(id=FORECAST, order={}, status="computed", created_at="2026-11-23T12:00:00+00:00", **common),
        example.settlement("anhui-2025", created_at="2026-11-22T12:00:00+00:00", **common),
    ]


def lines_of() -> dict[str, list[Record]]:
    """Lines by settlement; two of them have names that are attacks."""
    few = [line | {"steps": STEPS, "excluded": example.excluded().get(line["uscc"], [])} for line in example.lines()]
    few += [
        example.line("91340500MA0000006Q", HOSTILE, "340500", 5) | {"steps": [], "excluded": []},
        example.line("91340600MA0000007K", FORMULA, "340600", 5) | {"steps": [], "excluded": []},
    ]
    many = [
        example.line(f"9134{n:014d}", f"单位{n:03d}", "340100", n) | {"steps": [], "excluded": []} for n in range(120)
    ]
    return {FIRST: few, FORECAST: [line | {"payable_fen": 0} for line in few], MANY: many}


def kept() -> list[Record]:
    """A refused record, a conflict, and one that nobody can explain."""
    found = [
        ("refused", "unknown_facility", "facility 'hf-99' is not registered"),
        ("conflict", "id_already_recorded_with_other_content", "recorded with other content in batch 3"),
        ("refused", "a_code_of_tomorrow", HOSTILE),
    ]
    return [
        {
            "quarantine": number,
            "batch": 10,
            "index": number,
            "source": "platform",
            "id": f"job-{number}",
            "status": status,
            "code": code,
            "detail": detail,
            "record": f'{{"id": "job-{number}", "note": "{HOSTILE}"}}',
            "record_bytes": 100,
        }
        for number, (status, code, detail) in enumerate(found, start=1)
    ]


def instructions() -> list[Record]:
    """A payment that waits and one that came back."""
    common = {"settlement": FIRST, "uscc": AWARDED, "offset_fen": 0, "worker": None, "fence": 0, "leased_until": None,
              "handed_over_as": None, "account_masked": "测试银行 ****0001"}  # fmt: skip
    return [
        common | {"id": 1, "amount_fen": 12_345_678, "reference": "SB-1", "status": "ready", "bank_reference": None},
        common | {"id": 2, "amount_fen": 5, "reference": "SB-2", "status": "returned", "bank_reference": "B-77"},
    ]


def instruction_events() -> list[Record]:
    """It was paid and came back, says somebody with a hostile note."""
    common = {"actor": "key:payer", "at": "2026-11-23T11:00:00+00:00", "fence": 1, "reference": "SB-2",
              "bank_reference": "B-77"}  # fmt: skip
    return [
        common | {"before": "leased", "after": "paid", "moved_fen": 5, "detail": {}},
        common | {"before": "paid", "after": "returned", "moved_fen": -5, "detail": {"note": HOSTILE}},
    ]


def owed() -> list[Record]:
    """A clawback of which a part is offset."""
    common = {"instruction": None, "at": "2026-11-23T11:00:00+00:00"}
    return [
        {"id": 1, "settlement": FIRST, "uscc": AWARDED, "amount_fen": 12_000, "recovered_fen": 5_000, "status": "open",
         "created_at": "2026-11-23T10:00:00+00:00",
         "events": [
             common | {"id": 1, "event": "propose", "kind": "offset", "amount_fen": 5_000, "proposal": None,
                       "actor": "key:finance", "note": HOSTILE},
             common | {"id": 2, "event": "approve", "kind": "offset", "amount_fen": 5_000, "proposal": 1,
                       "actor": "person:approver", "note": None},
         ]},
    ]  # fmt: skip


def log() -> list[Record]:
    """Rows of the audit log, one of them about something hostile."""
    return [
        {"seq": number, "at": "2026-11-23T11:00:00.000000Z", "actor": "person:approver", "action": "settlement.approve",
         "object": about, "result": result, "before": "reviewed", "after": "approved",
         "detail": '{"digest": "sm3:00", "event": 5}', "digest": "sha256:" + "ab" * 32}
        for number, (about, result) in enumerate([(FIRST, "done"), (HOSTILE, "refused")], start=1)
    ]  # fmt: skip
