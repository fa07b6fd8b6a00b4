"""Rounds (兑现批次) as data: one TOML file a round, every value with the words it rests on.

In: TOML text. Out: `Round` values, frozen, each with the digest of its bytes.
Always: an unknown key, a value without a source, an overlap or an undeclared gap between rounds is refused.
Does not own: what a value does (netting and award do), nor which round a settlement takes.
"""

from settlement.rounds.loader import default_folder, load_round, load_rounds, lowest_insider_share_billionths
from settlement.rounds.round import City, Deadline, Document, Form, Round, Rule, Source

__all__ = [
    "City",
    "Deadline",
    "Document",
    "Form",
    "Round",
    "Rule",
    "Source",
    "default_folder",
    "load_round",
    "load_rounds",
    "lowest_insider_share_billionths",
]
