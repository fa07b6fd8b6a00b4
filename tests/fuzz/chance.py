"""Seeded chance: values that nobody should send, and texts and bytes changed in a few places."""

from __future__ import annotations

import json
import random
from typing import Any

NUMBERS = (
    "-1", "0", "1", "1e400", "1e5", "-0", "-0.0", "1.0", "NaN", "Infinity", "0.1", "9" * 30, "9" * 5000, "1e-400",
    str(2**31), str(2**53 + 1), str(2**63 - 1), str(2**63), str(-(2**63)), str(-(2**63) - 1), str(2**64), str(10**15),
)  # fmt: skip
INSTANTS = (
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "9999-12-31", "1900-01-01", "0001-01-01", "2025-13-45",
    "2025-02-30T00:00:00Z", "2025-01-01", "2025-01-01T00:00:00", "2025-13-45T99:99:99Z", "2024-02-29T23:59:60Z",
    "2025-09-01T08:00:00+08:00", "2025-09-01T08:00:00.999999999999Z", "10000-01-01", "-0001-01-01",
    "1999-12-31T23:59:59Z", "2025-09-01t08:00:00z", "2025-09-01 08:00:00+08:00", "2025-09-01T24:00:00Z",
    "2025-W01-1", "20250901",
)  # fmt: skip
TEXTS = (
    "", " ", "\0", "A\0", "\ud800", "x\udfff", "\uffff", "\ufdd0", "\U0001ffff", "\u202e", "\ufeff", "\x7f", "\x85",
    "\t", "é", "e\u0301", "１２", "𠮷野", "👍", "=1+1", "@x", "＝1", "' or 1=1--", "%00", "%", "\\", '"', "<script>",
    "${jndi}", "../..", "/", "null", "true", "x" * 65, "x" * 300, "x" * 5000, "\r\nX: 1", "a,b", "[]", "{}", "34",
    "340000", "340100",
)  # fmt: skip
RAW = (
    *NUMBERS,
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "[[]]",
    '{"a":1,"a":2}',
    "[" * 100 + "]" * 100,
    '"\\ud800"',
    "'1'",
)
LETTERS = (*b'{}[]",:\\\n 019eE+-.tfnu', 0, 9, 0x7F, 0x80, 0xC3, 0xED, 0xFF)
Json = Any


class Raw(str):
    """Text that stands in a body as it is, where JSON would write something else."""

    __slots__ = ()


class Chance:
    """Draws with a seed; the same seed draws the same."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.pick = self.random.choice

    def once_in(self, times: int) -> bool:
        """Whether it happens, which it does once in so many times."""
        return self.random.randrange(times) == 0

    def hostile(self) -> Json:
        """A value that hardly any field takes."""
        pool = self.pick((NUMBERS, INSTANTS, TEXTS, TEXTS, RAW))
        value = self.pick(pool)
        return Raw(value) if pool in (NUMBERS, RAW) and self.random.random() < 0.8 else value

    def hostile_text(self) -> str:
        """A text that hardly any parameter takes."""
        return str(self.pick(self.pick((NUMBERS, INSTANTS, TEXTS))))

    def changed(self, value: Json) -> Json:
        """The value with one place of it replaced, left out, put in or repeated."""
        if isinstance(value, dict) and value and not self.once_in(12):
            name = self.pick(list(value))
            kind = self.random.randrange(8)
            if kind == 0:
                return {other: one for other, one in value.items() if other != name}
            if kind == 1:
                return {**value, self.pick((*TEXTS[:20], "surprise", name.upper())): self.hostile()}
            return {**value, name: self.changed(value[name])}
        if isinstance(value, list) and value and not self.once_in(12):
            place = self.random.randrange(len(value))
            kind = self.random.randrange(6)
            if kind == 0:
                return value[:place] + value[place + 1 :]
            if kind == 1:
                return value + [value[place]] * self.pick((1, 2, 50))
            return [*value[:place], self.changed(value[place]), *value[place + 1 :]]
        return self.hostile()

    def written(self, value: Json) -> bytes:
        """JSON of a value, with one of the habits of writing it."""
        habit = self.pick(((",", ":"), (", ", ": "), (" ,\t", " :  ")))
        text = _text(value, habit, ascii_only=self.random.random() < 0.5)
        return text.encode("utf-8", "surrogatepass")

    def broken(self, body: bytes) -> bytes:
        """The bytes with a few of them changed, cut, repeated or moved."""
        letters = bytearray(body)
        for _ in range(self.pick((1, 1, 1, 2, 5))):
            place = self.random.randrange(len(letters) + 1)
            kind = self.random.randrange(6)
            if kind == 0 and place < len(letters):
                letters[place] = self.pick((self.random.randrange(256), *LETTERS))
            elif kind == 1:
                del letters[place : place + self.pick((1, 1, 2, 20))]
            elif kind == 2:
                letters[place:place] = letters[place : place + self.random.randrange(1, 40)]
            elif kind == 3:
                letters[place:place] = bytes(self.pick(LETTERS) for _ in range(self.pick((1, 2, 8))))
            elif kind == 4:
                del letters[place:]
            else:
                other = self.random.randrange(len(letters) + 1)
                letters[place : place + 9] = letters[other : other + 9]
        return bytes(letters)


def _text(value: Json, habit: tuple[str, str], *, ascii_only: bool) -> str:
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        pairs = (
            json.dumps(name, ensure_ascii=ascii_only) + habit[1] + _text(one, habit, ascii_only=ascii_only)
            for name, one in value.items()
        )
        return "{" + habit[0].join(pairs) + "}"
    if isinstance(value, list):
        return "[" + habit[0].join(_text(one, habit, ascii_only=ascii_only) for one in value) + "]"
    return json.dumps(value, ensure_ascii=ascii_only)
