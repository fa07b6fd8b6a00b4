"""What is taken from the inside of a library is taken in one file, is there, and stays within one minor version."""

from __future__ import annotations

import inspect
import re
import tomllib
from pathlib import Path

import pytest
from starlette.requests import Request
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.supervisors.multiprocess import Multiprocess, Process

TOP = Path(__file__).resolve().parents[2]
PRIVATES = {
    "asyncpg": (r"\bconnection\._transport\b", {"meter/database/asyncpg_private.py"}),
    "numba": (r"\._cache_file\b|\b_source_stamp\b", {"meter/kernels/cache.py"}),
    "starlette": (r"\brequest\._body\b", {"api/http/body_budget.py"}),
    "uvicorn": (
        r"uvicorn\.(protocols|supervisors)\b", {"api/http/protocol.py", "api/process/workers.py"},
    ),
}  # fmt: skip
"""How the inside of a library is spelled, and who may: of uvicorn a file for its protocol, one for its parent."""


@pytest.mark.parametrize("library", PRIVATES)
def test_the_inside_of_a_library_is_touched_in_its_own_file(library: str) -> None:
    spelled, places = PRIVATES[library]
    files = [path for name in ("meter", "settlement", "api", "migrations") for path in (TOP / name).rglob("*.py")]
    found = {str(path.relative_to(TOP)) for path in files if re.search(spelled, path.read_text("utf-8"))}
    assert found == places


@pytest.mark.parametrize("library", PRIVATES)
def test_such_a_library_is_pinned_to_its_minor_version(library: str) -> None:
    wanted = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    (pin,) = [one for one in wanted if re.match(rf"{library}\b", one)]
    bounds = re.search(r">=(\d+)\.(\d+),<(\d+)\.(\d+)$", pin)
    assert bounds, pin
    major, minor, next_major, next_minor = map(int, bounds.groups())
    assert (next_major, next_minor) == (major, minor + 1)


def test_a_request_keeps_its_body_where_it_is_put() -> None:
    assert re.search(r'hasattr\(self, "_body"\)', inspect.getsource(Request.body)), "it looks elsewhere for it now"


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (HttpToolsProtocol, "transport parser headers url scope cycle pipeline loop _unset_keepalive_if_required"),
        (RequestResponseCycle, "body response_started response_complete disconnected message_event"),
        (Multiprocess, "processes processes_num should_exit sockets config keep_subprocess_alive"),
        (Process, "start kill join is_alive pid"),
    ],
)
def test_what_is_extended_of_uvicorn_has_what_is_used(kind: type, names: str) -> None:
    source = inspect.getsource(kind)
    assert [name for name in names.split() if not re.search(rf"\bself\.{name}\b|\bdef {name}\b", source)] == []
    assert STATUS_LINE[400].startswith(b"HTTP/1.1 400 ")


def test_the_methods_that_are_overridden_are_called_by_the_parser() -> None:
    from api.http.protocol import Protocol
    from api.process.workers import Workers

    added = {"data_received", "on_chunk_header"}  # asyncio and the parser call these by name
    for own, base in ((Protocol, HttpToolsProtocol), (Workers, Multiprocess)):
        overridden = {name for name in vars(own) if not name.startswith("_")} - added
        assert overridden
        assert {name for name in overridden if not hasattr(base, name)} == set()
