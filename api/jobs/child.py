"""The beginning of a job process that somebody started: `python -m api.jobs.child LANE...`. It ends with its parent.

It says so to the kernel before it loads the rest, which takes a second, or many on a busy machine.
"""

from __future__ import annotations

import os

from api.process.job_processes import CHILD
from api.process.parent_watch import end_with_parent

NICE = 10  # usage is received beside it, and goes first: also while this only loads, the service starting beside it


def main() -> None:
    """Work on the jobs of the lanes of the arguments."""
    end_with_parent(int(os.environ[CHILD]))
    os.nice(NICE)
    from api.jobs.process import main as work

    work()


if __name__ == "__main__":
    main()
