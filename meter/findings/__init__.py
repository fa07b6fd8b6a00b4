"""Found: sweeps over everything metered for what a person should look at before money is approved.

In: months of measured rows (mappings of columns), registered capacities, use among affiliates.
Out: findings (`finding.py`), each with the records that prove it.
Always: a finding changes no money and no quantity; rows that were corrected are left out with what corrected them; the
    order of the rows changes nothing; whole numbers only.
Does not own: where rows come from (archive, journal), who is affiliated (settlement), what is done about a finding.
"""
