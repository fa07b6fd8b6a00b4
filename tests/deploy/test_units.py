"""Units, proxy and image: the real programs accept them, and what they run is a command of suanbu."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.commands import command_line
from tests.deploy.dockerfile import command, stages
from tests.support.debian import program

HERE = Path(__file__).parents[2]
UNITS = sorted((HERE / "deploy" / "systemd").glob("*.service"))
EXPOSURE_MOST = 20  # of systemd-analyze's 0 to 100; what is left is a root of its own and the network, which it needs


def understood(words: list[str]) -> bool:
    """Return whether suanbu understands these words; nothing of what they ask for is done."""
    return CliRunner().invoke(command_line(None), [*words, "--help"]).exit_code == 0


def started(unit: Path) -> list[str]:
    (line,) = re.findall(r"^ExecStart=(.+)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
    return shlex.split(line)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_a_unit_starts_a_command_that_there_is(unit: Path) -> None:
    binary, *words = started(unit)
    assert binary == "/opt/suanbu/bin/suanbu"
    assert understood(words)


def test_the_image_starts_a_command_that_there_is_and_not_as_root() -> None:
    image = stages(HERE / "Dockerfile")[-1]
    binary, *words = command(image.last("CMD"))
    assert binary == "suanbu"
    assert understood(words)
    assert image.last("USER") not in ("0", "root")
    assert command(image.last("HEALTHCHECK"))[0] == "python"


def test_the_image_installs_what_it_runs_and_nothing_for_development() -> None:
    text = (HERE / "Dockerfile").read_text(encoding="utf-8")
    assert "-r requirements.runtime.lock" in text
    assert not re.search(r"requirements\.lock", text)
    runtime = (HERE / "requirements.runtime.lock").read_text(encoding="utf-8")
    development = (HERE / "requirements.lock").read_text(encoding="utf-8")
    pins = set(re.findall(r"^[\w.-]+==[^ ]+", runtime, re.MULTILINE))
    assert pins <= set(re.findall(r"^[\w.-]+==[^ ]+", development, re.MULTILINE)), "not what was tested: make lock"
    assert not re.search(r"^(pytest|ruff|mypy|hypothesis)==", runtime, re.MULTILINE)
    project = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {re.match(r"[\w-]+", one)[0].lower() for one in project["dependencies"]}  # type: ignore[index]
    assert needed <= set(re.findall(r"^([\w-]+)==", runtime, re.MULTILINE)), "make lock"
    for stage in stages(HERE / "Dockerfile"):
        assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", stage.base), "the base is not pinned"


def test_kernels_are_kept_where_the_units_may_write() -> None:
    """Numba takes a cache only where it may write; anywhere else every start would compile for minutes."""
    environment = (HERE / "deploy" / "systemd" / "suanbu.env").read_text(encoding="utf-8")
    (place,) = re.findall(r"^NUMBA_CACHE_DIR=/var/lib/(\w+)/kernels$", environment, re.MULTILINE)
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8")
        assert "suanbu.env" not in text or f"StateDirectory={place}\n" in text
    said = (HERE / "docs" / "operations.md").read_text(encoding="utf-8")
    assert f"NUMBA_CACHE_DIR=/var/lib/{place}/kernels" in said


@pytest.mark.parametrize("wrong", [["serv"], ["serve", "--prot", "1"], ["jobs", "wrk"], ["serve", "--workers"]])
def test_a_command_that_there_is_not_is_noticed(wrong: list[str]) -> None:
    assert not understood(wrong)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_systemd_accepts_a_unit_and_finds_it_closed(unit: Path, tmp_path: Path) -> None:
    analyze = program("systemd-analyze", "systemd")
    text = unit.read_text(encoding="utf-8")
    here = tmp_path / unit.name
    here.write_text(
        text.replace("/opt/suanbu/bin/suanbu", "/bin/true"), encoding="utf-8"
    )  # it wants a file that is there
    checked = subprocess.run((analyze, "verify", "--man=no", here), capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert unit.name not in checked.stderr, checked.stderr
    closed = subprocess.run(
        (analyze, "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE_MOST}", here),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert closed.returncode == 0, closed.stdout[-2000:]


def test_caddy_accepts_the_proxy() -> None:
    caddy = program("caddy", "caddy")
    file = HERE / "deploy" / "proxy" / "Caddyfile"
    checked = subprocess.run(
        (caddy, "validate", "--adapter", "caddyfile", "--config", file), capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
