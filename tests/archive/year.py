"""Small seeded journals to seal."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from meter.archive.rows import ROW_DTYPE

AUGUST_2025 = 1_753_977_600  # 2025-08-01T00:00:00+08:00


def journal(seed: int, batches: int, batch_rows: int = 50, first_batch: int = 1, span_days: int = 70) -> NDArray[Any]:
    """Return rows of so many batches, in order; one in ten is the reversal of an earlier one."""
    random = np.random.default_rng(seed)
    count = batches * batch_rows
    rows = np.zeros(count, ROW_DTYPE)
    rows["batch"] = first_batch + np.arange(count) // batch_rows
    rows["ordinal"] = np.arange(count) % batch_rows
    rows["key"] = np.frombuffer(random.bytes(16 * count), "V16")
    rows["source"], rows["sign"] = 1, 1
    for name, most in (("consumer", 9), ("facility", 4), ("chip", 3)):
        rows[name] = random.integers(1, most, count)
    rows["millicards"] = random.choice([125, 1000, 8000], count)
    rows["started"] = AUGUST_2025 + random.integers(0, span_days * 86_400, count)
    rows["ended"] = rows["started"] + np.minimum(np.exp(random.normal(8, 2.5, count)), 90 * 86_400).astype(np.int64)
    rows["charge_fen"] = random.integers(0, 10**6, count)
    rows["purpose"], rows["via_platform"] = random.integers(0, 3, count), random.random(count) < 0.8
    rows["order_digest"] = random.integers(0, 5, count)
    back = np.flatnonzero(random.random(count) < 0.1)
    back = back[back > 0]
    for place in back:
        original = int(random.integers(0, place))
        if rows["sign"][original] == 1 and original not in back:
            place_in_journal = rows[place][["batch", "ordinal"]].copy()
            rows[place] = rows[original]
            rows["corrected_batch"][place], rows["corrected_ordinal"][place] = (
                rows["batch"][original],
                rows["ordinal"][original],
            )
            rows["batch"][place], rows["ordinal"][place] = place_in_journal["batch"], place_in_journal["ordinal"]
            rows["sign"][place] = -1
    return rows
