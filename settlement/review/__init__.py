"""Reviewed: a settlement's states, from computed to locked, and who moved it.

In: a settlement and a decision by somebody. Out: its new state. The decision is a row of `settlement_event`; writing it
down is what changes the state, so there is no change without its event and none without its row of the audit log.
Always: only allowed changes; the maker, the reviewers and the approver are different people; what is locked is what was
approved, line by line; nothing is locked while its public notice stands or an objection is open; a locked settlement
never changes. The database enforces all of it (migrations/versions/v0001_guards.sql): a screen could forget to.
Does not own: figures; payments.
"""
