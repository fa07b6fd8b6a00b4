"""Bank accounts in a PUT: one that is not in force yet is proposed, and waits for another person's approval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from meter.journal.write.transaction import JournalTransaction, Recorded
from meter.names import folded
from meter.registry.fields import Field, Item, shape_of, text
from meter.registry.items import account_text
from meter.registry.store import ProposedAccount, insert_account_proposals, latest_names, waiting_accounts

PLACES_SHOWN: Final = 4
_ACCOUNT: Final = {"bank": Field(text(200)), "account": Field(text(64)), "holder": Field(text(200))}


def masked(account: Mapping[str, str]) -> str:
    """Return the bank and the last places of an account, as lists and the audit log show it."""
    return f"{account['bank']} ****{account['account'][-PLACES_SHOWN:]}"


def holder_differs(account: Mapping[str, str], *names: str) -> bool:
    """Tell whether the holder of an account is called otherwise than an entity, by any of the entity's names."""
    return any(folded(account["holder"]) != folded(name) for name in names)


def read_account(said: Mapping[str, str]) -> dict[str, str]:
    """Read an account that somebody states: bank, account and holder. Raises Unfit."""
    return shape_of(dict(said), _ACCOUNT)


def sealed_account(uscc: str, account: Mapping[str, str]) -> str:
    """Return an account of an entity, sealed as the registry seals it."""
    return account_text({"uscc": uscc, "bank_account": dict(account)})


async def propose_accounts(journal: JournalTransaction, recorded: Recorded, fresh: Mapping[int, Item]) -> None:
    """Propose each account that these recorded facts state, unless it is in force from then on, or waits already.

    An entity that is renamed in the same breath has both names held against the holder's.
    """
    stating = {index: item for index, item in fresh.items() if item.get("bank_account")}
    names = await latest_names(journal, recorded.batch, [item["uscc"] for item in stating.values()])
    await insert_account_proposals(
        journal,
        [
            ProposedAccount(
                recorded.batch, index, item["uscc"], account_text(item), masked(item["bank_account"]),
                holder_differs(item["bank_account"], item["name"], names.get(str(item["uscc"]), str(item["name"]))),
                item["valid_from"], item["valid_to"],
            )
            for index, item in stating.items()
        ],
    )  # fmt: skip


async def warn_of_accounts(journal: JournalTransaction, items: Mapping[int, Item]) -> list[dict[str, Any]]:
    """Return ACCOUNT_PROPOSED for each item whose account waits; what else the item states is in force at once."""
    stating = {index: item for index, item in items.items() if item.get("bank_account")}
    waiting = await waiting_accounts(journal, [item["uscc"] for item in stating.values()])
    found = []
    for index, item in sorted(stating.items()):
        number = waiting.get((item["uscc"], account_text(item), item["valid_from"], item["valid_to"]))
        if number is not None:
            found.append(
                {
                    "index": index,
                    "code": "ACCOUNT_PROPOSED",
                    "detail": f"the account {masked(item['bank_account'])} of {item['uscc']} is proposal {number}: "
                    "nothing is paid to it before another person has approved it",
                }
            )
    return found
