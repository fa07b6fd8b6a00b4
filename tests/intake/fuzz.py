"""Seeded random bodies: good records, nearly good ones, and broken bytes, in every format."""

import json
import random
from decimal import Decimal
from typing import Any

import pyarrow as pa

from tests.intake.sample import GOOD, A, B, arrow, event_text
from tests.support.records import EVENT, EVENTS, JSON, NDJSON

POOLS: dict[str, list[Any]] = {
    "id": ["e1", "e2", "a" * 64, "a" * 65, "", "a b", "é", "A.b_c:d-9", 5, None],
    "consumer": [A, B, A[:17] + "0", A.lower(), A[:17], "", 9, "9" * 18],
    "facility": ["hub", "合肥-1", "late", "closed", "hf-99", "", "x" * 65, "h\u0000", 1],
    "chip": ["K1000", "new", "K1", "", None],
    "cards": [8, 1, 0, -1, 10**6, 10**6 + 1, 2**63, "8", "0.5", "0.001", "0.0001", "08", "8.", ".5", 1.5, True, "1e3"],
    "started_at": [
        "2025-10-01T08:00:00+08:00",
        "2025-10-01T00:00:00Z",
        "2025-09-30t20:00:00.5-04:00",
        "2026-01-01T00:00:00z",
        "2015-09-01T00:00:00Z",
        "1999-12-31T23:59:59Z",
        "2025-02-29T00:00:00Z",
        "2025-10-01",
        7,
    ],
    "ended_at": [
        "2025-10-01T18:00:00+08:00",
        "2025-10-01T18:00:00.999+08:00",
        "2026-02-01T00:00:00Z",
        "2099-12-31T23:59:59Z",
        "2100-01-01T00:00:00Z",
        "2025-10-01T24:00:00Z",
        "2000-02-29T23:59:59+23:59",
        None,
    ],
    "charge_fen": [0, 1, 100, 10**15, 10**15 + 1, -1, 1.0, "1", False, 2**64, None],
    "purpose": ["research", "commercial", None, "Research", "", 1],
    "via_platform": [True, False, None, 1, "true"],
    "order": [
        "",
        "o1",
        "合同-2025",
        None,
        "👍" * 64,
        "👍" * 65,
        "a\u0085",
        "\ud800",
        "y" * 65,
        5,
        "a\\b",
        'a"b',
        "a/b",
    ],
    "evidence": ["", "0f", "0F", None, "F" * 128, "F" * 129, "xyz", 1],
    "corrects": ["e0", "e1", "e 0", None],
    "action": ["replace", "void", "undo", 1, None],
    "surprise": [1],
}
CELL_TYPES: dict[str, list[Any]] = {
    "cards": [pa.int8(), pa.uint64(), pa.decimal128(12, 3), pa.decimal128(12, 0), pa.decimal128(12, 5), pa.float64()],
    "charge_fen": [
        pa.int32(),
        pa.uint64(),
        pa.float32(),
        pa.decimal128(18, 0),
        pa.decimal128(18, 2),
        pa.decimal256(70, 0),
    ],
    "started_at": [pa.timestamp("s", "UTC"), pa.timestamp("ns", "Asia/Shanghai"), pa.timestamp("us"), pa.date32()],
    "ended_at": [pa.timestamp("ms", "UTC"), pa.timestamp("us", "+08:00")],
}


class Fuzz:
    """Draws bodies; the same seed draws the same ones."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def record(self) -> dict[str, Any]:
        """A record that is often good, else wrong in a field or two."""
        chance = self.random
        record: dict[str, Any] = dict(GOOD) | {"id": f"e{chance.randrange(10**6)}"}
        if chance.random() < 0.1:
            record = {"id": record["id"], "corrects": "e0", "action": "void"}
        for name in chance.choices(list(POOLS)[:-1], k=chance.choice([0, 0, 1, 2, 4])):
            # the first of a pool are good ones
            record[name] = chance.choice(POOLS[name][: chance.choice([2, 3, 99])])
        if chance.random() < 0.03:
            record["surprise"] = 1
        if chance.random() < 0.05:
            record.pop(chance.choice(list(record)))
        items = list(record.items())
        if chance.random() < 0.5:
            chance.shuffle(items)
        return dict(items)

    def text(self, record: dict[str, Any]) -> str:
        """JSON of a record, with one of the usual habits of writing it."""
        chance = self.random
        separators = chance.choice([(",", ":"), (", ", ": "), (" ,\t", " :  ")])
        text = json.dumps(record, ensure_ascii=chance.random() < 0.5, separators=separators)
        return text.replace("{", chance.choice(["{", "{ ", "{\t"]), 1)

    def broken(self, body: bytes) -> bytes:
        """The body with a few bytes changed, cut, repeated or put in."""
        chance = self.random
        letters = bytearray(body)
        for _ in range(chance.choice([1, 1, 1, 2, 5])):
            place = chance.randrange(len(letters) + 1)
            kind = chance.randrange(5)
            if kind == 0 and place < len(letters):
                letters[place] = chance.choice([chance.randrange(256), *b'{}[]",:\\\n 019eE+-.tfnu\x00\xff'])
            elif kind == 1:
                del letters[place : place + chance.choice([1, 1, 2, 20])]
            elif kind == 2:
                letters[place:place] = letters[place : place + chance.randrange(1, 40)]
            elif kind == 3:
                letters[place:place] = chance.choice(
                    [b'"', b"\\", b",", b"}", b"\n", b" ", b"0", b"-", b"\\u0061", b"\\ud83d\\udE00", b"\\/", b"1e5"]
                )
            else:
                other = chance.randrange(len(letters) + 1)
                letters[place : place + 9] = letters[other : other + 9]
        return bytes(letters)

    def body(self, count: int) -> tuple[bytes, str]:
        """A JSON body of about so many records, and its content type."""
        chance = self.random
        texts = [self.text(self.record()) for _ in range(count)]
        kind = chance.choice([NDJSON, NDJSON, JSON, EVENTS, EVENT])
        if kind in (EVENT, EVENTS):
            times: list[dict[str, object]] = [
                {},
                {},
                {"time": "2025-10-01T00:00:00Z"},
                {"subject": "x"},
                {"source": "/other"},
                {"source": "合肥"},
                {"time": "2025-13-45T99:99:99Z"},
                {"attempt": 3},
            ]
            texts = [event_text(text, f"e{chance.randrange(10**6)}", **chance.choice(times)) for text in texts]
            # the record's own id would differ from the event's nearly always
            texts = [text.replace('"id"', '"id "', 2).replace('"id "', '"id"', chance.choice([1, 2])) for text in texts]
        lines = [text.encode("utf-8", "surrogatepass") for text in texts]
        if kind == NDJSON:
            lines = [self.broken(line) if chance.random() < 0.3 else line for line in lines]
            return b"\n".join(lines), kind
        if kind == EVENT:
            return self.broken(lines[0]) if chance.random() < 0.3 else lines[0], kind
        body = b"[" + chance.choice([b",", b" ,\n"]).join(lines) + b"]"
        return self.broken(body) if chance.random() < 0.5 else body, kind

    def table(self, count: int) -> bytes:
        """An Arrow body of so many records; every column has one of the types it may or may not have."""
        chance = self.random
        records = [self.record() for _ in range(count)]
        columns = {}
        for name in chance.sample(list(POOLS), len(POOLS)):
            cells = [record.get(name) for record in records]
            if name in CELL_TYPES and chance.random() < 0.5:
                columns[name] = self.typed(chance.choice(CELL_TYPES[name]), count)
                continue
            kinds = {type(cell) for cell in cells if cell is not None}
            # one type a column: the others of the pool cannot stand in it
            kind = chance.choice(sorted(kinds, key=str)) if kinds else str
            cells = [cell if type(cell) is kind and cell != "\ud800" and cell != 2**64 else None for cell in cells]
            if kind is not str:
                large = 2**63 in cells
                cells = [None if large and cell == -1 else cell for cell in cells]  # no integer type holds both
                columns[name] = pa.array(cells, pa.uint64() if large else None)
                continue
            form = chance.choice([pa.string(), pa.large_string(), pa.string_view(), None])
            columns[name] = pa.array(cells, form) if form else pa.array(cells, pa.string()).dictionary_encode()
        return arrow(pa.table(columns), chance.choice([None, None, "zstd", "lz4"]))

    def typed(self, form: Any, count: int) -> Any:
        """Cells of a type, some null, some at the edges."""
        chance = self.random
        cells: list[Any]
        if pa.types.is_decimal(form):
            cells = [Decimal(chance.choice([8, 1, 0, -1, 10**6])) for _ in range(count)]
        elif pa.types.is_timestamp(form):
            unit = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[form.unit]
            cells = [
                chance.choice([1_759_276_800, 1_759_312_800, 946_684_799, 4_102_444_800]) * unit for _ in range(count)
            ]
        else:
            cells = [chance.choice([8, 1, 0, 100]) for _ in range(count)]
        return pa.array([cell if chance.random() < 0.95 else None for cell in cells], form)
