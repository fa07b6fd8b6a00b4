"""Tries mutants of what moves money and reports which tests did not notice: `make mutants`.

    python -m tests.mutants [--target NAME] [--most N [--all NAME ...]] [--seed N] [--workers N] [--figures FILE]

No tool for mutation testing is used, for two reasons. They start the interpreter for every mutant, and what settles
takes seconds to import and a minute to compile; here a process that has imported all forks for each, puts the changed
code into the function, and runs the tests. And they put something around each function, which no compiled kernel
survives; here what settles runs as plain Python. `--most` draws so many of the mutants of each target that `--all` does
not name, always the same.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.changes import Mutant
from tests.mutants.server import Server, every_mutant
from tests.mutants.targets import EQUIVALENT, TARGETS, Target

ASKED_FOR = 0.9
"""Of those that are not equivalent, so many are killed."""


def main() -> int:
    """Try what is asked for; the exit status is 1 where too many survived."""
    asked = argparse.ArgumentParser(prog="python -m tests.mutants")
    asked.add_argument("--target")
    asked.add_argument("--most", type=int)
    asked.add_argument("--all", action="append", default=[])
    asked.add_argument("--seed", type=int, default=19)
    asked.add_argument("--workers", type=int, default=2)
    asked.add_argument("--figures", type=Path)
    given = asked.parse_args()
    figures, enough = {}, True
    for target in TARGETS:
        if given.target in (None, target.name):
            figures[target.name], share = tried(
                target, None if target.name in given.all else given.most, given.seed, given.workers
            )
            enough &= share >= ASKED_FOR
    if given.figures:
        given.figures.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return 0 if enough else 1


def tried(target: Target, most: int | None, seed: int, workers: int) -> tuple[dict[str, object], float]:
    """Try the mutants of a target: the figures, and the share of those that were killed."""
    mutants = every_mutant(target)
    chosen = mutants if most is None else random.Random(seed).sample(mutants, min(most, len(mutants)))
    chosen = [one for one in chosen if (one.module, one.function, one.change) not in EQUIVALENT]
    servers = [Server(target) for _ in range(workers)]
    shares = [chosen[place::workers] for place in range(workers)]

    def all_of(server: Server, share: list[Mutant]) -> list[Mutant]:
        assert server.killed(None) is False, "the tests fail without any change"
        return [one for one in share if not told(one, killed=server.killed(one))]

    with ThreadPoolExecutor(workers) as pool:
        survived = [one for part in pool.map(all_of, servers, shares) for one in part]
    for server in servers:
        server.close()
    print(f"{target.name}: {len(chosen) - len(survived)} of {len(chosen)} killed, {len(mutants)} there are")
    figures: dict[str, object] = {
        "mutants": len(mutants), "tried": len(chosen), "killed": len(chosen) - len(survived),
        "survived": [vars(one) for one in survived],
    }  # fmt: skip
    return figures, 1 - len(survived) / len(chosen)


def told(mutant: Mutant, *, killed: bool) -> bool:
    """Say what became of a mutant that survived; whether it was killed."""
    if not killed:
        print(f"survived  {mutant.module}:{mutant.line} {mutant.function}: {mutant.change}", flush=True)
    return killed


if __name__ == "__main__":
    sys.exit(main())
