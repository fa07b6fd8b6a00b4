"""Names that differ only in case, width or invisible characters are one name."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# blanks, controls, and whatever else a reader does not see; the database's suanbu_hand leaves out the same
INVISIBLE: Final = re.compile(
    "[\\u0001-\\u0020\\u007F-\\u00A0\\u00AD\\u034F\\u0600-\\u0605\\u061C\\u06DD\\u070F\\u0890\\u0891\\u08E2\\u115F\\u1160"
    "\\u1680\\u17B4\\u17B5\\u180B-\\u180F\\u2000-\\u200F\\u2028-\\u202F\\u205F-\\u206F\\u2800\\u3000\\u3164\\uFE00-\\uFE0F"
    "\\uFEFF\\uFFA0\\uFFF0-\\uFFFB\\U000110BD\\U000110CD\\U00013430-\\U0001343F\\U0001BCA0-\\U0001BCA3"
    "\\U0001D173-\\U0001D17A\\U000E0000-\\U000E0FFF]"
)


def folded(name: str) -> str:
    """Return a name without what does not tell it from another: width and other forms, invisible characters, case."""
    plain = INVISIBLE.sub("", unicodedata.normalize("NFKC", name))
    return unicodedata.normalize("NFKC", plain.casefold())
