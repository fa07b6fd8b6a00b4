"""A worker whose parent has gone ends itself: an orphan would hold the port, and the next start would fail."""

from __future__ import annotations

import os
import signal
import threading
import time

LOOK_SECONDS = 0.5


def end_with_parent() -> None:
    """Watch, in the background, for the parent process to go; then ask this process to end as an operator would."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
