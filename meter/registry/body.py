"""The body of a PUT: a JSON array of items, in which nothing was coerced or lost."""

from __future__ import annotations

import json
from typing import Any

ITEMS_MAX = 10_000
VALUES_MAX = 1_000_000  # commas of a body: ten thousand items of a hundred values; more would only fill memory


class NotABatch(ValueError):
    """A body that is not a JSON array of at most ITEMS_MAX items."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


class Broken:
    """What stands in place of an object or number that JSON would have coerced or lost."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        self.detail = detail


def parse_items(body: bytes) -> list[Any]:
    """Return the items of a body. Raises NotABatch when it is not a JSON array, or too long."""

    def pairs(items: list[tuple[str, Any]]) -> Any:
        found = dict(items)
        return found if len(found) == len(items) else Broken("duplicate_key", "a key occurs twice in one object")

    def inexact(text: str) -> Any:
        return Broken("wrong_type", f"{text[:32]} is not an integer; decimals are sent as strings")

    def whole(text: str) -> Any:
        return int(text) if len(text) <= 20 and text != "-0" else Broken("out_of_range", "the number is out of range")

    if body.count(b",") > VALUES_MAX:
        raise NotABatch(413, "too_many_values", f"at most {VALUES_MAX} values a request")
    try:
        parsed = json.loads(
            body.decode("utf-8"), object_pairs_hook=pairs, parse_float=inexact, parse_constant=inexact, parse_int=whole
        )
    except UnicodeDecodeError as error:
        raise NotABatch(400, "not_utf8", "the body is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise NotABatch(400, "not_json", "the body is not JSON") from error
    if not isinstance(parsed, list):
        raise NotABatch(400, "not_an_array", "the body must be a JSON array of items")
    if len(parsed) > ITEMS_MAX:
        raise NotABatch(413, "too_many_items", f"at most {ITEMS_MAX} items a request")
    return parsed
