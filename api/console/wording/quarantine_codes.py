"""Why a record waits in quarantine, and what to do about it."""

from __future__ import annotations

from api.console.language.reader import ENGLISH, reader
from api.console.language.text import words
from meter.intake.codes import MEANING, Code

_BY_JOURNAL = words(
    {
        "id_already_recorded_with_other_content": "同一编号先前已按其他内容入库；以第一版计算，请核对哪一版为准。",
        "corrects_unknown_record": "要更正的记录不存在（或属于其他来源）；原记录到达后可重放。",
        "corrects_void_record": "要更正的是一条作废记录，没有可更正的内容。",
        "already_corrected": "要更正的记录已被更正过；请更正它的最新版本。",
        "corrects_itself": "记录不能更正自身。",
    }
)
_REPLAYABLE = {str(code) for code in Code if MEANING[code].may_become_acceptable} | {"corrects_unknown_record"}


def meaning_of(code: str) -> str:
    """Return what a code means; one that is not known is shown as it is."""
    if code in _BY_JOURNAL:
        return _BY_JOURNAL[code]
    if code not in set(Code):
        return code
    meaning = MEANING[Code(code)]
    return meaning.english if reader().language == ENGLISH else meaning.chinese


def is_replayable(code: str) -> bool:
    """Return whether the same record may be accepted later, when the registry knows more."""
    return code in _REPLAYABLE
