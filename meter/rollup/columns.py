"""The measured columns of entries: what the rollup, the archive and the findings know of a record."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

# What the stores hand over, one row for each counted entry (sign +1) and each reversal (sign -1, the measured columns
# of the entry that was corrected). Any byte order and any further fields are accepted.
MEASURED_DTYPE: Final = np.dtype(
    [
        ("consumer", np.int32),
        ("facility", np.int32),
        ("chip", np.int32),
        ("millicards", np.int64),
        ("started", np.int64),  # epoch seconds
        ("ended", np.int64),  # epoch seconds, exclusive
        ("charge_fen", np.int64),
        ("purpose", np.int8),  # 0 not stated, 1 research, 2 commercial
        ("via_platform", np.bool_),
        ("sign", np.int8),
    ]
)

# What tells one series of use from another: everything but the day.
SERIES: Final = ("consumer", "facility", "chip", "purpose", "via_platform")

Entries: TypeAlias = NDArray[Any] | Mapping[str, NDArray[Any]]


class Measured(NamedTuple):
    """The measured columns as contiguous arrays, native byte order.

    All have one value for each row, unless `series_ends` says where runs of rows end that agree in consumer, facility,
    chip, purpose and via_platform: then these have one value for each run.
    """

    consumer: NDArray[np.int32]
    facility: NDArray[np.int32]
    chip: NDArray[np.int32]
    millicards: NDArray[np.int64]
    started: NDArray[np.int64]
    ended: NDArray[np.int64]
    charge_fen: NDArray[np.int64]
    purpose: NDArray[np.int8]
    via_platform: NDArray[np.uint8]
    sign: NDArray[np.int8]
    series_ends: NDArray[np.int32]

    def row_by_row(self) -> "Measured":
        """Return the same rows, every column with one value for each."""
        if not len(self.series_ends):
            return self
        lengths = np.diff(self.series_ends, prepend=np.int32(0))
        each = {name: np.repeat(getattr(self, name), lengths) for name in SERIES}
        return self._replace(**each, series_ends=self.series_ends[:0])


def measured(entries: Entries, sign: int = 1) -> Measured:
    """Bring entries into the form the kernels read.

    `entries` is a numpy structured array or a mapping of arrays, by the names of MEASURED_DTYPE; `sign` (+1 or -1)
    multiplies the column of that name, which may be absent (then every row counts `sign`), as may `series_ends`. Arrays
    that already are contiguous and of the right type are not copied. Raises ValueError when lengths differ, the runs
    do not cover the rows or the sign is neither.
    """
    if sign not in (1, -1):
        raise ValueError(f"a record counts +1 or is taken back by -1, not {sign}")
    if isinstance(entries, np.ndarray):
        names, rows = entries.dtype.names or (), len(entries)
    else:
        names, rows = tuple(entries), len(entries["started"])

    def column(name: str, dtype: Any) -> NDArray[Any]:
        return np.ascontiguousarray(entries[name], dtype=dtype)

    signs = column("sign", np.int8) if "sign" in names else np.ones(rows, np.int8)
    found = Measured(
        column("consumer", np.int32),
        column("facility", np.int32),
        column("chip", np.int32),
        column("millicards", np.int64),
        column("started", np.int64),
        column("ended", np.int64),
        column("charge_fen", np.int64),
        column("purpose", np.int8),
        column("via_platform", np.bool_).view(np.uint8),
        signs if sign == 1 else -signs,
        column("series_ends", np.int32) if "series_ends" in names else np.empty(0, np.int32),
    )
    ends = found.series_ends
    if len(ends) and not (ends[0] > 0 and (ends[1:] > ends[:-1]).all() and ends[-1] == rows):
        raise ValueError("the runs of one series do not cover the rows")
    lengths = dict.fromkeys(SERIES, len(ends) or rows) | {"series_ends": len(ends)}
    if any(len(array) != lengths.get(name, rows) for name, array in found._asdict().items()):
        raise ValueError("the measured columns differ in length")
    return found
