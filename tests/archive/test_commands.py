"""`suanbu archive`, `verify archive` and `rollup` on a journal with something in it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.api_client import ApiClient, KeyClient
from tests.support.records import usage


async def suanbu(app: ApiClient, data: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """The status and the JSON of a command on the journal of `app`."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "api", *arguments, "--json", "--data", str(data)],
        capture_output=True, text=True, check=False, timeout=120, env={**os.environ, "DATABASE_URL": app.url},
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


async def test_what_is_sealed_is_verified_rolled_up_and_missed_when_it_is_touched(
    app: ApiClient, platform: KeyClient, tmp_path: Path
) -> None:
    first = await platform.push(*(usage(f"first-{number}", charge_fen=number) for number in range(20)))
    status, sealed = await suanbu(app, tmp_path, "archive", "--up-to", str(first["batch"]))
    assert status == 0
    assert (sealed["sealed"], sealed["last_batch"], sealed["rows"]) == (1, first["batch"], 20)
    await platform.push({"id": "void", "corrects": "first-7", "action": "void"}, usage("second"))

    status, rolled = await suanbu(app, tmp_path, "rollup", "--threads", "1")
    assert (status, rolled["equal"], rolled["sealed_rows"], rolled["tail_rows"]) == (0, True, 20, 2)
    assert rolled["digest"] == rolled["kept_digest"]
    status, before = await suanbu(app, tmp_path, "rollup", "--as-of", str(first["batch"]))
    assert (status, before["sealed_rows"], before["tail_rows"]) == (0, 20, 0)
    assert before["digest"] != rolled["digest"]

    status, checked = await suanbu(app, tmp_path, "verify", "archive")
    assert (status, checked["equal"], checked["head"]) == (0, True, sealed["digest"])
    (file,) = (tmp_path / "archive").rglob("*.parquet")
    whole = file.read_bytes()
    file.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    status, checked = await suanbu(app, tmp_path, "verify", "archive")
    assert (status, checked["equal"], len(checked["faults"])) == (1, False, 1)
    assert file.name in checked["faults"][0]["name"]
    status, broken = await suanbu(app, tmp_path, "rollup")
    assert status == 1
    assert file.name in broken["broken"]
