"""What the scopes of a key allow, in Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from api.auth.roles import SCOPES
from api.console.language.text import words

SCOPE: Final[Mapping[str, str]] = words({
    "usage:write": "报送用量、控制总数，重放隔离区", "usage:read": "查看用量、隔离区",
    "registry:write": "登记单位、设施、账户等", "registry:read": "查看登记",
    "settlement:run": "运行、提交、取消结算", "settlement:review": "复核、登记异议",
    "settlement:approve": "批准、公示、锁定、账户审批", "report:read": "查看结算与报表", "payout:read": "查看支付",
    "payout:run": "办理支付、导入对账单", "audit:read": "查看审计日志",
})  # fmt: skip
assert set(SCOPE) == set(SCOPES)
