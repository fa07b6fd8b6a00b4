"""When a compiled kernel on disk is out of date: when its own file, or any file that it imports from, has changed.

numba stamps what it keeps with the kernel's own file. A kernel that calls another file's kernel, or uses its constants,
is compiled with them, and would go on with the old ones after an upgrade. So the stamp here covers every file of the
project that the kernel's file imports from, and those that these import from; other changes recompile nothing.

This is the only file that touches a private of numba (`_cache._cache_file._source_stamp`, see `stamp_with_sources`);
`tests/kernels/test_cache.py` fails when a new version keeps its stamp elsewhere.
"""

import hashlib
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

# every import of a file, indented ones too; what the text of a docstring adds does no harm
_FROM = re.compile(r"^[ \t]*from[ \t]+([\w.]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n]*)", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*import[ \t]+([^\n]+)", re.MULTILINE)
_NAME = re.compile(r"\w+")
_DOTTED = re.compile(r"[\w.]+")


def stamp_with_sources(dispatcher: Any, file: Path) -> None:
    """Make numba take for stale whatever it keeps of a kernel of `file` that was compiled from other sources."""
    kept = dispatcher._cache._cache_file
    assert hasattr(kept, "_source_stamp"), "numba keeps its cache's stamp elsewhere now: kernels could go stale"
    kept._source_stamp = digest_of_sources(file, tuple({package_of(file), package_of(Path(__file__))}))


def package_of(file: Path) -> Path:
    """Return the folder of the outermost package that a file lies in."""
    folder = file.parent
    while (folder.parent / "__init__.py").exists():
        folder = folder.parent
    return folder


@lru_cache
def digest_of_sources(file: Path, packages: tuple[Path, ...]) -> str:
    """Return a digest over a file and all it imports from, directly or not, as far as they lie in `packages`."""
    roots = {package.name: package for package in packages}
    found = {file}
    waiting = [file]
    while waiting:
        fresh = _imported(waiting.pop(), roots) - found
        found |= fresh
        waiting += fresh
    state = hashlib.sha256()
    for name, path in sorted((_name_of(path, roots), path) for path in found):
        state.update(f"{name} {hashlib.sha256(_text(path).encode()).hexdigest()}\n".encode())
    return state.hexdigest()


@cache
def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def _name_of(file: Path, roots: Mapping[str, Path]) -> str:
    """Return a name that does not depend on where the project is installed."""
    root = next((root for root in roots.values() if file.is_relative_to(root)), file.parent)
    return file.relative_to(root.parent).as_posix()


def _imported(file: Path, roots: Mapping[str, Path]) -> set[Path]:
    """Return the files below `roots` that a file imports from."""
    text = _text(file)
    modules: set[str] = set()
    for origin, names in _FROM.findall(text):
        assert not origin.startswith("."), f"{file}: kernels are not followed through relative imports"
        if origin.partition(".")[0] in roots:  # a name may be a module of its own
            modules |= {origin, *(f"{origin}.{name}" for name in _NAME.findall(names))}
    for names in _IMPORT.findall(text):
        modules |= {name for name in _DOTTED.findall(names) if name.partition(".")[0] in roots}
    return {path for module in modules if (path := _file_of(module, roots)) is not None}


@cache
def _is_file(path: Path) -> bool:
    return path.is_file()


def _file_of(module: str, roots: Mapping[str, Path]) -> Path | None:
    """Return where a module's source lies; None for a name of no module."""
    first, *others = module.split(".")
    place = roots[first].joinpath(*others)
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if _is_file(path):
            return path
    return None
