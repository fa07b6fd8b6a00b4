"""The lines of settlements, held against the root that the run put on record; which differ, by groups."""

from __future__ import annotations

import json
from collections import defaultdict

import asyncpg

from settlement.checkpoint.finding import Finding, of_row
from settlement.checkpoint.tree import leaf_hash, root_of
from settlement.store import folded
from settlement.store.lines import STORED, digested_line, digested_lines

GROUPS_MAX = 4096
_BESIDE = [name for name in STORED if name not in ("line", "working")]


async def unlike_lines(connection: asyncpg.Connection) -> list[Finding]:
    """Return every line, and every group of lines, that is not as it was when its settlement was run."""
    found: list[Finding] = []
    for table, settlement, key in await folded.lines_of_nothing(connection):
        number = int(key) if table == "settlement_line_group" else key
        found.append(of_row(table, json.dumps([settlement, number]), "inserted", "belongs to no settlement"))
    for settlement, root in (await folded.line_roots(connection)).items():
        if root is None:
            detail = "nothing says which lines it was run with"
            found.append(Finding("settlement_line", f"settlement_line {json.dumps([settlement])}", "root", detail))
            continue
        codes, hashes = await line_hashes(connection, settlement)
        groups = await folded.line_groups(connection, settlement)
        if named(root_of(hashes)) == root:
            found += _unlike_groups(settlement, codes, hashes, groups)
        else:
            for one in _unlike_lines(settlement, codes, hashes, groups, root):
                found.append(await _by_column(connection, settlement, one) if one.what == "changed" else one)
    return found


async def _by_column(connection: asyncpg.Connection, settlement: str, found: Finding) -> Finding:
    """Return a line that was changed, with the columns that no longer say what the line's own JSON says."""
    _, code = json.loads(found.where.removeprefix("settlement_line ").partition(" to ")[0])
    text = await digested_line(connection, settlement, code)
    if text is None or " to " in found.where:
        return found
    *beside, line, _ = json.loads(text)
    said = json.loads(line)
    unlike = [name for name, value in zip(_BESIDE, beside, strict=True) if name in said and said[name] != value]
    return Finding(found.kind, found.where, ", ".join(unlike) or "line, working or outcome", found.detail)


def named(root: bytes) -> str:
    """Return a root as it stands on record."""
    return "sha256:" + root.hex()


async def line_hashes(connection: asyncpg.Connection, settlement: str) -> tuple[list[str], list[bytes]]:
    """Return the codes of a settlement's lines in the order of bytes, and the hashes of their leaves."""
    codes: list[str] = []
    hashes: list[bytes] = []
    async for portion in digested_lines(connection, settlement):
        codes += [code for code, _ in portion]
        hashes += [leaf_hash(text.encode()) for _, text in portion]
    return codes, hashes


def _unlike_groups(
    settlement: str, codes: list[str], hashes: list[bytes], groups: list[tuple[int, str, bytes]]
) -> list[Finding]:
    """Report groups that say otherwise than the lines, which are right: they were changed."""
    size = 1
    while -(-len(hashes) // size) > GROUPS_MAX:
        size *= 2
    right = {at // size + 1: (codes[at], root_of(hashes[at : at + size])) for at in range(0, len(hashes), size)}
    kept = {number: (first, root) for number, first, root in groups}
    found = []
    for number in sorted(right.keys() | kept.keys()):
        if right.get(number) != kept.get(number):
            what = "missing" if number not in kept else "inserted" if number not in right else "first, root"
            if what == "first, root":
                what = "first" if right[number][1] == kept[number][1] else "root"
            key = json.dumps([settlement, number])
            found.append(of_row("settlement_line_group", key, what, "is not what the lines come to, which are right"))
    return found


def _unlike_lines(
    settlement: str, codes: list[str], hashes: list[bytes], groups: list[tuple[int, str, bytes]], root: str
) -> list[Finding]:
    if not groups or named(root_of([node for _, _, node in groups])) != root:
        where = f"settlement_line {json.dumps([settlement])}"
        detail = "the lines are not those of the run; which, the groups no longer tell: verify the settlement"
        return [Finding("settlement_line", where, "root", detail)]
    firsts = [first for _, first, _ in groups]
    inside: dict[int, list[tuple[str, bytes]]] = defaultdict(list)
    at = 0
    for code, node in zip(codes, hashes, strict=True):
        while at + 1 < len(firsts) and code.encode() >= firsts[at + 1].encode():
            at += 1
        inside[at].append((code, node))
    size = 1 if len(groups) < GROUPS_MAX // 2 else 0
    found = []
    for place, (_, first, node) in enumerate(groups):
        here = inside[place]
        if root_of([one for _, one in here]) == node:
            continue
        if size == 1:  # a group is a line
            found += _unlike_line(settlement, first, node, here)
        else:
            where = f"settlement_line {json.dumps([settlement, first])} to {json.dumps([settlement, here[-1][0]])}" \
                if here else f"settlement_line {json.dumps([settlement, first])}"  # fmt: skip
            found.append(Finding("settlement_line", where, "changed", f"one of {len(here)} lines is not as it was run"))
    return found


def _unlike_line(settlement: str, first: str, node: bytes, here: list[tuple[str, bytes]]) -> list[Finding]:
    """Return what became of one line, given the lines that now stand from its code on to the next one's."""
    found = []
    standing = dict(here)
    if first not in standing:
        found.append(
            of_row("settlement_line", json.dumps([settlement, first]), "missing", "the line was there at the run")
        )
    elif standing[first] != node:
        found.append(
            of_row("settlement_line", json.dumps([settlement, first]), "changed", "the line is not as it was run")
        )
    for code in standing:
        if code != first:
            key = json.dumps([settlement, code])
            found.append(of_row("settlement_line", key, "inserted", "the line was not there at the run"))
    return found
