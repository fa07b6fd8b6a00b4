"""Reported: a finished settlement as a file that people and programs can open.

In: the settlement, blocks of its lines with their excluded use in the shapes of the contract, the round (words, form).
Out: the bytes of a csv, json, xlsx or parquet file, portion by portion, in one of the layouts summary, lines, city,
notice.
Always: memory is bounded whatever the number of lines, money leaves exact to the fen, no text leaves as a formula, and
the same input gives the same bytes.
Does not own: what is payable and why (award and steps do), who may read a report (the door does).
"""

from settlement.report.reason_words import WORDS, Word, word_of
from settlement.report.render import FORMATS, LAYOUTS, MEDIA_TYPES, NotAReport, check_asked, render, report_blocks

__all__ = [
    "FORMATS", "LAYOUTS", "MEDIA_TYPES", "WORDS", "NotAReport", "Word", "check_asked", "render", "report_blocks",
    "word_of",
]  # fmt: skip
