"""What stands in the audit log, in Chinese: who did what to what; a word that is not known is shown as it is."""

from __future__ import annotations

from typing import Final

_NOUNS: Final = {
    "settlement": "结算",
    "payout": "支付",
    "claim": "追回",
    "account": "收款账户",
    "person": "人员",
    "key": "接口密钥",
    "job": "任务",
    "payout_run": "发放",
    "statement": "对账单",
    "hand": "身份",
    "checkpoint": "检查点",
    "grant": "授权",
}
_VERBS: Final = {
    "run": "计算",
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
}
_DETAILS: Final = {
    "digest": "结算摘要",
    "event": "事项号",
    "note": "意见",
    "code": "代码",
    "city": "市",
    "decision": "结论",
    "days": "公示天数",
    "ends_at": "公示截止",
    "lines_sha256": "各行摘要",
    "accounts_sha256": "账户摘要",
    "accounts_missing": "缺少账户的单位",
    "approved_digest": "所批准的摘要",
    "uscc": "统一社会信用代码",
    "by": "异议人",
    "objection": "异议号",
    "notice": "公示",
    "reference": "参考号",
    "bank_reference": "银行参考号",
    "moved_fen": "变动（分）",
    "amount_fen": "金额（分）",
    "instruction": "支付指令",
    "fence": "领取序号",
    "client": "来源地址",
    "second_factor": "第二因素",
    "role": "角色",
    "scopes": "权限",
    "name": "名称",
    "reason": "原因",
    "settlement": "结算",
    "status": "状态",
}


def action_text(action: str) -> str:
    """Return what was done, in words."""
    noun, dot, verb = action.partition(".")
    if not dot:
        return _VERBS.get(action, _NOUNS.get(action, action))
    return f"{_NOUNS.get(noun, noun)}：{_VERBS.get(verb, verb)}"


def detail_text(name: str) -> str:
    """Return what a value of a row is called."""
    return _DETAILS.get(name, name)
