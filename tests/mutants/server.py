"""A process that has imported what is mutated and the tests, and forks for every mutant."""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib
import importlib.util
import inspect
import json
import os
import signal
import subprocess
import sys
import time
import types
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from _pytest.mark import ParameterSet

from tests.mutants.changes import Mutant, mutants_of, mutated
from tests.mutants.targets import TARGETS, Target

Case = Callable[[], None]
TOP = Path(__file__).resolve().parents[2]
LONGEST_SECONDS = 120
EXAMPLES = 30
MEASURING = ("meter.in_force", "meter.intake.receive", "meter.rollup.table", "meter.journal.write.recorder")
SETTLING = "settlement.jobs.worlds.run"


def tree_of(module: str) -> ast.Module:
    """The syntax of a module."""
    return ast.parse((TOP / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))


def every_mutant(target: Target) -> list[Mutant]:
    """All mutants of a target, in the order of its modules."""
    return [one for module in target.modules for one in mutants_of(module, tree_of(module))]


class Server:
    """The other end of such a process."""

    def __init__(self, target: Target) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.mutants.server", target.name], cwd=TOP, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def killed(self, mutant: Mutant | None) -> bool:
        """Whether a test fails with the mutant (None: with nothing changed), or does not end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(None if mutant is None else vars(mutant)), file=self._process.stdin, flush=True)
        return self._process.stdout.readline().strip() != "0"

    def close(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def serve(target: Target) -> None:
    """Answer a mutant a line: with the exit status of the tests, or -9."""
    import hypothesis
    import numba

    for name in MEASURING:
        importlib.import_module(name)
    numba.config.DISABLE_JIT = 1  # what settles is plain Python here
    importlib.import_module(SETTLING)
    numba.config.DISABLE_JIT = 0
    for name in target.modules:
        importlib.import_module(name)
    hypothesis.settings.register_profile(
        "mutants",
        deadline=None,
        database=None,
        derandomize=True,
        max_examples=EXAMPLES,
        phases=[hypothesis.Phase.generate],
    )
    hypothesis.settings.load_profile("mutants")
    modules = [importlib.import_module(test.removesuffix(".py").replace("/", ".")) for test in target.tests]
    cases = [case for module in modules for case in cases_of(module)]
    trees = {module: tree_of(module) for module in target.modules}
    for line in sys.stdin:
        said = json.loads(line)
        child = os.fork()
        if child == 0:
            status = 70
            try:
                status = _tested(cases, trees, None if said is None else Mutant(**said))
            finally:
                os._exit(status)
        print(_ended(child), flush=True)


def _tested(cases: list[Case], trees: dict[str, ast.Module], mutant: Mutant | None) -> int:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    if mutant is not None:
        put_in(trees[mutant.module], mutant)
    for case in cases:
        try:
            case()
        except BaseException:
            return 1
    return 0


def cases_of(module: types.ModuleType) -> Iterator[Case]:
    """The tests of a module that need nothing but their parameters, each with every one of these."""
    for name, function in vars(module).items():
        if not name.startswith("test_") or inspect.iscoroutinefunction(function):
            continue
        given: list[dict[str, Any]] = [{}]
        for mark in getattr(function, "pytestmark", ()):
            if mark.name == "parametrize":
                given = [one | more for one in given for more in _parameters(*mark.args[:2])]
        if given and set(inspect.signature(function).parameters) <= set(given[0]):
            yield from (functools.partial(function, **one) for one in given)


def _parameters(names: str | tuple[str, ...], values: Iterable[Any]) -> Iterator[dict[str, Any]]:
    split = [one.strip() for one in names.split(",")] if isinstance(names, str) else list(names)
    for value in values:
        row = value.values if isinstance(value, ParameterSet) else (value if len(split) > 1 else (value,))
        yield dict(zip(split, row, strict=True))


def _ended(child: int) -> int:
    until = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < until:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -9


def put_in(tree: ast.Module, mutant: Mutant) -> None:
    """Give the function that is mutated its new code, wherever it is known already."""
    module = importlib.import_module(mutant.module)
    code: types.CodeType = compile(mutated(tree, mutant), str(module.__file__), "exec")
    found: Any = module
    for name in mutant.function.split("."):
        found = inspect.getattr_static(found, name)
        code = next(one for one in code.co_consts if isinstance(one, types.CodeType) and one.co_name == name)
    function = getattr(found, "fget", None) or getattr(found, "__func__", None) or found
    assert isinstance(function, types.FunctionType), f"{mutant.function} is {found!r}"
    function.__code__ = code


if __name__ == "__main__":
    serve(next(one for one in TARGETS if one.name == sys.argv[1]))
