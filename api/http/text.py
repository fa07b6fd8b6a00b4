"""Text from outside that the database, JSON or a spreadsheet cannot hold: one check for every door."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from starlette.types import Scope

# U+0000, halves of surrogate pairs, and the code points that Unicode reserves as no characters
_LAST_TWO = "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
_UNHOLDABLE = re.compile(f"[\0\ud800-\udfff\ufdd0-\ufdef{_LAST_TWO}]")
EXPLANATION = "a text holds U+0000, half a surrogate pair, a noncharacter, or bytes that are not UTF-8"


def is_holdable(text: str) -> bool:
    """Say whether a text can be stored, sent as JSON and printed."""
    return (text.isascii() and "\0" not in text) or _UNHOLDABLE.search(text) is None


def all_holdable(given: object) -> bool:
    """Say whether every text in a JSON value, names of fields included, can be held."""
    waiting = [given]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if not is_holdable(value):
                return False
        elif isinstance(value, dict):
            waiting += (*value, *value.values())
        elif isinstance(value, list | tuple):
            waiting += value
    return True


def path_is_holdable(scope: Scope) -> bool:
    """Say whether the path of a request is text that can be held: if not, nothing can stand there."""
    # only what is percent-encoded can hide something: the protocol refuses raw bytes beyond ASCII
    return _decodes(scope.get("raw_path") or scope["path"].encode("utf-8", "surrogatepass"))


def rest_is_holdable(scope: Scope) -> bool:
    """Say whether the query and the headers of a request are text that can be held."""
    return _decodes(scope["query_string"]) and not any(b"\0" in value for _, value in scope["headers"])


def _decodes(quoted: bytes) -> bool:
    try:
        return is_holdable(unquote_to_bytes(quoted).decode("utf-8"))
    except UnicodeDecodeError:
        return False
