"""The unified social credit code (统一社会信用代码) and its check digit (GB 32100-2015, docs/rules.md, section 2)."""

from meter.intake.codes import Code, RecordRefused

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
VALUE = {character: value for value, character in enumerate(ALPHABET)}
WEIGHTS = tuple(pow(3, place, 31) for place in range(17))


def check_uscc(code: str) -> None:
    """Raise `bad_uscc` for what is not 18 characters of the alphabet, `bad_check_digit` for a wrong last one."""
    if len(code) != 18 or any(character not in VALUE for character in code):
        raise RecordRefused(Code.BAD_USCC, f"consumer is not an 18 character USCC: {len(code)} characters given")
    total = sum(VALUE[character] * weight for character, weight in zip(code, WEIGHTS, strict=False))
    right = ALPHABET[-total % 31]
    if code[17] != right:
        raise RecordRefused(Code.BAD_CHECK_DIGIT, f"consumer '{code}' has the check digit {code[17]}, not {right}")
