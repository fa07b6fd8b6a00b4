"""The beginning of a worker: its application, loaded without looking for garbage, of which loading makes next to none.

uvicorn loads this by name, and this the rest: a process that only starts workers loads neither.
"""

from __future__ import annotations

import gc

from starlette.types import ASGIApp


def create_app() -> ASGIApp:
    """Make the application, as uvicorn's factory."""
    gc.disable()
    try:
        from api.app import create_app as loaded

        return loaded()
    finally:
        gc.enable()
