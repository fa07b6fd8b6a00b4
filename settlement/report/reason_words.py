"""Every reason and flag of the rule catalogue in Chinese: a short name, what it means for the reader, and its rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

EXCLUDED, HELD, REFUSED, OUTCOME, FLAG, MATCH = "不计入", "待核", "不予兑现", "结果", "提示", "智算中心"


@dataclass(frozen=True)
class Word:
    """A code in the reader's words. `kind` is what the code does to the money, `rule` the id in the rule catalogue."""

    code: str
    kind: str
    title: str
    meaning: str
    rule: str


_TABLE: Final = (
    # use that does not count (docs/rules.md, section 3)
    (
        "NOT_VIA_PLATFORM", EXCLUDED, "未经平台统一入口",
        "这部分用量不是通过省级智能算力统筹调度平台统一入口使用的，不计入。", "R-PLATFORM",
    ),
    (
        "PURPOSE_NOT_ELIGIBLE", EXCLUDED, "用途不在支持范围",
        "申明的用途不属于本批次支持的用途（如企业经营性使用），不计入。", "R-PURPOSE",
    ),
    (
        "OUT_OF_PROVINCE", EXCLUDED, "算力设施不在省内",
        "本批次要求使用安徽省内算力，设施所在地不在省内，不计入。", "R-PROV",
    ),
    ("NOT_INTELLIGENT_COMPUTE", EXCLUDED, "非智能算力", "设施未登记为智能算力，不计入。", "R-INTELLIGENT"),
    (
        "SELF_BUILT_SELF_USED", EXCLUDED, "自建自用",
        "设施在统计期内完全由投资方（份额25%及以上）及其关联企业使用，属自建自用，不计入。", "R-SELF",
    ),
    # use that waits for a person
    (
        "PURPOSE_NOT_STATED", HELD, "用途未申明",
        "本批次限定用途，而这部分记录没有申明用途：金额待核，补充申明后可以放行。", "R-PURPOSE",
    ),
    (
        "EXTERNAL_SHARE_BELOW_HOLD_THRESHOLD", HELD, "外部使用占比过低",
        "设施的外部使用占比大于0但低于待核线（默认10%），投资方一侧的用量待人核定。", "R-HOLD-EXTERNAL",
    ),
    # entities that are refused
    ("NOT_INDEPENDENT_LEGAL_PERSON", REFUSED, "不具有独立法人资格", "兑现单位须具有独立法人资格。", "R-ENTITY"),
    ("NOT_REGISTERED_IN_ANHUI", REFUSED, "注册地不在安徽", "本批次要求兑现单位在安徽省范围内注册登记。", "R-ENTITY"),
    (
        "NOT_AI_ENTERPRISE", REFUSED, "不是通用人工智能企业",
        "登记为非通用人工智能企业，不在兑现单位范围内。", "R-ENTITY",
    ),
    (
        "USE_TOO_LARGE", REFUSED, "用量或凭证金额超出可核算范围",
        "本单位的用量、费用或支出凭证合计超出系统可精确核算的范围，须更正后另行结算；不影响其他单位。", "R-UNIT",
    ),
    # entities that wait for a person
    ("KIND_NOT_LISTED", HELD, "单位类型未列举", "通知没有列举这一类单位，但“等”字留有余地：待人核定。", "R-ENTITY"),
    (
        "AI_ENTERPRISE_NOT_ATTESTED", HELD, "人工智能企业属性未认定",
        "企业是否为通用人工智能企业尚无登记，待人核定。", "R-ENTITY",
    ),
    (
        "ENTITY_NOT_IN_REGISTRY", HELD, "单位未登记",
        "统计期内任何一天都没有这家单位的有效登记，待补登记后核定。", "R-ENTITY",
    ),
    (
        "EVIDENCE_MISSING", HELD, "缺少必备凭证",
        "本批次要求的凭证（合同、发票）没有落在统计期内的，金额全部待核。", "R-MATERIALS",
    ),
    # outcomes
    ("NO_ELIGIBLE_USE", OUTCOME, "没有可计入的用量", "全部用量都不计入，或者没有用量。", "R-BASE"),
    ("NET_NOT_POSITIVE", OUTCOME, "算力补助量不大于0", "算力使用量减去算力被使用量不大于0，不计算补助。", "R-NET"),
    (
        "GROUP_NET_NOT_POSITIVE", OUTCOME, "集团算力补助量不大于0",
        "本单位的补助量大于0，但所在关联企业集团合计不大于0，不计算补助。", "R-GROUP",
    ),
    # the Yinchuan draft
    ("PUE_NOT_BELOW_1_2", REFUSED, "PUE不低于1.2", "征求意见稿第五条要求PUE值低于1.2（等于1.2不算低于）。", "Y-5"),
    (
        "MODEL_PARAMETERS_BELOW_THRESHOLD", REFUSED, "模型参数量不足百亿",
        "征求意见稿第九条要求参数量不低于百亿。", "Y-9",
    ),
    ("SCENES_BELOW_THRESHOLD", REFUSED, "应用场景不足5个", "征求意见稿第九条要求典型应用场景不少于5个。", "Y-9"),
    ("NOT_LANDED_IN_YINCHUAN", REFUSED, "模型未落地银川", "征求意见稿第九条要求大模型落地本市。", "Y-9"),
    ("MODEL_ALREADY_CLAIMED", REFUSED, "同一模型已申请过", "同一个大模型只补贴一次。", "Y-9"),
    ("HONOUR_NOT_LISTED", REFUSED, "荣誉不在列举范围", "征求意见稿第十四条列举的人才与团队之外。", "Y-14"),
    ("ONE_OFF_ALREADY_RECEIVED", REFUSED, "一次性补贴已领取", "征求意见稿第十四条为一次性补贴，已领取过。", "Y-14"),
    (
        "HIGHER_OF_MUNICIPAL_POLICIES", REFUSED, "就高不重复",
        "市级其他相似条款金额更高或者已经支付，按就高从优不重复原则扣减。", "Y-HIGHER",
    ),
    # the compute-centre match
    ("BELOW_400_PFLOPS", MATCH, "新增单体规模不足400P", "新增单体智能算力规模须达到400P（含）以上。", "R-DC"),
    ("COMPLETED_LATE", MATCH, "完成时间晚于2024年底", "项目须在2024年底前完成。", "R-DC"),
    ("CITY_MONEY_NOT_PROVEN", MATCH, "市级补助未证实", "没有银行凭证证明所在市已经实际支付补助。", "R-DC"),
    # flags
    (
        "OUT_OF_PROVINCE_ALLOWED_BY_TEXT", FLAG, "含省外算力（通知未限制）",
        "有用量发生在省外设施上，本批次通知没有要求省内，照计并提示。", "R-PROV",
    ),
    (
        "NOT_REGISTERED_IN_ANHUI_ALLOWED_BY_TEXT", FLAG, "注册地不在安徽（通知未限制）",
        "单位注册地不在安徽，本批次通知没有要求，照计并提示。", "R-ENTITY",
    ),
    ("NO_EXPENDITURE_EVIDENCE", FLAG, "没有支出凭证", "统计期内合同、发票、付款凭证均无登记。", "R-SPEND"),
    ("EVIDENCE_BELOW_CHARGES", FLAG, "凭证金额低于平台费用", "登记的凭证金额不足以覆盖平台结算的费用。", "R-SPEND"),
    (
        "PUBLIC_SHARE_ABOVE_HALF", FLAG, "公共资金占比过半",
        "其他公共资金加上本项补助超过全部费用的一半，仅提示，不扣减。", "R-NODUP",
    ),
    (
        "INTRA_GROUP_CHARGES", FLAG, "含集团内部结算费用",
        "计入的费用中有本单位对其投资设施的使用，属于关联方之间的结算，仅提示。", "R-SELF",
    ),
    (
        "HOLD_IN_GROUP", FLAG, "待核金额源于集团成员",
        "本单位自身没有待核事项，待核金额来自集团其他成员的待核用量。", "R-HOLD",
    ),
    (
        "CONFLICT_IN_QUARANTINE", FLAG, "有内容冲突的记录待处理",
        "同一编号先后收到不同内容：以第一版计算，第二版在隔离区待人处理。", "R-DUP",
    ),
    ("BUDGET_SHORTFALL", FLAG, "预算不足按比例兑现", "预算总额不足，按比例分配，本行应付低于补助金额。", "R-BUDGET"),
    ("FORECAST_NOT_PAYABLE", FLAG, "测算，不予支付", "下达文件没有确定补助比例：按上限测算，应付为0。", "R-CAP20"),
    ("DRAFT_NOT_PAYABLE", FLAG, "征求意见稿，不予支付", "政策尚未施行，仅作测算，应付为0。", "Y-DRAFT"),
    ("SAME_COST_TWICE", FLAG, "同一成本多项申请", "多项申请以同一成本为依据，合计不超过该成本。", "Y-STACK"),
)  # fmt: skip

WORDS: Final[Mapping[str, Word]] = {row[0]: Word(*row) for row in _TABLE}


def word_of(code: str) -> Word:
    """Return the words of a code. A code this table does not know is shown as it is: a report never fails for a
    word.
    """
    return WORDS.get(code) or Word(code, "", code, "", "")


def titles(codes: object) -> str:
    """Return the short names of a line's codes, one after the other."""
    assert isinstance(codes, (list, tuple))
    return "；".join(word_of(str(code)).title for code in codes)
