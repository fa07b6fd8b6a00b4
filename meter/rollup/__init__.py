"""Rolled up: adds usage records up by local day, splitting each exactly over the days it touches.

In: measured columns of entries (`columns.py`), each with its sign: +1 counts, -1 takes back what was counted.
Out: `use` frames (`frames.py`), sorted by their key, and totals between any two instants (`windows.py`).
Always: seconds and fen are conserved to the last unit; the order of the records changes nothing; every sum is exact: a
    group whose sum is beyond 64 bits has several rows of one key; a group that came to nothing is dropped.
Does not own: which records count (journal), how rollups are kept (store), what any of it is worth (settlement).
"""
