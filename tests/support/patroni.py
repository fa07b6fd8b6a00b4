"""Two PostgreSQLs under Debian's Patroni and etcd, with the settings that deploy/patroni has, and ways to lose one."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from meter.database import embedded_host as host
from tests.support.debian import program
from tests.support.own_server import DEBIAN
from tests.support.postgres import folder_for_postgres

TEMPLATE = Path(__file__).parents[2] / "deploy" / "patroni" / "suanbu.yml"
PATIENCE_SECONDS = 180
PASSWORD = "for tests"


class Node:
    """One PostgreSQL with the Patroni that keeps it."""

    def __init__(self, name: str, folder: Path, etcd: str) -> None:
        self.name = name
        self.folder = folder / name
        self.port, self._rest = host.free_port(), host.free_port()
        self.folder.mkdir()
        self._process: subprocess.Popen[bytes] | None = None
        said = {
            "NAME": name, "HOST": "127.0.0.1", "REST_PORT": str(self._rest), "ETCD": etcd,
            "DATA": f"{self.folder}/files", "FOLDER": str(self.folder), "SUPERUSER_PASSWORD": PASSWORD,
            "REPLICATION_PASSWORD": PASSWORD, "NETWORK": "127.0.0.1/32",
        }  # fmt: skip
        text = TEMPLATE.read_text()
        for word, value in said.items():
            text = text.replace(word, value)
        (self.folder / "patroni.yml").write_text(text.replace("127.0.0.1:PORT", f"127.0.0.1:{self.port}"))

    def start(self) -> None:
        """Start Patroni, which starts the server."""
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            [program("patroni", "patroni"), str(self.folder / "patroni.yml")],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, cwd="/", **identity(),
        )  # fmt: skip

    def lose(self) -> None:
        """Kill Patroni and every process of its server at once, as a machine that loses its power."""
        assert self._process is not None
        with contextlib.suppress(OSError, ValueError, IndexError):
            first = int((self.folder / "files" / "postmaster.pid").read_text().split()[0])
            children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
            for process in (first, *map(int, children)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def asked(self, path: str) -> dict[str, Any]:
        """What Patroni answers; nothing where it does not."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._rest}/{path}", timeout=5) as answer:
                return dict(json.load(answer))
        except (OSError, ValueError):
            return {}


class Pair:
    """Two nodes."""

    def __init__(self, folder: Path, etcd: str) -> None:
        self.nodes = [Node(name, folder, etcd) for name in ("one", "two")]

    def url(self, database: str = "postgres") -> str:
        """The URL with both hosts."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"postgresql://postgres:{PASSWORD.replace(' ', '%20')}@{hosts}/{database}"

    def leader(self) -> Node:
        """The node that leads, once there is one and the other is its synchronous standby."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            for node in self.nodes:
                told = {one["role"]: one for one in node.asked("cluster").get("members", [])}
                if "sync_standby" in told and told.get("leader", {}).get("name") == node.name:
                    return node
            time.sleep(0.3)
        logs = "\n".join((node.folder / "log").read_text(errors="replace")[-1500:] for node in self.nodes)
        raise AssertionError(f"no node leads with a synchronous standby:\n{logs}")


def identity() -> dict[str, Any]:
    """As whom the processes run: PostgreSQL refuses root."""
    user = host.unprivileged_user()
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwuid(user).pw_gid, "extra_groups": []}


@contextlib.contextmanager
def pair() -> Iterator[Pair]:
    """A running pair with a leader and its synchronous standby."""
    program("postgres", "postgresql-15", folder=DEBIAN)
    with folder_for_postgres() as folder, etcd(folder) as place:
        made = Pair(folder, place)
        give(folder)
        try:
            made.nodes[0].start()
            made.nodes[1].start()
            made.leader()
            yield made
        finally:
            for node in made.nodes:
                node.lose()


@contextlib.contextmanager
def etcd(folder: Path) -> Iterator[str]:
    """An etcd of one; where it listens."""
    client, peer = host.free_port(), host.free_port()
    (folder / "etcd").mkdir()
    give(folder)
    started = subprocess.Popen(
        [
            program("etcd", "etcd-server"), "--name", "one", "--data-dir", str(folder / "etcd" / "data"),
            "--listen-client-urls", f"http://127.0.0.1:{client}", "--advertise-client-urls",
            f"http://127.0.0.1:{client}", "--listen-peer-urls", f"http://127.0.0.1:{peer}",
            "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}", "--initial-cluster",
            f"one=http://127.0.0.1:{peer}",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, cwd="/", **identity(),
    )  # fmt: skip
    try:
        yield f"127.0.0.1:{client}"
    finally:
        started.kill()
        started.wait()


def give(place: Path) -> None:
    """Let folders and files be those of whom the processes run as."""
    user = host.unprivileged_user()
    if user is not None:
        for path in (place, *place.rglob("*")):
            os.chown(path, user, -1)
