"""What was done, as the audit log has it, in Chinese: who did what to what, and from which state to which."""

from __future__ import annotations

from typing import Final

from api.console.language.text import phrase, words
from api.console.wording.audit_details import OTHER, TABLES
from api.console.wording.audit_details import actor_text as actor_text
from api.console.wording.audit_details import detail_text as detail_text
from api.console.wording.audit_details import said_of as said_of
from api.console.wording.roles import PAYOUT, RUN
from api.console.wording.vocabulary import STATUS

_NOUNS: Final = words({
    "settlement": "结算", "payout": "支付", "claim": "追回", "account": "收款账户", "person": "人员",
    "key": "接口密钥", "job": "任务", "payout_run": "发放", "payout_rule": "发放规则", "payout_file": "支付文件",
    "payment_list": "支付清单", "bank_statement": "对账单", "hand": "身份", "checkpoint": "检查点",
    "company": "用能单位", "registry": "登记", "record": "入库记录", "archive": "归档", "evidence": "证据包",
    "grant": "授权", "conflict": "内容冲突", "entry": "登记填报",
})  # fmt: skip
_VERBS: Final = words(
    {
        "run": "计算",
        "decide": "处理",
        "submit": "提交",
        "review": "复核",
        "return": "退回",
        "approve": "批准",
        "publish": "公示",
        "objection": "登记异议",
        "ruling": "异议处理",
        "lock": "锁定",
        "cancel": "取消",
        "paid": "支付完毕",
        "reopen": "退汇重开",
        "create": "新建",
        "revoke": "吊销",
        "use": "使用",
        "login": "登录",
        "logout": "退出",
        "disable": "停用",
        "enable": "启用",
        "unlock": "解锁",
        "password": "修改密码",
        "second_factor": "更换第二因素",
        "reauthenticate": "再次验证",
        "propose": "提出",
        "reject": "不同意",
        "retry": "重新支付",
        "settle": "认定",
        "release": "放行",
        "ready": "待支付",
        "leased": "领取",
        "submitted": "送银行",
        "failed": "失败",
        "returned": "退汇",
        "disputed": "有争议",
        "offset": "抵扣",
        "handed_over": "发出文件",
        "unknown": "结果不明",
        "confirm": "确认",
        "export": "导出",
        "import": "导入",
        "explain": "说明",
        "hand_over": "发出",
        "make": "制作",
        "seal": "封存",
        "stop": "停止",
        "answer": "银行回执",
        "entities": "单位",
        "facilities": "智算中心",
        "chips": "芯片",
        "holdings": "持股",
        "expenditures": "支出凭证",
        "control_totals": "控制总数",
    }
)
_STATES: Final = words(
    {
        "payout": PAYOUT,
        "payout_run": RUN,
        "key": {"live": "有效", "revoked": "已吊销"},
        "person": {"live": "有效"},
        "bank_statement": {
            "fee": "手续费",
            "repaid": "退回",
            "interest": "利息",
            "transfer": "内部划转",
            "other": "其他",
        },
        "claim": {"open": "未结清", "settled": "已结清", "waived": "已免除"},
        "payout_rule": {"proposed": "待确认", "confirmed": "已确认"},
        "settlement": STATUS,
    }
)


def action_text(action: str) -> str:
    """Return what was done, in words."""
    noun, _, verb = action.partition(".")
    if noun == "record":
        return phrase("入库记录：{verb}", verb=TABLES.get(verb, phrase(OTHER)))
    return (
        phrase("{noun}：{verb}", noun=_NOUNS.get(noun, phrase(OTHER)), verb=_VERBS.get(verb, phrase(OTHER)))
        if verb
        else _NOUNS.get(noun, phrase(OTHER))
    )


def object_text(action: str, about: str) -> str:
    """Return what a row is about: a table by its name in words, anything else as it is numbered or named."""
    return TABLES.get(about, about) if action.startswith("record.") else about


def state_text(action: str, state: str | None) -> str:
    """Return what a state is called in a row of the log; masked accounts and the like stay as they are."""
    known = _STATES.get(action.partition(".")[0], {})
    return known.get(state or "", state or "")
