"""`suanbu warm`: compile the kernels now instead of at the first record."""

from __future__ import annotations

import time


def warm() -> None:
    """Compile the kernels and keep them beside the code; done by `make setup`."""
    from api.process.warm_up import warm_up

    started = time.monotonic()
    warm_up()
    print(f"kernels are ready ({time.monotonic() - started:.0f} s)")
