"""Which decisions are open to a person now, what they are called and what they mean; what the cities have said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from api.actions.decisions import DECISION_SCOPE, OF_A_CITY
from api.auth.people import Person
from api.console.language.text import phrase, words
from api.console.wording.vocabulary import city_name
from settlement.review.states import POSSIBLE, taken_part
from settlement.rounds import Round

Record = dict[str, Any]
TITLE: Final[Mapping[str, str]] = words({
    "submit": "提交复核", "review": "复核", "approve": "批准", "return": "退回", "publish": "公示",
    "objection": "登记异议", "ruling": "异议处理", "lock": "锁定", "cancel": "取消结算",
})  # fmt: skip
MEANS: Final[Mapping[str, str]] = words(
    {
        "submit": "提交之后由各市复核。提交人以后不能复核、批准或锁定这一结算。",
        "review": "逐市复核：全部市通过之后才能批准；退回须写明理由，退回后由财政重新提交，各市重新复核。",
        "approve": "批准对应下面的结算摘要和现用的收款账户："
        "此后任何一行或账户有变化，批准即告失效，须重新批准才能锁定。",
        "return": "退回须写明理由；退回后由财政重新提交，各市重新复核。已经批准、尚未公示的也可以退回。",
        "publish": "从明天起公示整天数；期满且没有未处理的异议才能锁定。",
        "objection": "公示期内收到的异议，登记之后由审批人处理；未处理的异议使结算不能锁定。",
        "ruling": "不成立：公示期满后可以锁定。成立：这一结算只能取消，改正后重新计算。",
        "lock": "锁定之后不再改变，并立即生成支付指令；以后的变化只能作为差额另行结算。",
        "cancel": "取消之后不能恢复；同样的条件可以重新计算。",
    }
)
assert set(TITLE) == set(MEANS) == set(DECISION_SCOPE)


def choices_of(person: Person, settlement: Record) -> tuple[list[str], bool]:
    """Return the decisions open to a person now, and whether some are kept from him by what he did before."""
    events = settlement.get("events") or []
    possible = [
        event
        for event, states in POSSIBLE.items()
        if settlement["status"] in states
        and DECISION_SCOPE[event] in person.scopes
        and (person.city is None or event in OF_A_CITY)
        and (event != "ruling" or open_objections(settlement))
    ]
    free = [event for event in possible if not taken_part(event, person.actor, events)]
    return free, len(free) < len(possible)


def offered(person: Person, free: Sequence[str], waiting: Sequence[str]) -> list[tuple[str, str, bool]]:
    """Return the decisions to offer, with their names; last whether it is the next step, which its button says.

    Who works for a city that has passed is asked for nothing more, though it may still send the settlement back.
    """
    found: list[tuple[str, str, bool]] = []
    for event in free:
        passed = event == "review" and (person.city not in waiting if person.city else not waiting)
        label = phrase("改为退回") if passed else TITLE[event]
        next_step = not passed and event not in ("cancel", "return", "objection")
        found.append((event, label, next_step and not any(first for _, _, first in found)))
    return found


def awaited(settlement: Record, waiting: Sequence[str], of_round: Round) -> str:
    """Return who has to act next, in words; empty where nobody has."""
    match settlement["status"]:
        case "computed" | "returned":
            return phrase("财政提交复核") if "rate" in settlement["order"] or settlement["status"] == "returned" else ""
        case "submitted":
            return phrase("：").join(
                filter(None, (phrase("复核"), phrase("、").join(city_name(of_round, code) for code in waiting)))
            )
        case "reviewed":
            return phrase("审批人批准或退回")
        case "approved":
            return phrase("审批人公示") if settlement["order"].get("notice_days") else phrase("审批人公示或锁定")
        case "published":
            open_ones = len(open_objections(settlement))
            return (
                phrase("审批人处理 {open_ones} 项异议", open_ones=open_ones)
                if open_ones
                else phrase("公示期满后由审批人锁定")
            )
        case "locked":
            return phrase("支付")
    return ""


def may_adjust(person: Person, settlement: Record) -> bool:
    """Return whether a person may settle what arrived since this one was locked."""
    locked = settlement["status"] in ("locked", "paid")
    return locked and person.city is None and DECISION_SCOPE["submit"] in person.scopes


def objections_of(settlement: Record) -> list[tuple[Record, Record | None]]:
    """Return objections, oldest first, each with its ruling."""
    events = settlement.get("events") or []
    ruled = {event["detail"].get("objection"): event for event in events if event["event"] == "ruling"}
    seen = [event for event in events if event["event"] == "objection" and "note" in event["detail"]]
    return [(event, ruled.get(event["id"])) for event in seen]


def open_objections(settlement: Record) -> list[Record]:
    """Return objections without a ruling, oldest first."""
    return [objection for objection, ruling in objections_of(settlement) if ruling is None]


def reviews_of(settlement: Record) -> dict[str, Record]:
    """Return what was said of each city since the last submission; under "" what was said of all of them at once."""
    said: dict[str, Record] = {}
    for event in settlement.get("events") or []:
        if event["event"] == "submit":
            said = {}
        elif event["event"] == "review" and "decision" in event["detail"]:
            said[event["detail"].get("city") or ""] = event
    return said
