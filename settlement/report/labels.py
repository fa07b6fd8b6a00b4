"""Chinese names of what is no reason and no flag: states, readings, totals, kinds, cities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from settlement.rounds import Round

STATUS: Final[Mapping[str, str]] = {
    "computed": "已计算", "submitted": "已提交", "reviewed": "已复核", "returned": "已退回", "approved": "已批准",
    "published": "公示中", "locked": "已锁定", "paid": "已支付", "cancelled": "已取消",
}  # fmt: skip

OUTCOME: Final[Mapping[str, str]] = {"payable": "应付", "held": "待核", "nothing": "无金额"}

KIND: Final[Mapping[str, str]] = {
    "enterprise": "企业", "university": "高校", "research_institute": "科研院所", "new_rnd_institution": "新型研发机构",
    "government": "政府部门", "other": "其他",
}  # fmt: skip

PURPOSE: Final[Mapping[str, str]] = {"research": "科技创新", "commercial": "经营性"}

TOTAL: Final[Mapping[str, str]] = {
    "award_fen": "补助金额", "held_fen": "待核金额", "payable_fen": "应付金额", "adjustment_fen": "调整金额",
    "charge_in_window_fen": "统计期内费用", "charge_outside_window_fen": "统计期外费用",
}  # fmt: skip

# Reading -> its Chinese name and its values. The values are those of docs/rules.md, section 7.
READING: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "net_effect": ("净额如何作用", {"proportional": "按净额占用量的比例", "gate": "净额大于0即全额"}),
    "supply_owner": (
        "被使用量归谁",
        {"equity_group": "按股权归投资方，并做集团口径", "equity_entity": "按股权归投资方，不做集团口径",
         "legal_person": "归运营法人"},
    ),
    "self_test": ("自建自用如何判断", {"facility": "按设施整体", "use_excluded": "投资方自用一律不计"}),
    "hold_below_external_share": ("外部使用待核线", {"0.10": "低于10%待核", "0": "不设待核线"}),
    "related": ("关联持股比例", {"0.25": "25%及以上", "0.50": "50%及以上"}),
    "spend_basis": (
        "算力总支出口径",
        {"least_evidenced": "合同、发票、付款取小", "invoiced": "以发票为限", "settled": "以平台结算为准"},
    ),
    "purpose_missing": ("用途未申明时", {"hold": "待核", "refuse": "不计入", "accept": "计入"}),
    "uplift": ("皖北上浮", {"off": "不上浮", "capped": "上浮20%，不超过上限", "lifted": "上浮20%，可超过上限"}),
    "north_places": ("皖北范围", {"six": "六市", "six_plus_four": "六市及四县市"}),
    "rounding": ("取整", {"floor": "向下取整到分", "half_up": "四舍五入到分"}),
    "filter_order": ("剔除与净额的先后", {"filter_then_net": "先剔除后净额", "net_then_filter": "先净额后剔除"}),
}  # fmt: skip


def reading_text(name: str, value: object) -> tuple[str, str]:
    """A reading and its value in Chinese; what is not known is shown as it is."""
    title, values = READING.get(name, (name, {}))
    return title, values.get(str(value), str(value))


def city_code(region: str | None) -> str:
    """The code of the city of a 6-digit region (341125 lies in 341100); empty where none is known."""
    return f"{region[:4]}00" if region else ""


def city_name(of_round: Round, region: str | None) -> str:
    """The city of a region as the round's annex names it, else what is known of it."""
    code = city_code(region)
    for city in of_round.cities:
        if city.code == code:
            return city.name
    if not code:
        return "未登记"
    return f"地区{region}" if code.startswith("34") else f"省外地区{region}"


def in_region(region: str | None, wanted: str) -> bool:
    """Whether a seat lies in a region: 340000 the province, 340100 the city with its counties, 340123 only itself."""
    if region is None:
        return False
    if wanted.endswith("0000"):
        return region[:2] == wanted[:2]
    return region[:4] == wanted[:4] if wanted.endswith("00") else region == wanted
