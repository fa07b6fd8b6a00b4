"""Compiled kernels do not outlive the code that they were compiled from."""

from __future__ import annotations

from pathlib import Path

import pytest

import api.process.kernel_cache
from api.process.kernel_cache import STAMP, digest_of_kernels, forget_stale_kernels


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kernel kept beside code of our own."""
    for package in ("meter", "settlement"):
        folder = tmp_path / package / "part" / "__pycache__"
        folder.mkdir(parents=True)
        monkeypatch.setattr(
            getattr(api.process.kernel_cache, package), "__file__", str(tmp_path / package / "__init__.py")
        )
    (tmp_path / "meter" / "__pycache__").mkdir()
    kernel = tmp_path / "settlement" / "part" / "__pycache__" / "award.py311.1.nbc"
    kernel.write_bytes(b"machine code")
    return kernel


def test_kernels_of_other_code_are_forgotten_and_those_of_this_code_kept(kept: Path, tmp_path: Path) -> None:
    stamp = tmp_path / "meter" / "__pycache__" / STAMP
    stamp.write_text("yesterday's")
    assert forget_stale_kernels()
    assert not kept.exists()
    kept.write_bytes(b"machine code")
    assert not forget_stale_kernels()
    assert kept.exists()


def test_kernels_that_nobody_vouches_for_are_forgotten(kept: Path) -> None:
    assert forget_stale_kernels()
    assert not kept.exists()


def test_kernels_hang_on_their_files_and_on_what_these_import(kept: Path, tmp_path: Path) -> None:
    assert kept.exists()
    roots = [tmp_path / "meter", tmp_path / "settlement"]
    (roots[0] / "sums.py").write_text("from numba import njit\nfrom meter.limits import MOST\n")
    (roots[0] / "limits.py").write_text("MOST = 1\n")
    (roots[1] / "store.py").write_text("SQL = 'select 1'\n")
    before = digest_of_kernels(roots)
    (roots[1] / "store.py").write_text("SQL = 'select 2'\n")
    assert digest_of_kernels(roots) == before
    (roots[0] / "limits.py").write_text("MOST = 2\n")
    assert digest_of_kernels(roots) != before
