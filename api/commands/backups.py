"""Taking a backup and putting it back: what `suanbu backup` and `suanbu restore` do."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import typer

from api.commands.checkpoint import checkpoint
from meter.database import base_backup
from meter.database.bootstrap import SUPERUSER
from meter.database.connect import connect
from meter.database.embedded import embedded
from meter.database.roles import SERVICE_ROLE
from meter.database.seal import ENVIRONMENT, KEY_FILE
from meter.database.two_holders import CannotOpen, open_with_two, seal_for_holders
from meter.private_files import make_folders, write_privately
from migrations.revisions import applied_to
from settlement.checkpoint import signature

FORMAT: Final = "suanbu-backup/1"
KEYS: Final = (KEY_FILE, signature.KEY_FILE, signature.PUBLIC_FILE, "postgres.password", "postgres.logins")
RECOVERY_SECONDS: Final = 24 * 3600.0
STATEMENT, SEALED, WAL = "backup.json", "keys.sealed", "wal"


def take(to: Path, holder: Sequence[Path], data: Path, keep: int | None) -> None:
    """Back up database, keys, archive and a signed checkpoint."""
    to = to.resolve()
    make_folders(to)
    to.chmod(0o711)
    now = datetime.now(UTC)
    place = to / now.strftime("%Y%m%dT%H%M%SZ")
    part = to / f"{place.name}.part"
    part.mkdir(mode=0o700)
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # first: its key is among the keys, what it signs in the copy
            checkpoint(part / "checkpoint", data)
        sealed = seal_for_holders(_keys_of(data), [_passphrase(file) for file in holder])
        with _server(data) as url:
            statement = {"format": FORMAT, "made_at": now.isoformat(), **asyncio.run(_copy(url, part, to))}
        write_privately(part / SEALED, sealed + "\n")
        if (data / "archive").exists():
            shutil.copytree(data / "archive", part / "archive")
        write_privately(part / STATEMENT, json.dumps(statement, indent=1) + "\n")
    except BaseException as error:
        shutil.rmtree(part, ignore_errors=True)
        if isinstance(error, ValueError):
            raise typer.BadParameter(str(error)) from None
        raise
    part.rename(place)  # from here on it is whole
    print(f"{place}: {statement['kind']} of PostgreSQL {statement['major']}, {statement['batch']} batches")
    if statement.get("log") is False:
        print("the log since is kept from the server's next start on: until then a restore ends at this backup")
    if keep is not None:
        print(f"{_drop(to, keep)} older backups deleted")


async def _copy(url: str, part: Path, to: Path) -> dict[str, Any]:
    """Copy the database; what it was."""
    found: dict[str, Any] = {"own_server": bool(os.environ.get("DATABASE_URL"))}
    opened = await connect(url, application="suanbu backup")
    try:
        kind, major = await base_backup.kind_for(opened)
        found |= {"kind": kind, "major": major}
        if kind == base_backup.BASE and not found["own_server"]:
            log = to / WAL
            log.mkdir(mode=0o700, exist_ok=True)
            base_backup.give_to_server(log)
            found["log"] = await base_backup.keep_log(opened, log)
    finally:
        await opened.close()
    found |= await _head(url)  # before the copy: what it tells is in it
    if kind == base_backup.BASE:
        await asyncio.to_thread(base_backup.take_base, url, part / "database", major)
    else:
        await asyncio.to_thread(base_backup.take_dump, url, part / "database.dump", major)
    if found.get("log"):
        opened = await connect(url, application="suanbu backup")
        try:
            await base_backup.must_keep_log(opened)
        finally:
            await opened.close()
    return found


async def _head(url: str) -> dict[str, Any]:
    """The journal's head and the shape's revision, read as the service where the one that copies may read no table."""
    service = os.environ.get("DATABASE_URL")
    opened = await connect(service or url, application="suanbu backup", role=SERVICE_ROLE)
    try:
        return {"revision": await applied_to(opened), **await base_backup.head_of(opened)}
    finally:
        await opened.close()


def put_back(place: Path, holder: Sequence[Path], data: Path, to: str | None) -> None:
    """Put a backup back into a data directory that is empty."""
    statement = json.loads((place / STATEMENT).read_text())
    moment = _moment(to, statement)
    if data.exists() and any(data.iterdir()):
        raise typer.BadParameter(f"{data} is not empty: a restore overwrites nothing")
    if len(holder) != 2:
        raise typer.BadParameter("two holders open the keys: name --holder twice")
    try:
        keys = open_with_two((place / SEALED).read_text(), *(_passphrase(file) for file in holder))
    except CannotOpen as error:
        raise typer.BadParameter(str(error)) from None
    make_folders(data)
    for name, text in keys.items():
        write_privately(data / name, text)
    if (place / "archive").exists():
        shutil.copytree(place / "archive", data / "archive")
    own = bool(statement["own_server"])
    if statement["kind"] == base_backup.DUMP:
        _load(place, statement)
    elif own:
        base_backup.put_base(place / "database", data / "postgres", None, None)
        base_backup.give_to_server(data / "postgres")
        print(f"{data / 'postgres'} has the server's files: move them to where it runs, set restore_command and")
        print(
            "recovery_target_time in its postgresql.conf, touch recovery.signal, start it (docs/operations.md, Restore)"
        )
        return
    else:
        _put(place, data.resolve(), statement, moment)
    _tell(data, statement)


def _put(place: Path, data: Path, statement: Mapping[str, Any], moment: datetime | None) -> None:
    log = place.parent.resolve() / WAL
    base_backup.put_base(place / "database", data / "postgres", log if statement.get("log") else None, moment)
    base_backup.give_to_server(data / "postgres")
    with embedded(data, start_seconds=RECOVERY_SECONDS):  # comes up when it has gone on to the end
        pass
    base_backup.settle_down(data / "postgres")


def _load(place: Path, statement: Mapping[str, Any]) -> None:
    url = os.environ.get("SUANBU_BACKUP_URL") or os.environ.get("DATABASE_URL")
    if not url:
        raise typer.BadParameter("this is a dump: name an empty database in DATABASE_URL")
    base_backup.put_dump(url, place / "database.dump", int(statement["major"]))


def _tell(data: Path, statement: Mapping[str, Any]) -> None:
    """Say where the journal ends now; exit status 1 where it does not hold what was backed up."""
    with _server(data) as url:
        found = asyncio.run(_found(url, int(statement["batch"])))
    if found["digest_then"] != statement["digest"]:
        print(
            f"suanbu: batch {statement['batch']} is not what was backed up: {found['digest_then'] or 'not there'}",
            file=sys.stderr,
        )
        raise typer.Exit(1)
    print(f"{data}: {found['batch']} batches, the last of {found['recorded_at']}; {found['digest']}")
    print("now: suanbu verify journal, suanbu verify archive, and suanbu verify --checkpoint with the newest one kept")


async def _found(url: str, batch: int) -> dict[str, Any]:
    opened = await connect(url, application="suanbu restore", role=SERVICE_ROLE)
    try:
        return {**await base_backup.head_of(opened), "digest_then": await base_backup.digest_at(opened, batch)}
    finally:
        await opened.close()


@contextlib.contextmanager
def _server(data: Path) -> Iterator[str]:
    """Lend the URL of who may copy a whole server: of an embedded one its superuser."""
    given = os.environ.get("SUANBU_BACKUP_URL") or os.environ.get("DATABASE_URL")
    if given:
        yield given
    else:
        with embedded(data) as server:
            yield server.socket_url(SUPERUSER)


def _keys_of(data: Path) -> dict[str, str]:
    found = {name: (data / name).read_text() for name in KEYS if (data / name).exists()}
    if KEY_FILE not in found and os.environ.get(ENVIRONMENT):
        found[KEY_FILE] = os.environ[ENVIRONMENT] + "\n"
    if KEY_FILE not in found:
        raise ValueError(
            f"there is no {KEY_FILE} in {data} and no {ENVIRONMENT}: without it no account can be read again"
        )
    return found


def _passphrase(file: Path) -> str:
    return file.read_text().strip()


def _moment(given: str | None, statement: Mapping[str, Any]) -> datetime | None:
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise typer.BadParameter(f"--to {given} is no moment: 2026-03-01T12:00:00+08:00 is one") from None
    if moment.tzinfo is None:
        raise typer.BadParameter("--to needs an offset: 2026-03-01T12:00:00+08:00")
    if moment < datetime.fromisoformat(str(statement["made_at"])):
        raise typer.BadParameter(f"this backup was made at {statement['made_at']}: take an earlier one")
    if not statement.get("log"):
        raise typer.BadParameter("no log was kept since this backup: it restores to its own moment only")
    return moment


def _drop(to: Path, keep: int) -> int:
    made = sorted(folder for folder in to.iterdir() if (folder / STATEMENT).exists())
    old, kept = made[:-keep], made[-keep:]
    for folder in old:
        shutil.rmtree(folder)
    label = kept[0] / "database" / "backup_label"
    if label.exists() and (to / WAL).exists():
        base_backup.drop_log_before(to / WAL, base_backup.started_in(kept[0] / "database"))
    return len(old)
