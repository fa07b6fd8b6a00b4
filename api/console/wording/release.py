"""What would release money that waits or was refused: what would have to be true, and who can bring it about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from api.console.language.text import phrase, words
from api.console.wording.vocabulary import word_of
from settlement.report.reason_words import HELD, REFUSED, WORDS
from settlement.rounds.reason_codes import PART_HOLDS

_BY_CODE: Final[Mapping[str, tuple[str, str]]] = words(
    {
        "PURPOSE_NOT_STATED": (
            "这些记录申明了支持范围内的用途",
            "来源方对这些记录报送更正（注明用途），然后重新计算；锁定之后计入差额",
        ),
        "EXTERNAL_SHARE_BELOW_HOLD_THRESHOLD": (
            "设施的外部使用占比达到待核线，或经核定不属自建自用",
            "财政核定设施的使用情况；设施信息由登记管理人员维护",
        ),
        "KIND_NOT_LISTED": ("单位类型属于通知列举的范围", "登记管理人员核对单位类型后登记，注明起用日期"),
        "AI_ENTERPRISE_NOT_ATTESTED": (
            "认定其为通用人工智能企业，认定日期不晚于用量发生之时",
            "认定部门出具认定；登记管理人员登记，注明起用日期",
        ),
        "ENTITY_NOT_IN_REGISTRY": ("单位已登记", "登记管理人员登记单位名称、类型、注册地与独立法人资格"),
        "EVIDENCE_MISSING": ("有覆盖统计期的合同、发票或付款凭证", "单位提交凭证，登记管理人员登记"),
        "NOT_INDEPENDENT_LEGAL_PERSON": ("单位具有独立法人资格", "确属登记有误的，由登记管理人员更正；否则不能兑现"),
        "NOT_REGISTERED_IN_ANHUI": ("单位在安徽注册", "确属登记有误的，由登记管理人员更正；否则不能兑现"),
        "NOT_AI_ENTERPRISE": ("单位被认定为通用人工智能企业", "有新的认定时由登记管理人员登记；否则不能兑现"),
        "USE_TOO_LARGE": ("用量、费用与凭证在可核算范围内", "来源方或登记管理人员更正明显有误的数量"),
    }
)
"""Reason -> what would have to be true, and who does what."""
CODES: Final = tuple(_BY_CODE)
_ENTERED: Final[Mapping[str, tuple[str, str]]] = words(
    {
        "AI_ENTERPRISE_NOT_ATTESTED": ("填报认定", "entity?attest=1&uscc="),
        "NOT_AI_ENTERPRISE": ("填报认定", "entity?attest=1&uscc="),
        "ENTITY_NOT_IN_REGISTRY": ("填报登记", "entity?uscc="),
        "KIND_NOT_LISTED": ("填报变更", "entity?uscc="),
        "NOT_INDEPENDENT_LEGAL_PERSON": ("填报变更", "entity?uscc="),
        "NOT_REGISTERED_IN_ANHUI": ("填报变更", "entity?uscc="),
        "EVIDENCE_MISSING": ("填报凭证", "expenditure?uscc="),
    }
)
"""Reason -> what is entered for it in the console, and where."""


@dataclass(frozen=True)
class Release:
    """What stands between a line and its money, and how it goes away."""

    code: str
    title: str
    condition: str
    who: str
    charge_fen: int | None
    held: bool
    enter: tuple[str, str] | None = None
    """What a person of the registry enters for it: label, and the form's address below the registry's."""


def releases_of(line: Mapping[str, Any]) -> list[Release]:
    """Return what would release a line, for each of its reasons that holds or refuses, in the order of its reasons."""
    held = [one for one in line.get("excluded") or () if one.get("status") == "held"]
    charges = {one["reason"]: int(one["charge_fen"]) for one in held}
    found = []
    for code in line["reasons"]:
        kind = WORDS[code].kind if code in WORDS else ""
        if code not in _BY_CODE or kind not in (HELD, REFUSED):
            continue
        condition, who = _BY_CODE[code]
        charge = charges.get(code) if code in PART_HOLDS else None
        found.append(
            Release(
                code, word_of(code).title, condition, who, charge, kind == HELD, entered_for(code, line.get("uscc", ""))
            )
        )
    return found


def entered_for(code: str, uscc: str) -> tuple[str, str] | None:
    """Return what is entered for a reason of an entity: a label, and the form below the registry's address."""
    label, path = _ENTERED.get(code, ("", ""))
    return (label, f"enter/{path}{quote(uscc)}") if label else None


def place_of(code: str, settlement: str, uscc: str, scopes: frozenset[str]) -> tuple[str, str]:
    """Return where a reason of an entity is seen to, for who has these scopes: what the link says, and its path.

    Who enters facts is led to the form, who reads the registry to what it says; the rest is in the line's own records.
    """
    here = f"settlements/{quote(settlement)}/lines/{quote(uscc)}"
    entered = entered_for(code, uscc)
    if entered and "registry:write" in scopes:
        return entered[0], f"registry/{entered[1]}"
    if entered and "registry:read" in scopes:
        return phrase("查看登记"), f"registry/entities/{quote(uscc)}"
    return (phrase("查看原因"), f"{here}#release") if entered else (phrase("查看用量"), f"{here}#excluded")


def release_of(code: str) -> tuple[str, str]:
    """Return what would have to be true for a reason, and who can do it; a reason without one is told so."""
    return _BY_CODE.get(code, ("—", "—"))
