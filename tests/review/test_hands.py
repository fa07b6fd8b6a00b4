"""A hand is a name, however it is written: the database and Python agree about every character."""

from __future__ import annotations

import unicodedata

import asyncpg
import pytest

from settlement.review.states import hand_of

SAME = (
    ("key:Ärztin", "person:äRZTIN"), ("key:Straße", "key:STRASSE"), ("key:ΣΊΣΥΦΟΣ", "key:σίσυφος"),
    ("key:ЖУК", "key:жук"), ("key:Ｗａｎｇ", "person:wang"), ("key:wang", "key:wa\ufe0fng"),
    ("key:wang wei", "key:wang\u3000wei"), ("key:王伟", "person:王\U000e0101伟"), ("key:ﬁn", "key:FIN"),
)  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
async def test_names_that_look_alike_are_one_hand(owner: asyncpg.Connection, one: str, other: str) -> None:
    assert hand_of(one) == hand_of(other)
    assert await owner.fetchval("select suanbu_hand($1) = suanbu_hand($2)", one, other)


async def test_other_names_are_other_hands(owner: asyncpg.Connection) -> None:
    names = ["key:wang", "key:wong", "key:王伟", "key:王玮", "key:a1", "key:a2"]
    assert len({hand_of(name) for name in names}) == len(names)
    rows = await owner.fetch("select suanbu_hand(name) as hand from unnest($1::text[]) name", names)
    assert [row["hand"] for row in rows] == [hand_of(name) for name in names]


async def test_the_database_and_python_agree_about_every_character(owner: asyncpg.Connection) -> None:
    letters = [
        chr(code)
        for code in range(1, 0x110000)
        if not 0xD800 <= code < 0xE000 and unicodedata.category(chr(code)) not in ("Cn", "Co")
    ]
    assert len(letters) > 140_000
    texts = ["key:x" + "x".join(letters[place : place + 50]) + "x" for place in range(0, len(letters), 50)]
    rows = await owner.fetch("select suanbu_hand(name) as hand from unnest($1::text[]) name", texts)
    different = [
        (text, row["hand"], hand_of(text))
        for text, row in zip(texts, rows, strict=True)
        if row["hand"] != hand_of(text)
    ]
    assert different == []
