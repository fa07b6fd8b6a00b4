"""The repository's files as Git knows them, and what pages and comments name."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

TOP = Path(__file__).parents[2]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.\-]*(?:/[A-Za-z0-9_.*\-]+)+/?")
FILE = re.compile(r"[A-Za-z0-9_\-]+\.(?:py|sql|toml|md|html|yml|yaml|svg|parquet)")
SECTION = re.compile(r"(rules|contract)\.md(?:\]\([a-z./]+\))?,\s+sections?\s+(\d+b?)(?:\s+(?:to|and)\s+(\d+b?))?")
HEADING = re.compile(r"^## (\d+b?)\. ", re.MULTILINE)


@cache
def files() -> tuple[str, ...]:
    """Every file under version control, and those that are about to be."""
    listed = ("git", "ls-files", "--cached", "--others", "--exclude-standard")
    done = subprocess.run(listed, cwd=TOP, capture_output=True, text=True, check=True)
    return tuple(sorted(name for name in done.stdout.splitlines() if (TOP / name).exists()))


def text_of(name: str) -> str:
    """What a file says."""
    return (TOP / name).read_text(encoding="utf-8")


def pages() -> list[str]:
    """All pages."""
    return [name for name in files() if name.endswith(".md")]


def links_of(page: str) -> list[str]:
    """The relative links of a page, without their anchors."""
    return [link for link in LINK.findall(FENCE.sub("", text_of(page))) if "://" not in link]


def paths_of(page: str) -> list[str]:
    """What a page names in backticks that is written like a path of this repository."""
    tops = {name.split("/")[0] for name in files() if "/" in name}
    spans = [span for span in SPAN.findall(FENCE.sub("", text_of(page))) if PATH.fullmatch(span)]
    return [span for span in spans if span.split("/")[0] in tops]


def names_of(page: str) -> list[str]:
    """The bare names of files that a page puts in backticks."""
    return [span for span in SPAN.findall(FENCE.sub("", text_of(page))) if FILE.fullmatch(span)]


def sections_of(page: str) -> set[str]:
    """The numbers of a page's sections."""
    return set(HEADING.findall(text_of(page)))


def sections_named_in(name: str) -> list[tuple[str, str]]:
    """(page, section) that a file names, both ends of a range."""
    found = []
    for page, first, last in SECTION.findall(text_of(name)):
        found += [(f"docs/{page}.md", number) for number in (first, last) if number]
    return found
