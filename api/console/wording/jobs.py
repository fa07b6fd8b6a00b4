"""Jobs in Chinese: their kinds, states and stages, and what a verification says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from api.console.language.text import words

KIND: Final[Mapping[str, str]] = words({
    "settle": "计算结算", "verify": "核验", "lock": "锁定", "findings": "查找疑点", "evidence": "导出证据包",
    "recompute": "重新汇总", "compare": "比较", "interval": "测算区间", "report": "生成报表",
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
