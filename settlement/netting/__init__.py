"""Netted: which use counts, who used how much and who supplied how much, for the entity and for its group.

In: the `use` frame and the dated facts of `Inputs`, a round, readings.
Out: `Netted`, exact per-party sums (pairs of uint64 in units of 1/3.6e24 PFLOPS-hour), reasons and the scope of
facilities.
Always: integers only; the same result for any order of rows; a sum that does not fit is never wrapped: the consumer who
makes it so is set aside (`set_aside.py`), and everybody else is netted.
Does not own: money beyond adding up charges, expenditure evidence, gates on entities, the award (award does).
"""

from settlement.netting.net import Netted, net
from settlement.netting.scope import FacilityScope

__all__ = ["FacilityScope", "Netted", "net"]
