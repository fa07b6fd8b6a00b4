"""What stands in the audit log is told in Chinese: every action and detail that there is."""

from __future__ import annotations

import json
import re

from api.auth.roles import ROLES
from api.auth.tables import PERSON_EVENTS
from api.console.wording.audit import action_text, detail_text, said_of, state_text
from meter.vocabulary import BATCH_KINDS
from settlement.checkpoint.covered import By, tables_by
from settlement.vocabulary import CLAWBACK_EVENTS, EVENTS, PAYOUT_STATUSES, RUN_EVENTS
from tests.security.conftest import Busy
from tests.security.tampering import owner_connection

DATA = {"名称", "办理系统", "编码", "意见", "检查点", "文件", "来源地址", "办理人", "提出人"}
"""What people and systems wrote themselves."""
RAW = re.compile(r"[a-z]+_[a-z_]+|^[a-z]+$")
ACTIONS = [
    *(f"person.{event}" for event in (*PERSON_EVENTS, "create")),
    *(f"settlement.{event}" for event in EVENTS),
    *(f"payout.{status}" for status in (*PAYOUT_STATUSES, "answer", "retry", "settle")),
    *(f"claim.{event}" for event in CLAWBACK_EVENTS),
    *(f"payout_run.{event}" for event in ("propose", *RUN_EVENTS)),
    *(f"account.{event}" for event in ("propose", "approve", "reject")),
    *(f"registry.{kind}" for kind in BATCH_KINDS if kind not in ("usage", "replay")),
    *(f"record.{table}" for table in tables_by(By.RECORD)),
    "key.create", "key.revoke", "key.use", "company.confirm", "payment_list.export", "payout_rule.propose",
    "payout_rule.confirm", "payout_file.hand_over", "bank_statement.import", "bank_statement.explain",
    "checkpoint.make", "archive.seal",
]  # fmt: skip


def test_every_action_has_its_words() -> None:
    assert {one: text for one in ACTIONS if RAW.search(text := action_text(one)) or re.search("[A-Za-z]", text)} == {}


async def test_no_row_of_a_busy_log_shows_a_raw_key(busy: Busy) -> None:
    connection = await owner_connection(busy.url)
    rows = await connection.fetch("select action, detail, before, after from audit")
    await connection.close()
    assert len(rows) > 100
    raw: set[str] = set()
    for row in rows:
        raw |= {f"action {row['action']}"} if re.search("[A-Za-z]", action_text(row["action"])) else set()
        for state in (row["before"], row["after"]):
            raw |= {f"state {state}"} if state and RAW.search(state_text(row["action"], state)) else set()
        for label, value in said_of(row["detail"]):
            raw |= {f"label {label}"} if re.search("[a-z]{2}", label) else set()
            raw |= {f"value {label}: {value}"} if RAW.search(value) and label not in DATA else set()
    assert raw == set()


def test_amounts_moments_and_words_are_told_as_people_write_them() -> None:
    told = dict(said_of(json.dumps({
        "amount_fen": 123456, "ends_at": "2026-12-08T16:00:00Z", "decision": "dismissed", "role": "payer",
        "scopes": ["report:read"], "city": "340100", "reason": "locked_out", "second_factor": True,
        "code": "SAME_PERSON", "valid_to": "infinity",
    })))  # fmt: skip
    assert told["金额"] == "1,234.56 元"
    assert told["截止"] == "无期限（9999-12-31）"
    assert told["公示截止"] == "2026-12-09 00:00:00"
    assert told["结论"] == "不成立"
    assert told["角色"] == "支付"
    assert told["权限"] == "查看结算与报表"
    assert told["市"] == "合肥市"
    assert told["原因"] == "多次错误，暂时锁定"
    assert told["第二因素"] == "有"
    assert "不同的人" in told["为何拒绝"]
    assert detail_text("never_heard_of") == "其他"
    assert ROLES
