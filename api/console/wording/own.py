"""What is told to a company names no other: codes of others are taken out of whatever is shown to it."""

from __future__ import annotations

import re
from typing import Any, Final

from api.console.language.text import later, phrase

_CODE: Final = re.compile(r"(?<![0-9A-Z])[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}(?![0-9A-Z])")
OTHER: Final = later("关联单位")


def own_only(value: Any, uscc: str | None) -> Any:
    """Return a value of JSON in which every other entity's code, however deep, says that it is a related entity's."""
    if isinstance(value, str):
        return _CODE.sub(lambda found: found[0] if found[0] == uscc else phrase(OTHER), value)
    if isinstance(value, dict):
        return {own_only(name, uscc): own_only(part, uscc) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [own_only(part, uscc) for part in value]
    return value
