"""A server of one's own, as it is in the field: TLS, passwords, sockets, hosts, poolers, a login of few rights."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from meter.database.connect import connect
from meter.database.one_line import in_one_line
from meter.database.pooler import PoolerRefused, refuse_transaction_pooling
from meter.database.roles import sql_for
from migrations.upgrade import upgrade
from tests.support.debian import program
from tests.support.journal import journal_is_whole
from tests.support.own_server import VERSIONS, OwnServer, binaries_of, own_server, standby_of
from tests.support.records import usage
from tests.support.serving import in_process

WITHOUT_TLS = "18"  # the wheel's server is built so
SECRET = "p@ss/wörd:?"
SPELLED = "p%40ss%2Fw%C3%B6rd%3A%3F"
RULES = """local all all scram-sha-256
host all postgres 127.0.0.1/32 trust
host replication postgres 127.0.0.1/32 trust
host all clear 127.0.0.1/32 reject
host all all 127.0.0.1/32 scram-sha-256
"""


@pytest.fixture(scope="module", params=VERSIONS)
def server(request: pytest.FixtureRequest) -> Iterator[OwnServer]:
    """A server with TLS, and a login `svc` without any right but those of `suanbu db roles`."""
    with own_server(binaries_of(request.param)) as made:
        for name in ("server", "other"):
            subprocess.run(
                ["openssl", "req", "-new", "-x509", "-days", "9", "-nodes", "-subj", "/CN=localhost", "-addext",
                 "subjectAltName=IP:127.0.0.1", "-out", made.files / f"{name}.crt", "-keyout",
                 made.files / f"{name}.key"],
                check=True, capture_output=True,
            )  # fmt: skip
        made.give(made.files)
        (made.files / "server.key").chmod(0o600)
        (made.files / "pg_hba.conf").write_text(RULES)
        if request.param != WITHOUT_TLS:
            made.configure("ssl = on\n")
        made.stop()
        made.start()
        made.psql(f"create role svc login password '{SECRET}'; create role nobody_here login password 'x'")
        made.psql(sql_for("svc"))
        asyncio.run(upgrade(login(made)))
        yield made


def login(server: OwnServer, more: str = "", who: str = f"svc:{SPELLED}", host: str = "127.0.0.1") -> str:
    """The URL of the plain login."""
    return f"postgresql://{who}@{host}:{server.port}/suanbu{more}"


FORMS = {
    "plain": "{plain}",
    "TLS": "{plain}?sslmode=require",
    "TLS, verified": "{plain}?sslmode=verify-full&sslrootcert={files}/server.crt",
    "no TLS": "{plain}?sslmode=disable",
    "a time limit": "{plain}?connect_timeout=5",
    "a name": "{plain}?application_name=here",
    "options": "{plain}?options=-c%20statement_timeout%3D5min%20-c%20default_transaction_isolation%3Dserializable",
    "a socket": "postgresql://svc:{spelled}@/suanbu?host={folder}&port={port}",
    "a socket as the host": "postgresql://svc:{spelled}@{quoted}:{port}/suanbu",
    "several hosts, the first away": "postgresql://svc:{spelled}@127.0.0.1:1,127.0.0.1:{port}/suanbu",
    "the one that is written": (
        "postgresql://svc:{spelled}@127.0.0.1:{port},127.0.0.1:1/suanbu?target_session_attrs=read-write"
    ),
    "keepalives and more": "{plain}?keepalives=1&keepalives_idle=30&tcp_user_timeout=9&client_encoding=utf8",
    "SQLAlchemy's scheme": "postgresql+asyncpg://svc:{spelled}@127.0.0.1:{port}/suanbu",
    "everything behind ?": "postgresql://?host=127.0.0.1&port={port}&user=svc&password={spelled}&dbname=suanbu",
    "pairs": "host=127.0.0.1 port={port} user=svc password='{secret}' dbname=suanbu connect_timeout=5",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
async def test_it_is_reached_in_every_usual_form(server: OwnServer, form: str) -> None:
    url = form.format(
        plain=login(server), spelled=SPELLED, port=server.port, folder=server.folder, files=server.files,
        quoted=str(server.folder).replace("/", "%2F"), secret=SECRET,
    )  # fmt: skip
    if ("require" in form or "verify" in form) and server.psql("show ssl") == "off":
        with pytest.raises(ConnectionError) as refused:
            await connect(url, application="suanbu")
        assert "rejected SSL" in str(in_one_line(refused.value, url))
        return
    opened = await connect(url, application="suanbu", role="suanbu_service")
    try:
        assert await opened.fetchval("select session_user || ' ' || current_user") == "svc suanbu_service"
        assert await opened.fetchval("show transaction_isolation") == "read committed"
        await opened.execute("reset role")  # another role does not see what this connection is like
        tls = await opened.fetchval("select ssl from pg_stat_ssl where pid = pg_backend_pid()")
        plain = any(word in form for word in ("sslmode=disable", "{folder}", "{quoted}"))
        assert tls is (not plain and await opened.fetchval("show ssl") == "on")
        if "application_name" in form:
            assert await opened.fetchval("show application_name") == "here"
        if "statement_timeout" in form:
            assert await opened.fetchval("show statement_timeout") == "5min"
    finally:
        await opened.close()


WRONG = {
    "a wrong password": ("postgresql://svc:wrong@127.0.0.1:{port}/suanbu", "the password is wrong"),
    "no such login": ("postgresql://who:x@127.0.0.1:{port}/suanbu", "the password is wrong"),
    "no such database": ("{plain}_not", "there is no such database"),
    "an unknown host": ("postgresql://svc@no-such-host.invalid/suanbu", "the name of the host is not known"),
    "nothing listens": ("postgresql://svc@127.0.0.1:1/suanbu", "nothing answers there"),
    "no socket": ("postgresql://svc@/suanbu?host=/nowhere", "is not there"),
    "TLS of an unknown authority": (
        "{plain}?sslmode=verify-full&sslrootcert={files}/other.crt",
        "TLS",
    ),
    "no file of certificates": ("{plain}?sslmode=verify-full&sslrootcert=/nowhere.pem", "is not there"),
    "an unknown parameter": ("{plain}?colour=red", "'colour' is no parameter"),
    "an unknown setting": ("{plain}?options=-c%20colour%3Dred", "colour"),
    "not let in": ("postgresql://clear:x@127.0.0.1:{port}/suanbu?sslmode=disable", "the login is refused"),
    "no right": ("postgresql://nobody_here:x@127.0.0.1:{port}/suanbu", "lacks a right"),
}


@pytest.mark.parametrize(("form", "said"), WRONG.values(), ids=WRONG.keys())
async def test_every_error_is_one_line(server: OwnServer, form: str, said: str) -> None:
    url = form.format(plain=login(server), port=server.port, files=server.files)
    with pytest.raises(Exception) as raised:  # noqa: PT011 - which kind is what in_one_line knows
        await (await connect(url, application="suanbu", role="suanbu_service", seconds=5)).close()
    line = in_one_line(raised.value, url)
    assert line is not None
    if said == "TLS" and server.psql("show ssl") == "off":
        said = "rejected SSL"
    assert said in line
    assert "\n" not in line
    assert not {"wrong@", SPELLED, SECRET} & set(line.split())


def run(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command on a database."""
    return subprocess.run(
        [sys.executable, "-m", "api", *arguments], capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "DATABASE_URL": url},
    )  # fmt: skip


def test_a_command_says_it_and_ends_with_a_status_of_its_own(server: OwnServer) -> None:
    done = run(login(server, who="svc:wrong"), "db", "upgrade")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"suanbu: the database at 127.0.0.1:{server.port}/suanbu: the password is wrong")


def test_db_check_says_what_is_there_and_what_is_missing(server: OwnServer, tmp_path: Path) -> None:
    good = run(login(server), "db", "check", "--data", str(tmp_path))
    assert good.returncode == 1, "fsync is off on this server"
    points = {line.split(":")[0].split()[1]: line.split()[0] for line in good.stdout.splitlines()}
    assert points["fsync"] == "missing"
    assert {points[name] for name in ("version", "roles", "rights", "clock", "shape", "disk", "isolation")} == {"ok"}
    bad = run(login(server, who="nobody_here:x"), "db", "check", "--workers", "90", "--data", str(tmp_path))
    assert bad.returncode == 1
    assert "missing rights: nobody_here may not act as suanbu_service; run once as a superuser" in bad.stdout
    assert "raise max_connections" in bad.stdout


async def test_the_odd_default_of_a_database_hangs_nothing(server: OwnServer) -> None:
    server.psql("alter database suanbu set default_transaction_isolation = 'serializable'")
    try:
        async with in_process(login(server)) as door:
            await door.register_the_usual()
            senders = [await door.platform(f"s{n}") for n in range(4)]
            receipts = await asyncio.gather(*(one.push(usage("x")) for one in senders))
            assert [one["accepted"] for one in receipts] == [1] * 4
    finally:
        server.psql("alter database suanbu reset default_transaction_isolation")


def pooled(server: OwnServer, mode: str) -> tuple[subprocess.Popen[bytes], str]:
    """pgbouncer before the server; the URL through it."""
    port = OwnServer.free_port()
    pgbouncer = program("pgbouncer", "pgbouncer")
    folder = server.folder / f"pool-{mode}"
    folder.mkdir(exist_ok=True)
    (folder / "users").write_text(f'"svc" "{SECRET}"\n')
    (folder / "ini").write_text(
        f"[databases]\nsuanbu = host=127.0.0.1 port={server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nauth_type = scram-sha-256\nauth_file = {folder}/users\npool_mode = {mode}\n"
        "default_pool_size = 40\nmax_client_conn = 100\nunix_socket_dir =\n"
    )
    server.give(folder)
    process = server.popen(pgbouncer, str(folder / "ini"))
    return process, f"postgresql://svc:{SPELLED}@127.0.0.1:{port}/suanbu"


async def answering(url: str) -> None:
    """Wait until a connection is let in."""
    for _ in range(100):
        try:
            await (await asyncpg.connect(url)).close()
        except OSError:
            await asyncio.sleep(0.1)
        else:
            return
    raise AssertionError("the pooler never answered")


async def test_a_pooler_in_session_mode_is_no_hindrance(server: OwnServer) -> None:
    process, url = pooled(server, "session")
    try:
        await answering(url)
        await refuse_transaction_pooling(url)
        await upgrade(url)
        async with in_process(url) as door:
            await door.register_the_usual()
            senders = [await door.platform(f"pooled-{n}") for n in range(4)]
            receipts = await asyncio.gather(*(one.push(usage("x")) for one in senders))
            assert [one["accepted"] for one in receipts] == [1] * 4
            assert (await door.client.get("/readyz")).status_code == 200
        owner = await asyncpg.connect(server.url())
        await journal_is_whole(owner)
        await owner.close()
    finally:
        process.terminate()
        process.wait()


async def test_a_pooler_in_transaction_mode_is_refused_with_what_to_do(server: OwnServer) -> None:
    process, url = pooled(server, "transaction")
    try:
        await answering(url)
        with pytest.raises(PoolerRefused, match="pool_mode = session"):
            await refuse_transaction_pooling(url)
        served = await asyncio.to_thread(run, url, "serve", "--port", "0")
        assert (served.returncode, served.stdout) == (3, "")
        assert "pool_mode = session" in served.stderr
        assert served.stderr.count("\n") == 1
    finally:
        process.terminate()
        process.wait()


async def test_of_several_hosts_the_primary_is_taken_and_a_standby_alone_refused(server: OwnServer) -> None:
    with standby_of(server) as standby:
        both = f"postgresql://postgres@127.0.0.1:{standby.port},127.0.0.1:{server.port}/suanbu"
        opened = await connect(both, application="suanbu")
        assert await opened.fetchval("select current_setting('port')::int") == server.port
        await opened.close()
        with pytest.raises(ConnectionError) as refused:
            await connect(standby.url(), application="suanbu")
        line = in_one_line(refused.value, standby.url())
        assert line is not None
        assert "standby" in line
