"""What roles, payments, choices and the like are called, in Chinese: words that several pages share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from api.console.language.text import words

ROLE: Final[Mapping[str, str]] = words({
    "finance": "财政", "reviewer": "复核", "approver": "审批", "payer": "支付", "auditor": "审计",
    "operator": "运行人员", "registrar": "登记人员", "admin": "管理员", "entity": "用能单位",
})  # fmt: skip
CHOICE: Final[Mapping[str, str]] = words({"pass": "通过", "return": "退回", "dismissed": "不成立", "upheld": "成立"})
PAYOUT: Final[Mapping[str, str]] = words({
    "ready": "待支付", "leased": "办理中", "submitted": "已送银行", "unknown": "结果不明",
    "handed_over": "已发文件", "paid": "已支付",
    "failed": "支付失败", "returned": "已退汇", "disputed": "有争议", "offset": "已抵扣",
})  # fmt: skip
RUN: Final[Mapping[str, str]] = words({
    "proposed": "待批准发放", "released": "已批准发放", "rejected": "未批准", "stopped": "已停止",
})  # fmt: skip
