"""Reported: a finished settlement as a file that people and programs can open.

In: the settlement, its lines and their excluded use in the shapes of the contract, and the round (words, form, cities).
Out: bytes of a csv, json, xlsx or parquet file, in one of the layouts summary, lines, city.
Always: money leaves exact to the fen, no text leaves as a formula, and the same input gives the same bytes.
Does not own: what is payable and why (award and steps do), who may read a report (the door does).
"""

from settlement.report.reason_words import WORDS, Word, word_of
from settlement.report.render import FORMATS, LAYOUTS, MEDIA_TYPES, WITH_EXCLUDED, NotAReport, render

__all__ = ["FORMATS", "LAYOUTS", "MEDIA_TYPES", "WITH_EXCLUDED", "WORDS", "NotAReport", "Word", "render", "word_of"]
