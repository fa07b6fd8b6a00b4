"""Entered: facts that people enter by hand, one proposing and another confirming.

In: an item in the contract's shape with a reason, and the hand that enters it; later the hand that decides.
Out: a proposal; once confirmed, a batch of the registry with this one fact, as from any PUT.
Always: whoever enters does not confirm, the batch and its confirmation are one transaction, and the database refuses
a batch of a person without it.
Does not own: what an item means (the registry's shapes do), who may (the door does).
"""
