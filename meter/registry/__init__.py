"""Registry: dated facts about legal entities, facilities, chips, holdings and spending evidence.

In: JSON items from whoever keeps the registry. Out: per-item results, and every fact as it was known at any batch.
Always: facts are appended, never overwritten; each PUT is a batch in the journal's own numbering, so "as of batch N"
means usage and registry alike; of one subject the newest start rules, of two with one start the later recorded.
Does not own: what the facts mean for money.
"""
