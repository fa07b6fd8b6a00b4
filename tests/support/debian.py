"""Programs from Debian's packages that a test runs; one that is missing is installed where that is possible."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

_PLACES = ("/usr/bin", "/usr/sbin", "/bin", "/sbin")


def program(name: str, package: str, *, folder: str | None = None) -> Path:
    """Give the path of a program, from PATH or from `folder` when it is named.

    A missing one is installed from its package by root; anybody else gets a failing test that says what to install.
    """
    found = _find(name, folder)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        _install(package)
        found = _find(name, folder)
    if found is None:
        pytest.fail(f"this test runs {name}, which is missing: apt-get install {package}")
    return found


def fonts(language: str, package: str) -> None:
    """See to it that there are letters of a language; missing ones are installed, or the test says what to install."""
    listed = program("fc-list", "fontconfig")

    def known() -> bool:
        return bool(subprocess.run([listed, f":lang={language}"], capture_output=True, check=False).stdout.strip())

    if not known() and os.geteuid() == 0 and shutil.which("apt-get"):
        _install(package)
    if not known():
        pytest.fail(f"this test draws text in {language}, for which there are no letters: apt-get install {package}")


def _find(name: str, folder: str | None) -> Path | None:
    path = folder or os.pathsep.join((os.environ.get("PATH", ""), *_PLACES))
    found = shutil.which(name, path=path)
    return Path(found) if found else None


def _install(package: str) -> None:
    """Install one package, one worker of the tests at a time; no service of it is started."""
    lock = Path(tempfile.gettempdir()) / "suanbu-tests-packages.lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        apt = ("apt-get", "-o", "DPkg::Lock::Timeout=300", "-qq")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        for step in ((*apt, "update"), (*apt, "install", "--yes", "--no-install-recommends", package)):
            subprocess.run(step, env=environment, capture_output=True, check=False, timeout=600)
