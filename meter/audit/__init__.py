"""The audit log: who did what to what, when, and what came of it.

In: rows that the database appends by itself for every decision and change of state, in the same transaction, and those
the door appends for refusals and authentications. Out: pages, an export, and a check of the chain of digests.
Always: rows are numbered without gaps, each carries the digest of the one before it, and none is changed or deleted.
Does not own: what happened; the tables whose triggers write here.
"""
