"""Sealed: keeps what the journal recorded as Parquet files that anyone can read, and proves them unchanged.

In: measured rows of a range of batches, in any order (`rows.py`).
Out: files by local month of start, sorted for netting; a manifest whose lines are chained by digest; chunks of columns.
Always: the sealed files hold every batch up to the last one sealed, each row once; sealed files never change, what
    arrives late goes to the next part of its month; a file that is missing, changed or swapped is found before use.
Does not own: which batches may be sealed (the job), the table that holds the manifest (store), any sum but its own.
"""
