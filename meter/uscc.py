"""The unified social credit code (统一社会信用代码, GB 32100-2015, docs/rules.md): alphabet and check digit."""

from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # no I, O, S, V, Z
CHARACTERS: Final = 18
VALUES: Final = {character: value for value, character in enumerate(ALPHABET)}
WEIGHTS: Final = tuple(pow(3, place, 31) for place in range(CHARACTERS - 1))


def check_digit(body: str) -> str:
    """Return the last character of the code whose first 17 are `body`."""
    return ALPHABET[-sum(VALUES[character] * weight for character, weight in zip(body, WEIGHTS, strict=True)) % 31]


def is_well_formed(code: str) -> bool:
    """Return whether a text has 18 characters of the alphabet, whatever its check digit."""
    return len(code) == CHARACTERS and all(character in VALUES for character in code)


def is_uscc(code: str) -> bool:
    """Return whether a text is a unified social credit code, letter for letter and with the right check digit."""
    return is_well_formed(code) and code[-1] == check_digit(code[:-1])
