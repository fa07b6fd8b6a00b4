"""DATABASE_URL in the forms in which it is written in the field: each is read, or refused with what is wrong."""

from __future__ import annotations

import pytest

from meter.database.address import Address, BadAddress, address_of

READ: dict[str, tuple[str, str]] = {
    "plain": ("postgresql://u:p@h:5/db", "postgresql://u:p@h:5/db"),
    "the short scheme": ("postgres://u@h/db", "postgresql://u@h/db"),
    "SQLAlchemy's scheme": ("postgresql+asyncpg://u@h/db", "postgresql://u@h/db"),
    "nobody and no port": ("postgresql:///db", "postgresql:///db"),
    "no database": ("postgresql://h", "postgresql://h"),
    "TLS asked for": ("postgresql://u@h/db?sslmode=require", "postgresql://u@h/db?sslmode=require"),
    "TLS that is verified": (
        "postgresql://u@h/db?sslmode=verify-full&sslrootcert=/etc/ca.pem",
        "postgresql://u@h/db?sslmode=verify-full&sslrootcert=/etc/ca.pem",
    ),
    "TLS as JDBC says it": ("postgresql://u@h/db?ssl=true", "postgresql://u@h/db?sslmode=require"),
    "a time limit": ("postgresql://u@h/db?connect_timeout=5", "postgresql://u@h/db"),
    "a name": ("postgresql://u@h/db?application_name=x", "postgresql://u@h/db"),
    "options": ("postgresql://u@h/db?options=-c%20statement_timeout%3D5min", "postgresql://u@h/db"),
    "several hosts": ("postgresql://u@a:1,b:2/db", "postgresql://u@a:1,b:2/db?target_session_attrs=read-write"),
    "several hosts, one that is written": (
        "postgresql://u@a,b/db?target_session_attrs=primary",
        "postgresql://u@a,b/db?target_session_attrs=read-write",
    ),
    "a socket behind ?": ("postgresql://u@/db?host=/run/pg&port=5", "postgresql://u@/db?host=/run/pg&port=5"),
    "a socket as the host": ("postgresql://u@%2Frun%2Fpg/db", "postgresql://u@%2Frun%2Fpg/db"),
    "a password of odd letters": ("postgresql://u:p%40%2F%3A@h/db", "postgresql://u:p%40%2F%3A@h/db"),
    "a password with a bare @": ("postgresql://u:a@b@h/db", "postgresql://u:a%40b@h/db"),
    "a database of odd letters": ("postgresql://u@h/%E7%AE%97%E8%A1%A5", "postgresql://u@h/%E7%AE%97%E8%A1%A5"),
    "IPv6": ("postgresql://u@[::1]:5/db", "postgresql://u@[::1]:5/db"),
    "keepalives": ("postgresql://u@h/db?keepalives=1&keepalives_idle=30&tcp_user_timeout=9", "postgresql://u@h/db"),
    "an encoding": ("postgresql://u@h/db?client_encoding=utf8", "postgresql://u@h/db"),
    "no Kerberos": ("postgresql://u@h/db?gssencmode=disable&channel_binding=prefer", "postgresql://u@h/db"),
    "everything behind ?": (
        "postgresql://?host=h&port=5&user=u&dbname=db",
        "postgresql://?host=h&port=5&user=u&dbname=db",
    ),
    "a password file": ("postgresql://u@h/db?passfile=/etc/pgpass", "postgresql://u@h/db?passfile=/etc/pgpass"),
    "pairs": ("host=h port=5 dbname=db user=u", "postgresql://?host=h&port=5&dbname=db&user=u"),
    "pairs in quotes": (r"host=/run/pg dbname='a \'b' user=u", "postgresql://?host=/run/pg&dbname=a%20%27b&user=u"),
}


@pytest.mark.parametrize(("given", "read"), READ.values(), ids=READ.keys())
def test_it_is_read_as_libpq_reads_it(given: str, read: str) -> None:
    assert address_of(given).url == read


def test_what_the_driver_lacks_is_kept_beside() -> None:
    given = (
        "postgresql://u@h/db?connect_timeout=1&application_name=ours"
        r"&options=-c%20statement_timeout%3D5min%20--geqo%3Doff%20-csuanbu.note%3Da%5C%20b"
    )
    assert address_of(given) == Address(
        "postgresql://u@h/db", 2, "ours", {"statement_timeout": "5min", "geqo": "off", "suanbu.note": "a b"}
    )
    assert address_of("postgresql://u@h/db?connect_timeout=0").seconds is None


PLACES = {
    "postgresql://u:secret@a:1,b:2/db": "a:1,b:2/db",
    "postgresql://u:secret@/db?host=/run/pg&port=5": "/run/pg:5/db",
    "postgresql:///db": "localhost/db",
    "host=h dbname=db password=secret": "h/db",
}


@pytest.mark.parametrize(("given", "place"), PLACES.items())
def test_messages_name_the_place_and_never_the_password(given: str, place: str) -> None:
    assert address_of(given).place == place


REFUSED = {
    "mysql://u@h/db": "mysql",
    "h:5432": "neither a URL",
    "": "empty",
    "postgresql://u@h/db?colour=red": "'colour'",
    "postgresql://u@h/db?sslmode": "name=value",
    "postgresql://u@h/db?connect_timeout=soon": "soon",
    "postgresql://u@h/db?options=statement_timeout": "statement_timeout",
    "postgresql://u@h/db?target_session_attrs=standby": "write",
    "postgresql://u:p@h:port/db": "port",
    "postgresql://u:p@[::1/db": "IPv6",
}


@pytest.mark.parametrize(("given", "said"), REFUSED.items())
def test_what_cannot_be_read_is_refused_by_name(given: str, said: str) -> None:
    with pytest.raises(BadAddress, match=said.replace("[", r"\[")) as refused:
        address_of(given)
    assert "\n" not in str(refused.value)
