"""Told: what is on record about one entity or facility, each fact with who recorded it when, for people to read.

In: a code, or a text to look for.
Out: facts in order of recording, in the contract's shapes, with batch, moment and hand.
Always: nothing is left out or summed up, and bank accounts are not shown.
Does not own: which fact is in force (`meter.in_force` says).
"""
