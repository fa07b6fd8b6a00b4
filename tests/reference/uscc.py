"""The unified social credit code (统一社会信用代码, GB 32100-2015): 18 characters, the last a check."""

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def check_character(first_17: str) -> str:
    """(31 - sum(c_i x 3^(i-1) mod 31)) mod 31, written in the same alphabet."""
    total = sum(ALPHABET.index(first_17[i]) * pow(3, i, 31) for i in range(17))
    return ALPHABET[(31 - total % 31) % 31]


def coded(first_17: str) -> str:
    """The whole code: every code that a test makes up is made here."""
    return first_17 + check_character(first_17)


def is_valid(code: str) -> bool:
    """Whether the code is well formed and its check character is right."""
    if len(code) != 18 or any(character not in ALPHABET for character in code):
        return False
    return code[17] == check_character(code[:17])
