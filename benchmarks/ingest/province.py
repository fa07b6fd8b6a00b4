"""A seeded invented province whose usage is sent: who may occur in it, and batches of records in every format."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import zstandard

from tests.support.records import ARROW, EVENTS, JSON, NDJSON, chip, facility, uscc

FACILITIES = [f"hf-{number:02d}" for number in range(40)]
CHIPS = ["card-a", "card-b", "card-c", "card-d"]
CONSUMERS = 2_000
FIRST_SECOND, SECONDS = 1_756_684_800, 90 * 86_400  # 2025-09-01, a quarter


def registry() -> dict[str, list[dict[str, Any]]]:
    """Return registry items by path: the facilities and chips that records name."""
    owners = [{"uscc": uscc(0), "share": "1"}]
    return {
        "facilities": [facility(name, owners=owners) for name in FACILITIES],
        "chips": [chip(name) for name in CHIPS],
    }


@dataclass(frozen=True)
class Ids:
    """Where ids come from: `ordered` ones count up from a prefix, others are random hexadecimal of a seed."""

    ordered: bool
    seed: int


def frame(count: int, ids: Ids, first: int) -> pl.DataFrame:
    """Return `count` records from number `first` of a sequence on, as a platform's table holds them.

    A consumer uses one to three offers (a facility and its chip); a few consumers use most; a platform sends what has
    ended within the last two days.
    """
    rng = np.random.default_rng((ids.seed, first))
    if ids.ordered:
        names = [f"job-{ids.seed}-{number:010d}" for number in range(first, first + count)]
    else:
        text = rng.bytes(12 * count).hex()
        names = [text[start : start + 24] for start in range(0, 24 * count, 24)]
    consumer = np.minimum(rng.pareto(1.1, count) * 20, CONSUMERS - 1).astype(np.int64)
    facility = (consumer * 7 + rng.integers(0, consumer % 3 + 1)) % len(FACILITIES)
    started = FIRST_SECOND + first // 50 % SECONDS + rng.integers(0, 2 * 86_400, count)
    return pl.DataFrame(
        {
            "id": names,
            "consumer": np.array([uscc(number) for number in range(CONSUMERS)])[consumer],
            "facility": np.array(FACILITIES)[facility],
            "chip": np.array(CHIPS)[facility % len(CHIPS)],
            "cards": rng.choice(np.array([1, 2, 4, 8, 16, 64]), count),
            "started_at": started,
            "ended_at": started + rng.integers(60, 12 * 3600, count),
            "charge_fen": rng.integers(0, 10_000_000, count),
            "purpose": np.array(["research", "commercial"])[consumer % 2],
            "order": np.char.add("ord-", rng.integers(0, 10**6, count).astype(np.str_)),
        }
    ).with_columns(pl.from_epoch(name, "s").dt.replace_time_zone("UTC") for name in ("started_at", "ended_at"))


def body(records: pl.DataFrame, content_type: str) -> bytes:
    """Return the records in a format."""
    if content_type == ARROW:
        table = records.to_arrow(compat_level=pl.CompatLevel.oldest())
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table.combine_chunks())
        return bytes(sink.getvalue())
    lines = records.with_columns(
        pl.col("started_at", "ended_at").dt.convert_time_zone("Asia/Shanghai").dt.strftime("%Y-%m-%dT%H:%M:%S%:z")
    ).write_ndjson()
    assert isinstance(lines, str)
    if content_type == NDJSON:
        return lines.encode()
    if content_type == JSON:
        return f"[{','.join(lines.splitlines())}]".encode()
    assert content_type == EVENTS
    events = [
        f'{{"specversion":"1.0","type":"usage","source":"/platform","id":{json.dumps(name)},"data":{line}}}'
        for name, line in zip(records["id"].to_list(), lines.splitlines(), strict=True)
    ]
    return f"[{','.join(events)}]".encode()


def packed(text: bytes, encoding: str) -> bytes:
    """Return a body in a content encoding."""
    if encoding == "gzip":
        return gzip.compress(text, 1)
    return zstandard.compress(text, 1) if encoding == "zstd" else text
