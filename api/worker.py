"""The beginning of a worker: its application, loaded without looking for garbage, of which loading makes next to none.

uvicorn loads this by name, and this the rest: a process that only starts workers loads neither.
"""

from __future__ import annotations

import gc
import multiprocessing

from starlette.types import ASGIApp

from api.process.parent_watch import end_with_parent


def create_app() -> ASGIApp:
    """Make the application, as uvicorn's factory."""
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        end_with_parent(parent.pid)
    gc.disable()
    try:
        from api.app import create_app as loaded

        return loaded()
    finally:
        gc.freeze()  # a full collection while it starts would look through all of it
        gc.enable()
