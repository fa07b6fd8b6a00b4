"""Every quote of every round stands, word for word, in the document it names."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from settlement.rounds import default_folder

SEEDS = Path(__file__).resolve().parents[3] / "shared" / "seeds"
WHY = f"the documents are not beside the repository: {SEEDS} is absent"


def squeezed(text: str) -> str:
    """The text without spaces and line breaks."""
    return re.sub(r"\s", "", text)


def quotes(node: Any, place: str) -> Iterator[tuple[str, str, str]]:
    """(place, document, quote) of everything below a node."""
    if isinstance(node, dict):
        if "quote" in node:
            yield place, node["document"], node["quote"]
        for name, child in node.items():
            yield from quotes(child, f"{place}.{name}")
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from quotes(child, f"{place}[{index}]")


@pytest.mark.parametrize("file", sorted(default_folder().glob("*.toml")), ids=lambda file: file.stem)
def test_every_quote_is_found_in_its_document(file: Path) -> None:
    if not SEEDS.exists():
        pytest.skip(WHY)
    texts = {f"S{path.name[2]}": squeezed(path.read_text(encoding="utf-8")) for path in SEEDS.glob("00?_*.txt")}
    found = list(quotes(tomllib.loads(file.read_text(encoding="utf-8")), file.stem))
    assert found, "a round quotes something"
    assert [(place, quote) for place, document, quote in found if squeezed(quote) not in texts[document]] == []
