"""What the details of a row of the audit log are called, and how their values are told, in Chinese."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from api.console.language.text import later, phrase, words
from api.console.wording.refusals import BECAUSE
from api.console.wording.roles import CHOICE, PAYOUT, ROLE
from api.console.wording.scopes import SCOPE
from settlement.report.about import moment_text
from settlement.report.money import yuan_text
from settlement.rounds import load_rounds

_DETAILS: Final[Mapping[str, str]] = words({
    "accepted": "采纳条数", "account_proposal": "收款账户编号", "account_sha256": "账户摘要",
    "accounts_missing": "缺少账户的单位数", "accounts_sha256": "账户摘要", "actor": "办理人", "adopted": "此前的行",
    "amount_fen": "金额", "approved_digest": "所批准的摘要", "at": "时间", "bank_reference": "银行参考号",
    "batch": "批号", "by": "异议人", "changed": "变更条数", "city": "市", "claim": "追回事项", "client": "来源地址",
    "code": "为何拒绝", "confirms": "确认的规则", "created_at": "新建时间", "days": "公示天数", "decision": "结论",
    "digest": "结算摘要", "encoding": "编码", "ends_at": "公示截止", "event": "事项", "expires_at": "有效期至",
    "fence": "领取序号", "file": "文件", "first_changed": "变更的对象", "first_day": "起始日",
    "holder_confirmed": "户名已核实", "holder_differs": "户名与单位名称不同", "id": "编号", "instruction": "支付指令",
    "instructions": "支付指令数", "issue": "支付参考号", "kind": "类别", "last_day": "截止日",
    "lease": "领取时长（秒）", "leases": "须放行的领取", "lines": "行数", "lines_root": "各行树根",
    "lines_sha256": "各行摘要", "mapping": "对账单格式", "moved_fen": "银行划转", "name": "名称",
    "names": "编号的对象", "note": "意见", "notice": "公示", "objection": "异议号", "ordinal": "序号",
    "paid_fen": "付出合计", "payee_limit_fen": "单户限额", "payments": "笔数", "prefix": "密钥前缀",
    "proposal": "收款账户编号", "proposed_by": "提出人", "reason": "原因", "received_fen": "收到合计",
    "reference": "参考号", "role": "角色", "round": "批次", "rows": "记录的内容", "run": "发放批次",
    "run_limit_fen": "单批限额", "schema": "数据库结构", "scopes": "权限", "second_factor": "第二因素",
    "settlement": "结算", "sha256": "文件摘要", "signed": "须签名", "source": "来源编号", "statement": "对账单",
    "status": "状态", "sum_fen": "合计", "tree": "检查点", "uscc": "统一社会信用代码", "valid_from": "起用",
    "valid_to": "截止", "word": "结果", "worker": "办理系统",
})  # fmt: skip
TABLES: Final[Mapping[str, str]] = words({
    "account_event": "账户审批", "account_proposal": "账户登记", "api_key": "密钥", "api_key_revocation": "密钥吊销",
    "archive_sealing": "归档", "bank_statement": "对账单", "bank_statement_line": "对账单的行",
    "bank_statement_note": "流水说明", "claim_event": "追回办理", "clawback_claim": "追回事项",
    "company_confirmation": "单位确认", "conflict_decision": "冲突的处理",
    "finding": "疑点", "login": "会话", "logout": "退出",
    "payout_event": "支付办理", "payout_file": "支付文件", "payout_refusal": "未入账的回执",
    "payout_rule": "发放规则", "payout_run": "发放批次", "payout_run_event": "发放批次办理",
    "payout_run_item": "发放批次的款项", "person": "人员", "person_event": "人员变动", "registry_entry": "登记填报",
    "registry_entry_event": "填报办理", "settlement": "结算",
    "settlement_account": "批准时的账户", "settlement_event": "结算办理", "source": "来源",
})  # fmt: skip
_REASONS: Final[Mapping[str, str]] = words({
    "wrong_name_or_password": "用户名或密码不正确", "wrong_code": "动态口令不正确", "disabled": "人员已停用",
    "locked_out": "多次错误，暂时锁定", "slowed_down": "尝试过多，稍后再试", "second_factor_missing": "没有第二因素",
    "wrong_password_or_code": "密码或动态口令不正确",
    "unknown_key": "密钥不存在或已吊销", "expired_key": "密钥已过期", "secret_sent": "须签名的请求带了密钥本身",
    "signature_missing": "没有签名", "bad_signature": "签名不符", "stale_signature": "签名已过时",
    "replayed_request": "请求重复", "LEASE_LOST": "领取已失效",
})  # fmt: skip
_WORDS: Final[Mapping[str, Mapping[str, str]]] = words({
    "decision": CHOICE, "role": ROLE, "word": PAYOUT, "reason": _REASONS, "code": {**BECAUSE, **_REASONS},
    "leases": {"own": "本系统的领取", "all": "所有领取"}, "notice": {"none": "没有公示"}, "mapping": {"plain": "通用"},
    "event": {"propose": "提出", "approve": "同意", "reject": "不同意", "stop": "停止"},
    "kind": {
        "repaid": "退回", "fee": "手续费", "interest": "利息", "transfer": "内部划转", "other": "其他",
        "offset": "抵扣", "waive": "免除", "xlsx": "工作簿", "csv": "文本表格",
    },
    "note": {
        "the first account, in the entity's own name": "首个账户，户名与单位名称相同，自动启用",
        "recorded before accounts were approved": "账户审批启用之前登记",
    },
})  # fmt: skip
_NUMBERED: Final = words({"chip": "芯片", "facility": "设施", "party": "单位"})
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*")
_SHOWN: Final = 5
OTHER: Final = later("其他")


def detail_text(name: str) -> str:
    """Return what a value of a row is called."""
    return _DETAILS.get(name, phrase(OTHER))


def said_of(detail: str) -> list[tuple[str, str]]:
    """Return the names and values of a row's detail, as people read them; what says nothing is left out."""
    found = json.loads(detail)
    told = []
    for name, value in found.items():
        if value in (None, "", [], {}) or (name == "detail" and "code" in found):
            continue  # what a machine was answered in English is told by its code
        told.append((detail_text(name), _told(name, value)))
    return told


def _told(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return (
            (phrase("有") if value else phrase("没有"))
            if name == "second_factor"
            else phrase("是")
            if value
            else phrase("否")
        )
    if name.endswith("_fen"):
        return phrase("{value} 元", value=yuan_text(int(value)))
    if isinstance(value, dict):
        return _several(name, value)
    if isinstance(value, list):
        return _listed(name, value)
    text = str(value)
    if text == "infinity":  # as the database writes 9999-12-31, which people enter for what has no end
        return phrase("无期限（9999-12-31）")
    if name in _WORDS:
        return _WORDS[name].get(text, text if name == "note" else phrase(OTHER))
    if name == "city":
        return _city(text)
    if name in ("actor", "proposed_by"):
        return actor_text(text)
    return moment_text(text) if _MOMENT.fullmatch(text) else text


def _several(name: str, value: Mapping[str, Any]) -> str:
    if name == "rows":
        return phrase("，").join(
            phrase("{table} {rows} 行", table=TABLES.get(table, phrase(OTHER)), rows=len(rows))
            for table, rows in value.items()
        )
    if name == "names":
        return phrase("，").join(
            phrase("{kind} {count} 个", kind=_NUMBERED.get(kind, phrase(OTHER)), count=count)
            for kind, count in value.items()
        )
    if name == "instructions":
        return phrase("{get} 笔", get=value.get("count", 0))
    return phrase("内容见导出的文件")


def _listed(name: str, value: list[Any]) -> str:
    if name == "scopes":
        return phrase("；").join(SCOPE.get(str(one), phrase(OTHER)) for one in value)
    texts = [str(one.get("subject", phrase(OTHER))) if isinstance(one, dict) else str(one) for one in value[:_SHOWN]]
    return phrase("、").join(texts) + (phrase(" 等 {value} 项", value=len(value)) if len(value) > _SHOWN else "")


def _city(code: str) -> str:
    for of_round in reversed(list(load_rounds().values())):
        for city in of_round.cities:
            if city.code == code:
                return phrase(str(city.name))
    return code


def actor_text(actor: str) -> str:
    """Return who acted, in Chinese; a name stays as it is."""
    kind, colon, name = actor.partition(":")
    if not colon:
        return {
            "service": phrase("系统"),
            "nobody": phrase("未登录"),
            "migration": phrase("升级"),
            "": phrase("（不告知）"),
        }.get(actor, actor)
    words = {
        "key": phrase("接口"),
        "person": phrase("人员"),
        "command line": phrase("命令行"),
        "database": phrase("数据库"),
    }
    return phrase("{name}（{words}）", name=name, words=words[kind]) if kind in words else actor
