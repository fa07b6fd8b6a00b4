"""The explanation of a line: its steps from use to money, each with its words, and each replayable on its own."""

from __future__ import annotations

from collections.abc import Sequence

from settlement.compute.settlement import Settlement
from settlement.explain.draft import tell_application, tell_sum
from settlement.explain.money import tell_money
from settlement.explain.operations import Step, Values
from settlement.explain.story import Setting, Story
from settlement.explain.use import tell_use


def steps_of(settlement: Settlement, uscc: str) -> list[Step]:
    """Return the steps of one line, in order of evaluation; empty where the entity has no line."""
    row = settlement.line(uscc)
    return [] if row is None else steps_of_row(Setting.of(settlement), row, settlement.parts(uscc))


def steps_of_row(setting: Setting, row: Values, parts: Sequence[Values]) -> list[Step]:
    """Return the steps of one line from its row of `Settlement.lines` and its rows of `Settlement.excluded`.

    A step is {rule, title, document, article, quote or ext, reading, operation, parameters, before, after}: money as
    whole fen, everything else as exact strings (a decimal or a reduced fraction; quantities in PFLOPS-hours).
    Raises AssertionError where a step does not come to what the row says.
    """
    story = Story(setting, parts)
    if setting.round.draft:
        for item in setting.drafts[row["uscc"]]:
            tell_application(story, item)
        tell_sum(story, row)
    else:
        tell_use(story, row)
        tell_money(story, row)
    if row["settled_fen"] is not None:
        story.add(
            "Y-DRAFT" if setting.round.draft else "R-CORR",
            "与已结算金额的差额",
            "adjust",
            {"settled_fen": row["settled_fen"]},
            {"payable_fen": row["payable_fen"]},
            {"adjustment_fen": row["adjustment_fen"]},
        )
    return story.steps
