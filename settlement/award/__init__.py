"""Settled: from netted quantities and charges to money.

In: per-entity figures of the netting, expenditure facts, entity facts on the last day, order, readings, round.
Out: eligible expenditure, base, award, held, payable, adjustment, with reasons and flags; Yinchuan and R-DC awards.
Always: exact rationals to the one floor at the end; the same result for any order of rows.
Does not own: which use counts and who supplied what (netting does), the life of a settlement (review does).
"""
