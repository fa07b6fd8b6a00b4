"""What a scan of a JSON body reads and fills, handed from kernel to kernel as one value."""

from typing import Any, NamedTuple

import numpy as np

from meter.intake.registry_view.registered import Registered
from meter.kernels.kernel import Array


class Scan(NamedTuple):
    """One scan: the body, the registry as kernels read it, and the columns to fill."""

    body: Array
    facilities: Any
    chips: Any
    records: Array
    places: Array
    spare: Array
    """As large as the body where it has escapes, else empty: an order written with escapes goes there."""
    spent: Array
    """How many bytes of `spare` are used, in its one element."""


def scan_of(body: Array, registered: Registered, records: Array, places: Array, spare: Array) -> Scan:
    """Return a scan that begins."""
    return Scan(
        body, registered.facilities.arrays, registered.chips.arrays, records, places, spare, np.zeros(1, np.int64)
    )
