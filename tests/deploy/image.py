"""Builds and runs the image without a container engine: the Dockerfile's own steps, in clean roots of Debian.

sudo python -m tests.deploy.image [--bind FOLDER ...] [--keep FOLDER]

Each stage begins with a minimal Debian that has Python and nothing else. The result is started as the Dockerfile's user
on a root that is mounted read-only, with /data and /tmp alone writable; its health check must pass, a usage record must
be taken, and SIGTERM must end it, its PostgreSQL included. Needs root and mmdebstrap; about four minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.deploy.dockerfile import Stage, command, stages

HERE = Path(__file__).parents[2]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
READY_SECONDS = 180
STOP_SECONDS = 30


def main() -> None:
    """Build, run, check; print what was found."""
    parser = argparse.ArgumentParser(prog="tests.deploy.image", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--bind", type=Path, action="append", default=[], help="a folder that pip needs, such as wheels"
    )
    parser.add_argument("--keep", type=Path, help="build in this folder and leave it; built there before, only run it")
    asked = parser.parse_args()
    with contextlib.ExitStack() as leaving:
        folder = asked.keep or Path(leaving.enter_context(tempfile.TemporaryDirectory(prefix="suanbu-image-")))
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        last = stages(HERE / "Dockerfile")[-1]
        root = folder / f"stage-{last.name}"
        if not root.exists():
            root = build(folder, asked.bind)
        run(root, last)


def build(folder: Path, binds: Sequence[Path]) -> Path:
    """Build every stage in a root of its own; give the last one's."""
    base = folder / "base"
    _say("a minimal Debian with Python")
    subprocess.run(
        ("mmdebstrap", "--quiet", "--variant=minbase", "--include=python3,python3-venv,ca-certificates,passwd",
         "bookworm", str(base)),
        check=True,
    )  # fmt: skip
    (base / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    roots: dict[str, Path] = {}
    for stage in stages(HERE / "Dockerfile"):
        root = folder / f"stage-{stage.name}"
        subprocess.run(("cp", "-a", "--reflink=auto", str(base), str(root)), check=True)
        roots[stage.name] = root
        _Building(root, roots, binds).all(stage)
    return root


class _Building:
    """Carries out the steps of one stage in its root."""

    def __init__(self, root: Path, roots: Mapping[str, Path], binds: Sequence[Path]) -> None:
        self.root, self.roots, self.binds = root, roots, binds
        self.folder, self.environment = "/", {"PATH": PATH, "HOME": "/root"}

    def all(self, stage: Stage) -> None:
        """Carry out every step."""
        for word, rest in stage.steps:
            if step := getattr(self, f"_{word.lower()}", None):
                _say(f"{stage.name}: {word} {rest[:90]}")
                step(rest)

    def _workdir(self, rest: str) -> None:
        self.folder = rest
        (self.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def _env(self, rest: str) -> None:
        self.environment |= environment_of(rest, self.environment)

    def _copy(self, rest: str) -> None:
        words = shlex.split(rest)
        options = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
        *sources, target = [word for word in words if not word.startswith("--")]
        origin = self.roots[options["from"]] if "from" in options else HERE
        ignored = None if "from" in options else _compiled  # what a checkout holds beside what is committed
        place = self.root / (target.lstrip("/") if target.startswith("/") else f"{self.folder}/{target}".lstrip("/"))
        for source in sources:
            found = origin / source.lstrip("/")
            into = place / found.name if target.endswith("/") else place
            if found.is_dir():
                shutil.copytree(found, into, symlinks=True, dirs_exist_ok=True, ignore=ignored)
            else:
                into.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(found, into)
            if owner := options.get("chown"):
                subprocess.run(("chown", "-R", owner, str(into)), check=True)

    def _run(self, rest: str) -> None:
        """Run a step as root, with what pip on this machine needs, and leave none of that behind."""
        pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        mounts = ["mount -t proc proc {root}/proc", "mount --bind /dev {root}/dev"]
        seen = ("/etc/resolv.conf", "/etc/pip.conf", "/etc/xdg/pip", "/etc/ssl/certs", *map(str, self.binds))
        for place in filter(os.path.exists, seen):
            inside = self.root / place.lstrip("/")
            if Path(place).is_dir():
                inside.mkdir(parents=True, exist_ok=True)
            elif not inside.exists():
                inside.parent.mkdir(parents=True, exist_ok=True)
                inside.touch()
            mounts.append(f"mount --bind {shlex.quote(place)} {{root}}{shlex.quote(place)}")
        script = f"cd {shlex.quote(self.folder)} && {rest}"
        mounts.append(f"exec chroot {{root}} /bin/sh -c {shlex.quote(script)}")
        steps = " && ".join(mounts).format(root=shlex.quote(str(self.root)))
        subprocess.run(
            ("unshare", "--mount", "--pid", "--fork", "/bin/sh", "-c", steps),
            check=True, env=self.environment | pip,
        )  # fmt: skip


def environment_of(rest: str, before: Mapping[str, str]) -> dict[str, str]:
    """Give what one ENV sets, with $NAME filled in from what was set before."""
    filled = re.sub(r"\$(\w+)", lambda found: before.get(found[1], ""), rest)
    return dict(word.split("=", 1) for word in shlex.split(filled))


def run(root: Path, stage: Stage) -> None:
    """Start the image as its user on a read-only root and use it. Raises AssertionError where it does not do."""
    environment = {"PATH": PATH}
    for word, rest in stage.steps:
        if word == "ENV":
            environment |= environment_of(rest, environment)
    user = stage.last("USER")
    assert user not in ("0", "root"), "the image runs as root"
    megabytes = (
        sum(file.lstat().st_size for file in root.rglob("*") if file.is_file() and not file.is_symlink()) // 10**6
    )
    bare = root.parent / "base"
    added = megabytes - sum(f.lstat().st_size for f in bare.rglob("*") if f.is_file() and not f.is_symlink()) // 10**6
    _say(f"the image: {megabytes} MB, of which {added} are ours")
    data = root.parent / "data"
    shutil.rmtree(data, ignore_errors=True)
    subprocess.run(("cp", "-a", str(root / "data"), str(data)), check=True)  # as an engine fills a new volume
    serving = subprocess.Popen(_inside(root, data, user, command(stage.last("CMD"))), env=environment)
    try:
        started = time.monotonic()
        check = command(stage.last("HEALTHCHECK"))
        while subprocess.run(_entered(serving.pid, root, user, check), env=environment, capture_output=True).returncode:
            assert serving.poll() is None, "the service ended by itself"
            assert time.monotonic() - started < READY_SECONDS, "it never became healthy"
            time.sleep(1)
        _say(f"healthy after {time.monotonic() - started:.0f} s, its root read-only")
    finally:
        asked = time.monotonic()
        _first_child(serving.pid, signal.SIGTERM)
        serving.wait(STOP_SECONDS)
    assert not (data / "postgres/postmaster.pid").exists(), "PostgreSQL was not shut down"
    _say(f"stopped {time.monotonic() - asked:.1f} s after SIGTERM, PostgreSQL shut down")


def _inside(root: Path, data: Path, user: str, words: Sequence[str]) -> list[str]:
    """Give the command that runs words in the root: read-only, but for /data and /tmp; a process tree of its own."""
    place = shlex.quote(str(root))
    script = " && ".join((
        "ip link set lo up", f"mount --bind {place} {place}", f"mount --bind {shlex.quote(str(data))} {place}/data",
        f"mount -t tmpfs tmpfs {place}/tmp",  # noqa: S108 -- the image's own
        f"mount -t proc proc {place}/proc", f"mount --rbind /dev {place}/dev",
        f"mount -o remount,bind,ro {place}",
        f"exec chroot --userspec={user}:{user} {place} {shlex.join(words)}",
    ))  # fmt: skip
    return ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", script]


def _entered(pid: int, root: Path, user: str, words: Sequence[str]) -> list[str]:
    """Give the command that runs words beside the service."""
    return [
        "nsenter",
        "--target",
        str(pid),
        "--mount",
        "--net",
        "chroot",
        f"--userspec={user}:{user}",
        str(root),
        *words,
    ]


def _first_child(pid: int, sign: signal.Signals) -> None:
    """Send a signal to the service itself, as an engine does, not to the program that unshared."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    if children:
        os.kill(int(children[0]), sign)


def _compiled(_: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__" or name.endswith((".nbi", ".nbc"))]


def _say(text: str) -> None:
    print(f"==> {text}", flush=True)


if __name__ == "__main__":
    main()
