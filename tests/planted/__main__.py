"""Plants every bug in turn in a copy of the tree, and reports which were caught: `make planted`.

    python -m tests.planted [--stage STAGE ...] [--name PART] [--workers N] [--unplanted] [--figures FILE]

`--unplanted` first runs all the tests that bugs name without any bug: they must pass, or being caught means nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.planted.bugs import Bug, all_bugs
from tests.planted.scratch import changed, copied
from tests.planted.trial import Runner, Verdict, tried
from tests.support.postgres import server_url


def main() -> int:
    """Try what is asked for; the exit status is 1 where a bug survived."""
    asked = argparse.ArgumentParser(prog="python -m tests.planted")
    asked.add_argument("--stage", action="append")
    asked.add_argument("--name", default="")
    asked.add_argument("--workers", type=int, default=min(4, os.cpu_count() or 1))
    asked.add_argument("--unplanted", action="store_true")
    asked.add_argument("--figures", type=Path)
    given = asked.parse_args()
    bugs = [bug for bug in all_bugs() if given.name in bug.name and bug.stage in (given.stage or [bug.stage])]
    if given.stage:
        bugs.sort(key=lambda bug: int(given.stage.index(bug.stage)))  # in the order in which they are asked for
    with server_url() as postgres, copied() as base:
        runners: queue.SimpleQueue[Runner] = queue.SimpleQueue()
        for _ in range(given.workers):
            runners.put(Runner(postgres))

        def one(bug: Bug) -> Verdict:
            runner = runners.get()
            try:
                verdict = tried(base, bug, runner)
            finally:
                runners.put(runner)
            print(told(verdict), flush=True)
            return verdict

        if given.unplanted:
            status, said = without_any(base, bugs, runners)
            if status != 0:
                print(f"without any bug the tests fail:\n{said[-4000:]}")
                return 1
        with ThreadPoolExecutor(given.workers) as pool:
            found = list(pool.map(one, bugs))
        for _ in range(given.workers):
            runners.get().close()
    left = [one for one in found if one.word != "caught"]
    print(f"{len(found) - len(left)} of {len(found)} planted bugs were caught")
    if given.figures:
        figures = {"planted": len(found), "caught": len(found) - len(left), "bugs": [one.as_json() for one in found]}
        given.figures.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return 1 if left else 0


def without_any(base: Path, bugs: Sequence[Bug], runners: queue.SimpleQueue[Runner]) -> tuple[int, str]:
    """Run all tests that the bugs name in a copy as it is; status and output."""
    tests = tuple(sorted({test for bug in bugs for test in bug.tests}))
    file = bugs[0].file
    with changed(base, file, (base / file).read_text(encoding="utf-8")) as tree:
        runner = runners.get()
        try:
            return runner.run(tree, tests)
        finally:
            runners.put(runner)


def told(verdict: Verdict) -> str:
    """One line on a bug, and what the tests said where it was not caught."""
    line = f"{verdict.word:9} {verdict.seconds:6.1f} s  {verdict.bug.stage}: {verdict.bug.name}  {verdict.by}"
    return line if verdict.word == "caught" else f"{line}\n{verdict.said[-1500:]}"


if __name__ == "__main__":
    sys.exit(main())
