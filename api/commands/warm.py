"""`suanbu warm`: compile the kernels now instead of at the first record."""

from __future__ import annotations

import time

from api.process.warm_up import warm_up


def warm() -> None:
    """Compile the kernels and keep them beside the code; done by `make setup`."""
    started = time.monotonic()
    warm_up()
    print(f"kernels are ready ({time.monotonic() - started:.0f} s)")
