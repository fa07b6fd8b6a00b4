"""Jobs in Chinese: their kinds, states and stages, and what a verification says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from api.console.language.text import phrase, words
from api.queue.job import Job

KIND: Final[Mapping[str, str]] = words({
    "settle": "计算结算", "verify": "核验", "lock": "锁定", "findings": "查找疑点", "evidence": "导出证据包",
    "recompute": "核验用量合计", "compare": "比较", "interval": "测算区间", "report": "生成报表",
})  # fmt: skip
STATE: Final[Mapping[str, str]] = words({
    "queued": "排队中", "running": "进行中", "done": "已完成", "failed": "没有办成", "cancelled": "已取消",
})  # fmt: skip
STAGE: Final[Mapping[str, str]] = words({
    "compute": "计算", "lines": "整理明细", "store": "保存", "verify": "按用量记录重新计算", "lock": "锁定",
    "records": "读取用量记录", "compare": "逐行比较", "bundle": "写证据包", "rollup": "重新汇总用量",
})  # fmt: skip
VERDICT: Final[Mapping[str, str]] = words({
    "equal": "与保存的结算相比", "lines": "行数", "different_lines": "不同的单位", "different_steps": "步骤不同的单位",
    "different_sums": "不同的合计", "different_inputs": "不同的依据", "rollup_equal": "汇总与记录一致",
    "journal_digest_equal": "流水链摘要一致",
})  # fmt: skip
RECOMPUTED: Final[Mapping[str, str]] = words({
    "as_of": "截至批号", "sealed_rows": "从归档读取的行", "tail_rows": "未归档的行", "groups": "合计的组",
    "digest": "重新计算的摘要", "kept_digest": "保存的摘要",
})  # fmt: skip


def verdict_of(job: Job) -> list[tuple[str, str]]:
    """Return what a verification found, in words, equal or not first; nothing of any other job."""
    if job.kind not in ("verify", "recompute") or job.result is None:
        return []
    result = job.result
    equal = phrase("一致") if result["equal"] else phrase("不一致")
    if job.kind == "recompute":
        said = [(phrase("与保存的合计相比"), equal)]
        said += [(label, _figure(result[name])) for name, label in RECOMPUTED.items()]
        if result["first_difference"]:
            parts = (f"{name} = {_figure(value)}" for name, value in result["first_difference"].items())
            said.append((phrase("第一处不同"), phrase("，").join(parts)))
        return said
    said = [(VERDICT["equal"], equal), (VERDICT["lines"], f"{result['lines']:,}")]
    unlike = [(name, result[name]) for name in VERDICT if name.startswith("different_") and result[name]]
    said += [(VERDICT[name], phrase("、").join(map(str, some))) for name, some in unlike]
    said += [(VERDICT[name], phrase("否")) for name in ("rollup_equal", "journal_digest_equal") if not result[name]]
    return said


def _figure(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "—" if value is None else str(value)
