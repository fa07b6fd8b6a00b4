"""Reviewed: a settlement's states, from computed to locked, and who moved it.

In: a settlement and a decision by somebody. Out: its new state, with the event in the same transaction.
Always: only allowed changes (the database holds the table of them and refuses every other), two people behind an
approval (the database refuses the maker), and a locked settlement never changes.
Does not own: figures; payments.
"""
