"""Why a decision was refused, in Chinese, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from api.console.language.text import phrase, words

BECAUSE: Final[Mapping[str, str]] = words(
    {
        "SAME_PERSON": "您已经参与过这一结算的其他环节：计算、复核、审批须由不同的人办理。",
        "STATE_NOT_ALLOWED": "结算的状态已经变化，现在不能办理这一步；请返回查看。",
        "REVIEW_MISSING": "还有市没有通过复核。",
        "NOT_PAYABLE": "测算或征求意见稿不能批准：请按下达的比例重新计算。",
        "DIGEST_CHANGED": "结算内容与页面显示（或与批准时）的摘要不一致，已停止办理。",
        "NOT_REPRODUCED": "按用量记录重新计算，结果与这一结算不同，已停止锁定：请查看核验结果。",
        "NOTICE_MISSING": "下达文件要求公示，尚未公示。",
        "NOTICE_RUNNING": "公示期未满，期满后才能锁定。",
        "NOTICE_TOO_SHORT": "公示天数少于下达文件的要求。",
        "DAYS_MISSING": "请填写公示天数（0 至 365）。",
        "OBJECTION_OPEN": "有异议尚未处理或已经成立，不能锁定。",
        "ALREADY_RULED": "这一异议已有处理结论。",
        "NO_SUCH_OBJECTION": "没有这样的异议，或者它是您本人登记的。",
        "NO_SUCH_CITY": "结算中没有这个市的单位。",
        "NO_SUCH_LINE": "结算中没有这个单位。",
        "FACT_BY_APPROVER": "您登记过本次计算所依据的信息（用量、主体、设施等）：须由没有登记过的人办理。",
        "ACTOR_UNPROVEN": "您的登录或密钥已经失效：请重新登录。",
        "PROOF_NEEDED": "请重新输入密码和动态口令后再办理。",
        "ACCOUNT_CHANGED": "有单位的收款账户与批准时不同：请重新批准这一结算。",
        "ACCOUNT_MISSING": "有应付单位没有已批准的收款账户：请先批准账户，再重新批准这一结算。",
        "ALREADY_DECIDED": "这一账户已有处理结论。",
        "HOLDER_UNCONFIRMED": "户名与单位名称不同：请核实后勾选确认。",
        "NOT_AN_APPROVER": "账户须由审批人员批准。",
        "NOTHING_READY": "没有可以放入新批次的待支付指令：已在其他批次中、没有已批准账户，或已经送出。",
        "ACCOUNTS_NOT_UNDERSTOOD": "账户文件没有读懂，未登记任何账户",
        "UNKNOWN_ENTITY": "文件中有未登记的单位，未登记任何账户",
        "NO_SEALING_KEY": "本服务启动时没有封存账号的密钥，不能登记账户",
        "NOTHING_TO_PAY": "这一批次没有等待送出的支付指令。",
        "NO_SUCH_FILE": "没有这个银行文件。",
        "FILE_DIFFERS": "文件里的支付指令后来有了变化，不能再按原样提供。",
        "ABOVE_LIMIT": "超过两人确认的发放限额（单批或单户）。",
        "RUN_CHANGED": "批次提出之后有款项发生变化：请不予批准，重新提出一批。",
        "NO_SUCH_RUN": "没有这一发放批次，或者它还没有批准发放。",
        "ALREADY_IMPORTED": "这一文件已经导入过。",
        "STATEMENT_NOT_UNDERSTOOD": "对账单没有读懂，未导入任何内容：请核对文件与所选的格式。",
        "MAPPING_INVALID": "格式定义没有读懂，未导入任何内容。",
        "ANSWER_NOT_UNDERSTOOD": "回执文件的格式、编码、笔数或校验码不符，未入账任何内容。",
        "BANK_REFERENCE_MISSING": "请填写银行参考号。",
        "BANK_REFERENCE_INVALID": "银行参考号须为 1 至 64 个可打印的 ASCII 字符。",
        "AMOUNT_INVALID": "金额须大于 0。",
        "WRONG_AMOUNT": "银行划转的金额与应付不符：已登记为有争议，发放批次已停止，由两人决定。",
        "OUTCOME_CHANGED": "银行的说法与此前登记的结果不一致：已登记为有争议，由两人决定。",
        "OTHER_BANK_REFERENCE": "这一银行参考号已用于另一笔款项，或者同一笔有两个参考号：已登记，由两人决定。",
        "NEVER_SENT": "这一笔还没有送出：已登记为有争议，由两人决定。",
        "EARLIER_ISSUE": "回执说的是已被替换的一笔：已登记为有争议，由两人决定。",
        "ROUND_LOCKED": "本批次（或它的差额）已有另一结算锁定：请取消本次并重新计算。",
        "EARLIER_PAYMENT_OPEN": "前次款项正在银行处理，结果明确后再锁定。",
        "CLAIM_ABOVE_PAID": "应追回的金额超过已支付的金额，不能锁定：请核对。",
        "ADJUSTMENT_WRONG": "差额与前次锁定的结算对不上，已停止办理。",
        "MONEY_OPEN": "银行实际划转的金额与这一结论不符。",
        "ISSUE_OPEN": "现在的一笔可能还在银行，结果明确后再办理。",
        "ABOVE_CLAIM": "超出尚未追回的金额，或者该事项已经结清。",
        "WAIVED_WHOLE": "免除须针对尚未追回的全部金额。",
        "INSTRUCTION_MISSING": "抵扣须选定一条尚未支付的指令。",
        "NO_SUCH_INSTRUCTION": "所选指令不属于这个单位，或者金额不足以抵扣。",
        "NO_SUCH_PROPOSAL": "没有这样的待决事项。",
        "NO_SUCH_CLAIM": "没有这样的追回事项。",
        "LOGIN_NEEDED": "请重新输入密码和动态口令后再办理。",
        "TOO_MANY_KEYS": "这一名称已有两把有效的密钥（旧的和接替它的）：请先吊销一把。",
        "NO_COMPANY": "登记中还没有本单位，暂不能办理。",
        "ACCOUNT_KNOWN": "这一账户已在使用，或者正在等待批准。",
        "UNKNOWN_SETTLEMENT": "没有这样的结算。",
        "archive_broken": "归档文件与归档记录不符，不能重新相加：请告诉运行人员。",
        "OTHER_CITY": "您只能办理本市的事项。",
        "missing_city": "请选择市，或选择“全部各市”。",
        "OTHER_TERMS": "本批次已按另一比例、预算或口径锁定：与锁定时不同的计算是对已定结果的改动，确属此意须勾选确认。",
        "missing_field": "请填写意见或理由。",
        "bad_request": "请选择一项结论。",
        "out_of_range": "填写的内容超出范围。",
        "city_limited": "这一事项不由市级人员办理。",
        "scope_missing": "您的角色不能办理这一事项。",
    }
)


_NOT_BOOKED: Final[Mapping[str, str]] = words(
    {
        "ANSWER_NOT_UNDERSTOOD": "回执文件无法识别，已移出。",
        "NO_SUCH_REFERENCE": "回执所指的参考号不存在，已移出。",
        "NO_SUCH_ISSUE": "这一参考号不属于该指令。",
        "NO_SUCH_INSTRUCTION": "没有这条支付指令。",
        "BANK_REFERENCE_MISSING": "缺少银行参考号。",
        "BANK_REFERENCE_INVALID": "银行参考号应为 1 至 64 个可见 ASCII 字符。",
        "AMOUNT_INVALID": "金额应为大于零的整数分。",
        "AMOUNT_MISSING": "缺少金额。",
        "STATE_NOT_ALLOWED": "指令的状态与这一说法不符。",
        "LEASE_LOST": "登记人没有有效的领取。",
        "OTHER_BANK_REFERENCE": "这一银行参考号已用于另一笔款项。",
        "NOT_RELEASED": "所属批次没有批准，或者已经停止。",
        "FILE_DIFFERS": "同名的指令文件内容不同，没有覆盖。",
    }
)


def not_booked(code: str) -> str:
    """Return why a word of the bank was not booked, in Chinese; a code that is not known is shown as it is."""
    return _NOT_BOOKED.get(code, phrase("没有入账（{code}）。", code=code))


def because(code: str) -> str:
    """Return the reason in Chinese; a code that is not known is shown as it is."""
    return BECAUSE.get(code, phrase("没有办理成功（{code}）。", code=code))
