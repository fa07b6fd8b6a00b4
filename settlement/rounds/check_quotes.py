"""Compare every quote of the rounds and of docs/rules.md with the policy documents, which are not in the repository.

`python -m settlement.rounds.check_quotes DIR` reads the documents from a folder. Spaces and line breaks inside a quote
do not count; everything else does. The exit status is 1 where DIR or a document is missing or a quote is not found.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RULES = Path(__file__).parents[2] / "docs" / "rules.md"
ROW = re.compile(r"^\| (?P<name>[^|]+?) \| (?P<key>S\d) \|.*\| `(?P<file>[^`]+\.txt)` \|$")
QUOTED = re.compile(r"^> (?P<name>[^:]+): (?P<quote>.+)$")


@dataclass(frozen=True)
class Quote:
    """Some words, the document they are taken from (its key, S0 to S4) and the place where they are quoted."""

    place: str
    document: str
    words: str


@dataclass(frozen=True)
class PolicyDocument:
    """A row of the table of documents in the rules: its short name there, its key in the rounds, its file."""

    name: str
    key: str
    file: str


def main(arguments: list[str]) -> int:
    """Print what was compared and what was not found; the exit status."""
    if len(arguments) != 1:
        print("usage: python -m settlement.rounds.check_quotes DIR", file=sys.stderr)
        return 2
    try:
        quotes, missing = check(Path(arguments[0]), RULES, Path(__file__).parent)
    except ValueError as wrong:
        print(wrong, file=sys.stderr)
        return 1
    for quote in missing:
        print(f"{quote.place}: not in {quote.document}: {quote.words}", file=sys.stderr)
    print(f"{len(quotes)} quotes compared, {len(missing)} not found")
    return 1 if missing else 0


def check(folder: Path, rules: Path, rounds: Path) -> tuple[list[Quote], list[Quote]]:
    """Return all quotes, and those not found. Raises ValueError where quotes or documents are missing."""
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder: name the folder that holds the policy documents")
    page = rules.read_text(encoding="utf-8")
    documents = documents_of(page)
    texts = {}
    for document in documents:
        file = folder / document.file
        if not file.is_file():
            raise ValueError(f"{file} is missing: the file of '{document.name}'")
        texts[document.key] = squeezed(file.read_text(encoding="utf-8"))
    quotes = [*quotes_of_rules(page, rules.name, documents)]
    for path in sorted(rounds.glob("*.toml")):
        found = [*quotes_of_round(tomllib.loads(path.read_text(encoding="utf-8")), path.stem)]
        if not found:
            raise ValueError(f"{path.name} quotes nothing")
        quotes += found
    unknown = sorted({quote.document for quote in quotes} - texts.keys())
    if unknown:
        raise ValueError(f"quoted, but not in the table of documents: {', '.join(unknown)}")
    return quotes, [quote for quote in quotes if squeezed(quote.words) not in texts[quote.document]]


def documents_of(page: str) -> list[PolicyDocument]:
    """Return the table of documents. Raises ValueError where the page has none."""
    found = [PolicyDocument(row["name"], row["key"], row["file"]) for row in map(ROW.match, page.splitlines()) if row]
    if not found:
        raise ValueError("the rules have no table of documents")
    return found


def quotes_of_rules(page: str, name: str, documents: list[PolicyDocument]) -> Iterator[Quote]:
    """Yield the lines `> document: words` of the rules.

    Raises ValueError for a document that the table does not name.
    """
    keys = {document.name: document.key for document in documents}
    for number, line in enumerate(page.splitlines(), 1):
        if not line.startswith(">") or line == ">":  # a bare mark keeps two quotes apart
            continue
        quoted = QUOTED.match(line)
        if quoted is None or quoted["name"] not in keys:
            raise ValueError(f"{name}:{number}: a quote begins with '> ' and the short name of a document: {line}")
        yield Quote(f"{name}:{number}", keys[quoted["name"]], quoted["quote"])


def quotes_of_round(node: Any, place: str) -> Iterator[Quote]:
    """Yield every `quote` of a round's file with the document it names."""
    if isinstance(node, dict):
        if "quote" in node:
            yield Quote(place, node["document"], node["quote"])
        for name, child in node.items():
            yield from quotes_of_round(child, f"{place}.{name}")
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from quotes_of_round(child, f"{place}[{index}]")


def squeezed(text: str) -> str:
    """Return the text without spaces and line breaks."""
    return re.sub(r"\s", "", text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
