"""Evidence: one settlement as a file that an auditor checks without us.

In: a settlement and a folder to write to. Out: a zip with its lines, steps, decisions, the batches and records behind
it, all their digests, a README and a script that checks them with nothing but Python's standard library.
Always: what the script recomputes is what the database's digests were made over; nothing in it needs our code.
Does not own: whether the policy was read rightly (the steps say how it was read); the signature of a checkpoint.
"""
