"""Recorded: usage records become rows that nothing ever changes, in batches numbered in the order of their commits.

In: checked columns from the intake, with the body they came in. Out: receipts, once everything is durable.
Always: accepted means counted (key, row and receipt are one transaction); "all batches <= N" is a complete prefix;
a key is recorded once, for ever; every batch carries a digest over its rows and its predecessor's digest.
Does not own: the shape of a request, the registry's facts, sums.
"""
