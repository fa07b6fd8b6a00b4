"""A row of the archive: one counted entry, or the reversal of one, with everything measured about it."""

from typing import Any, Final

import numpy as np
import pyarrow as pa

ROW_DTYPE: Final = np.dtype(
    [
        ("batch", np.int64),  # where it was recorded; for a reversal, where the correction was
        ("ordinal", np.int32),
        ("key", "V16"),  # of the entry itself; for a reversal, of the entry that was corrected
        ("source", np.int32),
        ("consumer", np.int32),
        ("facility", np.int32),
        ("chip", np.int32),
        ("millicards", np.int64),
        ("started", np.int64),  # epoch seconds
        ("ended", np.int64),  # epoch seconds, exclusive
        ("charge_fen", np.int64),
        ("purpose", np.int8),  # 0 not stated, 1 research, 2 commercial
        ("via_platform", np.bool_),
        ("sign", np.int8),  # +1 counts, -1 takes back a corrected entry (its measured columns repeated)
        ("corrected_batch", np.int64),  # of a reversal: where the corrected entry stands; else 0
        ("corrected_ordinal", np.int32),
        ("order_digest", np.int64),  # 0: no order stated; a reversal repeats the corrected entry's
        ("evidence_digest", np.int64),  # 0: none
    ]
)
COLUMNS: Final = tuple(ROW_DTYPE.names or ())
SORTED_BY: Final = (
    "facility", "consumer", "chip", "purpose", "via_platform", "started", "ended", "batch", "ordinal", "sign",
)  # fmt: skip

_WIDE: Final = ("batch", "started", "ended", "charge_fen")
_REPEATING: Final = tuple(name for name in COLUMNS if name not in (*_WIDE, "ordinal", "key", "via_platform"))

ROW_GROUP_ROWS: Final = 1 << 17
WRITER_OPTIONS: Final[dict[str, Any]] = {
    # Sorted by series and time, wide columns are short steps and the others long runs of few values.
    "column_encoding": dict.fromkeys((*_WIDE, "ordinal"), "DELTA_BINARY_PACKED"),
    "use_dictionary": list(_REPEATING),
    "compression": "zstd",
    "compression_level": 1,
    "version": "2.6",
    "write_page_checksum": True,
}


def arrow_schema() -> pa.Schema:
    """Return the columns of a sealed file; instants stay whole epoch seconds, so no reader can shift them."""

    def arrow_type(name: str) -> pa.DataType:
        return pa.binary(16) if name == "key" else pa.from_numpy_dtype(ROW_DTYPE[name])

    return pa.schema([pa.field(name, arrow_type(name), nullable=False) for name in COLUMNS])
