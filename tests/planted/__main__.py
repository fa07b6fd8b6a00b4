"""Plants every bug in turn in a copy of the tree, and reports which were caught: `make planted`.

    python -m tests.planted [--stage STAGE] [--name PART] [--workers N] [--unplanted] [--figures FILE]

`--unplanted` first runs all the tests that bugs name without any bug: they must pass, or being caught means nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.planted.bugs import all_bugs
from tests.planted.scratch import copied
from tests.planted.trial import Verdict, run_tests, tried
from tests.support.postgres import server_url


def main() -> int:
    """Try what is asked for; the exit status is 1 where a bug survived."""
    asked = argparse.ArgumentParser(prog="python -m tests.planted")
    asked.add_argument("--stage")
    asked.add_argument("--name", default="")
    asked.add_argument("--workers", type=int, default=min(4, os.cpu_count() or 1))
    asked.add_argument("--unplanted", action="store_true")
    asked.add_argument("--figures", type=Path)
    given = asked.parse_args()
    bugs = [bug for bug in all_bugs() if given.stage in (None, bug.stage) and given.name in bug.name]
    with server_url() as postgres, copied() as base:
        if given.unplanted:
            tests = tuple(sorted({test for bug in bugs for test in bug.tests}))
            status, said = run_tests(base, tests, postgres)
            if status != 0:
                print(f"without any bug the tests fail:\n{said[-4000:]}")
                return 1
        with ThreadPoolExecutor(given.workers) as pool:
            found = []
            for verdict in pool.map(lambda bug: tried(base, bug, postgres), bugs):
                found.append(verdict)
                print(told(verdict), flush=True)
    left = [one for one in found if one.word != "caught"]
    print(f"{len(found) - len(left)} of {len(found)} planted bugs were caught")
    if given.figures:
        figures = {"planted": len(found), "caught": len(found) - len(left), "bugs": [one.as_json() for one in found]}
        given.figures.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return 1 if left else 0


def told(verdict: Verdict) -> str:
    """One line on a bug, and what the tests said where it was not caught."""
    line = f"{verdict.word:9} {verdict.seconds:6.1f} s  {verdict.bug.stage}: {verdict.bug.name}  {verdict.by}"
    return line if verdict.word == "caught" else f"{line}\n{verdict.said[-1500:]}"


if __name__ == "__main__":
    sys.exit(main())
