"""The forms in which facts are entered: their fields, what stands in them at first, and the item that they make."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from api.console.language.text import later, phrase
from meter.days import read_date
from meter.regions import REGION
from meter.registry.fields import IDENTIFIER
from meter.uscc import is_uscc
from meter.vocabulary import ENTITY_KINDS, EXPENDITURE_KINDS
from settlement.report.money import fen_of

TEXT_LONGEST: Final = 200
_FLAGS: Final = {"yes": True, "no": False, "": None}


class Misfilled(ValueError):
    """What is filled in cannot be read; the message is for whoever filled it in."""


@dataclass(frozen=True)
class EntryForm:
    """One form: the kind of fact, its heading, and what it is for."""

    kind: str
    title: str
    purpose: str


FORMS: Final = {
    "entity": EntryForm(
        "entities",
        later("填报单位信息"),
        later("登记单位、更正单位信息，或登记通用人工智能企业的认定。起用日期之前的情况不变。"),
    ),
    "expenditure": EntryForm(
        "expenditures",
        later("填报支出凭证"),
        later("合同、发票、付款凭证，或其他公共资金。红字发票的金额为负数。"),
    ),
    "facility": EntryForm(
        "facilities",
        later("填报智算中心"),
        later(
            "登记智算中心，或更正其投资方、运营方与容量。起用日期之前的情况不变；登记之后，因未登记而隔离的用量可以重放。"
        ),
    ),
    "holding": EntryForm(
        "holdings",
        later("填报持股"),
        later("谁持有谁多少股份，自哪一天起。比例填 0 表示持股终止；一个单位任何一天被持有的股份不超过 100%。"),
    ),
}
SHARE: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,7})?")
CARDS: Final = re.compile(r"[0-9]{1,9}")


def _percent(share: Any) -> str:
    """Return a share of one as people write it, without the sign."""
    return format((Decimal(str(share)) * 100).normalize(), "f")


def fields_of(form: str, item: Mapping[str, Any], *, attest: bool = False) -> dict[str, str]:
    """Return what stands in a form at first: what is on record, so that only what changes is filled in."""
    if form == "expenditure":
        return {"consumer": str(item.get("uscc") or "")}
    if form == "holding":
        return {"held": str(item.get("uscc") or "")}
    if form == "facility":
        return _facility_fields(item)
    given = {name: str(item.get(name) or "") for name in ("uscc", "name", "kind", "region")}
    for name in ("independent_legal_person", "ai_enterprise", "state_body"):
        value = item.get(name)
        given[name] = "" if value is None else "yes" if value else "no"
    if attest:
        given["ai_enterprise"] = "yes"
    return given


def _facility_fields(item: Mapping[str, Any]) -> dict[str, str]:
    given = {name: str(item.get(name) or "") for name in ("id", "name", "region", "operator")}
    if "intelligent" in item:
        given["intelligent"] = "yes" if item["intelligent"] else "no"
    given["owners"] = "\n".join(f"{one['uscc']} {_percent(one['share'])}" for one in item.get("owners") or ())
    given["capacity"] = "\n".join(
        " ".join([one["chip"], str(one["cards"]), one["from"], *([one["to"]] if one.get("to") else [])])
        for one in item.get("capacity") or ()
    )
    return given


def filled(form: str, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the item that a filled in form makes, in the contract's shape. Raises Misfilled."""
    said = {name: value.strip() for name, value in given.items()}
    return _MADE[form](said)


def _entity(said: Mapping[str, str]) -> dict[str, Any]:
    region = said.get("region", "")
    if REGION.fullmatch(region) is None:
        raise Misfilled(phrase("注册地代码为 6 位数字（GB/T 2260），如 340100。"))
    first, last = _ordered(said, "valid_from", "valid_to")
    return {
        "uscc": _code(said, "uscc"), "name": _text(said, "name", phrase("单位名称")), "region": region,
        "kind": _one_of(said, "kind", ENTITY_KINDS, phrase("单位类型")),
        "independent_legal_person": _flag(said, "independent_legal_person", phrase("是否独立法人")),
        "ai_enterprise": _FLAGS.get(said.get("ai_enterprise", "")),
        "state_body": _flag(said, "state_body", phrase("是否国家机构")), "valid_from": first, "valid_to": last,
    }  # fmt: skip


def _expenditure(said: Mapping[str, str]) -> dict[str, Any]:
    number = said.get("id", "")
    if IDENTIFIER.fullmatch(number) is None:
        raise Misfilled(phrase("凭证编号为 1 至 64 个字母、数字或 . _ : -。"))
    amount = said.get("amount", "")
    fen = fen_of(amount.removeprefix("-"))
    if fen is None:
        raise Misfilled(phrase("金额以元填写，至多两位小数，如 1234.50；红字为负数。"))
    first, last = _day(said, "served_from", phrase("服务开始日")), _day(said, "served_to", phrase("服务结束日"))
    if first is None or last is None or first > last:
        raise Misfilled(phrase("请填写服务的起止日期，结束日不早于开始日。"))
    return {
        "id": number, "consumer": _code(said, "consumer"),
        "kind": _one_of(said, "kind", EXPENDITURE_KINDS, phrase("凭证种类")), "served_from": first, "served_to": last,
        "amount_fen": -fen if amount.startswith("-") else fen,
        "document": _text(said, "document", phrase("凭证名称与文号")),
    }  # fmt: skip


def _facility(said: Mapping[str, str]) -> dict[str, Any]:
    number, region = said.get("id", ""), said.get("region", "")
    if IDENTIFIER.fullmatch(number) is None:
        raise Misfilled(phrase("编号为 1 至 64 个字母、数字或 . _ : -，与用量记录所写一致。"))
    if REGION.fullmatch(region) is None:
        raise Misfilled(phrase("所在地代码为 6 位数字（GB/T 2260），如 340100。"))
    owners = [_owner(line) for line in said.get("owners", "").splitlines() if line.strip()]
    if len({one["uscc"] for one in owners}) != len(owners) or sum(Decimal(one["share"]) for one in owners) != 1:
        raise Misfilled(phrase("投资方各占一行，不重复，比例合计须为 100%。"))
    first, last = _ordered(said, "valid_from", "valid_to")
    return {
        "id": number, "name": _text(said, "name", phrase("名称")), "region": region,
        "intelligent": _flag(said, "intelligent", phrase("是否智能算力")), "owners": owners,
        "operator": _code(said, "operator") if said.get("operator") else None,
        "capacity": [_capacity(line) for line in said.get("capacity", "").splitlines() if line.strip()] or None,
        "valid_from": first, "valid_to": last,
    }  # fmt: skip


def _owner(line: str) -> dict[str, str]:
    code, _, share = line.strip().partition(" ")
    return {"uscc": _code({"uscc": code}, "uscc"), "share": _share(share)}


def _capacity(line: str) -> dict[str, Any]:
    chip, cards, *days = [*line.split(), ""][:5]
    days = [day for day in days if day]
    if not (IDENTIFIER.fullmatch(chip) and CARDS.fullmatch(cards) and 1 <= len(days) <= 2):
        raise Misfilled(phrase("容量每行依次为：芯片 卡数 起用日期 终止日期（可不填），如 a100 512 2025-01-01。"))
    first, last = _ordered(dict(zip(("from", "to"), days, strict=False)), "from", "to")
    return {"chip": chip, "cards": int(cards), "from": first, "to": last}


def _holding(said: Mapping[str, str]) -> dict[str, Any]:
    holder, held = _code(said, "holder"), _code(said, "held")
    if holder == held:
        raise Misfilled(phrase("持有方与被持有方不能相同。"))
    first, last = _ordered(said, "from", "to")
    return {
        "holder": holder, "held": held, "share": _share(said.get("share", ""), least=0), "from": first, "to": last,
        "document": _text(said, "document", phrase("凭证名称与文号")),
    }  # fmt: skip


def _share(text: str, least: int = 1) -> str:
    """Return a percentage as the share of one that the contract writes."""
    number = text.strip().removesuffix("%").removesuffix("％").strip()
    share = Decimal(number) / 100 if SHARE.fullmatch(number) else None
    if share is None or share > 1 or (least and not share):
        raise Misfilled(phrase("比例以百分数填写，不超过 100，至多七位小数，如 60 或 33.3333333。"))
    return format(share.normalize(), "f")


def _ordered(said: Mapping[str, str], start: str, end: str) -> tuple[str | None, str | None]:
    first, last = _day(said, start, phrase("起用日期")), _day(said, end, phrase("终止日期"))
    if first and last and first >= last:
        raise Misfilled(phrase("终止日期须晚于起用日期。"))
    return first, last


def _code(said: Mapping[str, str], name: str) -> str:
    code = said.get(name, "").upper()
    if not is_uscc(code):
        raise Misfilled(phrase("统一社会信用代码有误：18 位，末位为校验位。"))
    return code


def _text(said: Mapping[str, str], name: str, called: str) -> str:
    text = said.get(name, "")
    if not 1 <= len(text) <= TEXT_LONGEST:
        raise Misfilled(phrase("请填写{called}，至多 {TEXT_LONGEST} 个字。", called=called, TEXT_LONGEST=TEXT_LONGEST))
    return text


def _one_of(said: Mapping[str, str], name: str, words: tuple[str, ...], called: str) -> str:
    if said.get(name) not in words:
        raise Misfilled(phrase("请选择{called}。", called=called))
    return said[name]


def _flag(said: Mapping[str, str], name: str, called: str) -> bool:
    value = _FLAGS.get(said.get(name, ""))
    if value is None:
        raise Misfilled(phrase("请选择{called}。", called=called))
    return value


def _day(said: Mapping[str, str], name: str, called: str) -> str | None:
    text = said.get(name, "")
    if text and read_date(text) is None:
        raise Misfilled(phrase("{called}的格式为 年-月-日，如 2025-09-01。", called=called))
    return text or None


_MADE: Final = {"entity": _entity, "expenditure": _expenditure, "facility": _facility, "holding": _holding}
assert set(_MADE) == set(FORMS)
