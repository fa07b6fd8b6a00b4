"""The laws of the settlement on random worlds: product = reference, and the invariants of docs/rules.md, section 9.

In: a seed. Out: a random world (`worlds.world_of`), and tests that hold an implementation against the laws on many.
Always: the same seed gives the same world; a failing world is shrunk and printed as YAML with its seed; a generator
that no longer reaches a reason or a flag fails. It does not own the rules (tests/reference) nor hand-written cases.
"""
