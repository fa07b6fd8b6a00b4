"""A compiled kernel is used again exactly as long as its file, and all that this imports from, are what they were."""

import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from numba.extending import is_jitted

import meter
import settlement
from meter.kernels.cache import digest_of_sources, package_of

PROJECT = Path(meter.__path__[0]).parent
SOURCES = {
    "__init__.py": "",
    "rates.py": "from sums.units import UNIT\nRATE = 2 * UNIT\n",
    "units.py": "UNIT = 1\n",
    "strangers.py": "UNIT = 5\n",
    "price.py": (
        "from meter.kernels.kernel import kernel\nfrom sums.rates import (\n    RATE,\n)\n\n"
        "@kernel\ndef price(amount):\n    return amount * RATE\n"
    ),
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with a kernel, whose rate is derived from a file that its own file does not import itself."""
    return written(tmp_path)


def written(folder: Path, **changed: str) -> Path:
    """The package below a folder, with other contents for some files."""
    root = folder / "sums"
    root.mkdir(parents=True)
    for name, text in SOURCES.items():
        (root / name).write_text(changed.get(name.removesuffix(".py"), text))
    return root


def priced(package: Path) -> tuple[int, bool]:
    """What a process of its own computes for an amount of 10, and whether it found the kernel compiled."""
    program = "from sums.price import price; print(price(10), sum(price.stats.cache_hits.values()))"
    found = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(package.parent), str(PROJECT)))},
        capture_output=True,
        text=True,
        check=True,
    )
    value, hits = found.stdout.split()
    return int(value), hits == "1"


def test_a_kernel_is_compiled_anew_when_what_it_was_compiled_from_changes_and_only_then(package: Path) -> None:
    assert priced(package) == (20, False)
    assert priced(package) == (20, True)
    (package / "strangers.py").write_text("UNIT = 6\n")
    assert priced(package) == (20, True)
    (package / "units.py").write_text("UNIT = 7\n")
    assert priced(package) == (140, False)
    assert priced(package) == (140, True)


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({}, True),
        ({"strangers": "UNIT = 6\n"}, True),
        ({"units": "UNIT = 2\n"}, False),
        ({"rates": "from sums.units import UNIT\nRATE = 3 * UNIT\n"}, False),
        ({"__init__": "RATE = 3\n"}, True),  # nothing is imported from it
        ({"price": SOURCES["price.py"] + "# a word\n"}, False),
    ],
)
def test_the_stamp_covers_all_that_is_imported_from_and_nothing_else(
    package: Path, tmp_path: Path, changed: dict[str, str], same: bool
) -> None:
    other = written(tmp_path / "elsewhere", **changed)
    stamps = {digest_of_sources(root / "price.py", (root, Path(meter.__path__[0]))) for root in (package, other)}
    assert (len(stamps) == 1) == same


@pytest.mark.parametrize(
    "words",
    [
        "import sums.units",
        "import os, sums.units as units",
        "from sums import rates, units",
        "from sums import (rates,\n    units as measure)",
        "if True:\n    from sums.units import UNIT",
    ],
)
def test_every_way_to_import_is_followed(tmp_path: Path, words: str) -> None:
    roots = [
        written(tmp_path / "one", price=words + "\n"),
        written(tmp_path / "other", price=words + "\n", units="UNIT = 2\n"),
    ]
    one, other = (digest_of_sources(root / "price.py", (root,)) for root in roots)
    assert one != other


def modules_of(package: str, path: list[str]) -> Iterator[str]:
    """The names of all modules below a package."""
    return (found.name for found in pkgutil.walk_packages(path, package + "."))


def test_every_kernel_of_the_project_bears_the_stamp_of_its_sources() -> None:
    seen = 0
    for package in (meter, settlement):
        for name in modules_of(package.__name__, list(package.__path__)):
            for thing in vars(import_module(name)).values():
                if not is_jitted(thing):
                    continue
                file = Path(thing.py_func.__code__.co_filename)
                roots = tuple({package_of(file), Path(meter.__path__[0])})
                assert thing._cache._cache_file._source_stamp == digest_of_sources(file, roots), f"{name}: {thing}"
                assert thing.targetoptions["nogil"], f"{name}: {thing}"
                seen += 1
    assert seen > 80


def test_only_the_decorator_speaks_to_the_compiler() -> None:
    files = [file for package in (meter, settlement) for file in Path(package.__path__[0]).rglob("*.py")]
    assert len(files) > 150
    for file in files:
        if file.name != "kernel.py":
            assert "njit" not in file.read_text(encoding="utf-8"), f"{file}: @kernel is the one decorator"
