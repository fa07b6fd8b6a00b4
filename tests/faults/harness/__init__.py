"""Breaking the service on purpose, by a seed.

In: a scale (`scale.py`) and a seed (`seeds.py`). Out: figures in one JSON file (`figures.py`), and a failed run where
anything acknowledged is missing, anything counts twice, or a planned fault never hit.
Always: what is expected follows in plain integers (`content.py`, `oracle.py`) from journals that the clients sync to
disk (`client.py`); nothing of the product is asked what should be there. Does not own: the bank (tests/bank), how a
payout job is told what to do (tests/payout/processes.py), servers (tests/support/own_server.py).
"""
