"""DATABASE_URL as libpq reads it: one host or several, sockets, TLS, options; what the driver lacks is done here.

The driver takes every parameter that it does not know for a setting of the server. What libpq knows and has no meaning
for it (keepalives, say) is left out, and a word that libpq does not know either is refused by name.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

SCHEMES: Final = ("postgresql", "postgres", "postgresql+asyncpg", "postgresql+psycopg")
TO_THE_DRIVER: Final = frozenset({
    "host", "port", "dbname", "user", "password", "passfile", "service", "sslmode", "sslcert", "sslkey", "sslrootcert",
    "sslcrl", "sslpassword", "sslnegotiation", "ssl_min_protocol_version", "ssl_max_protocol_version",
    "target_session_attrs", "krbsrvname", "gsslib",
})  # fmt: skip
OURS: Final = frozenset({"connect_timeout", "application_name", "fallback_application_name", "options"})
WITHOUT_MEANING: Final = frozenset({
    "hostaddr", "client_encoding", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
    "tcp_user_timeout", "gssencmode", "gssdelegation", "channel_binding", "sslcompression", "sslsni", "sslcertmode",
    "require_auth", "load_balance_hosts", "requirepeer", "min_protocol_version", "max_protocol_version",
})  # fmt: skip
"""The driver always does what is safe, or has nothing to set."""
WRITES: Final = ("any", "read-write", "primary", "prefer-standby")
_OPTION: Final = re.compile(r"(?:-c\s*|--)([A-Za-z_][\w.-]*)=(.*)", re.DOTALL)
_PORT: Final = re.compile(r":([^:,\]]*)(?=,|$)")
_PAIR: Final = re.compile(r"\s*([a-z_]+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)(?=\s|$)", re.DOTALL)


class BadAddress(ValueError):
    """DATABASE_URL cannot be read; the message says why, and names no password."""


@dataclass(frozen=True)
class Address:
    """Where a database is and how it is reached."""

    url: str
    """For the driver."""
    seconds: float | None = None
    """The longest that connecting may take."""
    application: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    """What `options` sets, to be set on every connection."""

    @property
    def hosts(self) -> list[str]:
        """The URL of each host by itself, in their order."""
        parts = urlsplit(self.url)
        asked = dict(parse_qsl(parts.query))
        who, at, hosts = parts.netloc.rpartition("@")
        if "," in asked.get("host", ""):
            names = asked["host"].split(",")
            ports = asked.get("port", "").split(",")
            ports = ports * len(names) if len(ports) == 1 else ports
            return [
                urlunsplit(parts._replace(query=_query({**asked, "host": name} | ({"port": port} if port else {}))))
                for name, port in zip(names, ports, strict=False)
            ]
        return [urlunsplit(parts._replace(netloc=f"{who}{at}{host}")) for host in hosts.split(",")]

    @property
    def place(self) -> str:
        """Host, port and database, without who logs in: for messages and names."""
        parts = urlsplit(self.url)
        hosts = parts.netloc.rpartition("@")[2]
        asked = dict(parse_qsl(parts.query))
        where = asked["host"] + (f":{asked['port']}" if "port" in asked else "") if "host" in asked else unquote(hosts)
        return f"{where or 'localhost'}{unquote(parts.path) if len(parts.path) > 1 else '/' + asked.get('dbname', '')}"


def address_of(given: str) -> Address:
    """Read a URL or `host=… dbname=…` as libpq does. Raises BadAddress."""
    url = given.strip() if "://" in given else _url_of_pairs(given)
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise BadAddress(str(error)) from None
    if parts.scheme not in SCHEMES:
        raise BadAddress(f"it begins with {parts.scheme}://, not with postgresql://")
    try:
        asked = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise BadAddress("what stands behind ? is not name=value&name=value") from None
    asked = {{"ssl": "sslmode", "database": "dbname"}.get(name, name): value for name, value in asked.items()}
    if asked.get("sslmode") == "true":  # as JDBC says it
        asked["sslmode"] = "require"
    for name in asked.keys() - TO_THE_DRIVER - OURS - WITHOUT_MEANING:
        raise BadAddress(f"{name!r} is no parameter of a PostgreSQL connection")
    if asked.get("target_session_attrs", "any") not in WRITES:
        raise BadAddress(
            f"target_session_attrs={asked['target_session_attrs']}: suanbu needs a server that it can write"
        )
    kept = {name: value for name, value in asked.items() if name in TO_THE_DRIVER}
    who, at, hosts = parts.netloc.rpartition("@")
    if "," in f"{hosts},{kept.get('host', '')}".strip(","):
        kept["target_session_attrs"] = "read-write"  # of several, the one that is the primary now
    elif "target_session_attrs" in kept:
        kept["target_session_attrs"] = "any"  # a standby is refused with a reason of its own
    for port in [*_PORT.findall(hosts), *kept.get("port", "").split(",")]:
        if port and not (port.isdigit() and 0 < int(port) < 65536):
            raise BadAddress(f"{port!r} is not a port")
    user, colon, password = who.partition(":")
    made = f"{quote(unquote(user))}{colon}{quote(unquote(password), safe='')}{at}{hosts}"
    found = f"postgresql://{made}{parts.path}" + (f"?{_query(kept)}" if kept else "")
    return Address(
        found,
        _seconds(asked),
        asked.get("application_name") or asked.get("fallback_application_name"),
        _settings(asked),
    )


def _seconds(asked: Mapping[str, str]) -> float | None:
    """`connect_timeout`, where it is more than 0, which means for ever."""
    try:
        seconds = int(asked.get("connect_timeout") or 0)
    except ValueError:
        raise BadAddress(f"connect_timeout={asked['connect_timeout']} is not a number of seconds") from None
    return max(seconds, 2) if seconds > 0 else None


def _settings(asked: Mapping[str, str]) -> dict[str, str]:
    """What `options` says: `-c name=value` or `--name=value`, as often as wanted, blanks behind a backslash."""
    found: dict[str, str] = {}
    words = shlex.split(asked.get("options", ""))
    while words:
        word = words.pop(0)
        if word == "-c" and words:
            word = f"-c{words.pop(0)}"
        option = _OPTION.fullmatch(word)
        if option is None:
            raise BadAddress(f"options has {word!r}, which is not -c name=value")
        found[option[1].replace("-", "_")] = option[2]
    return found


def _url_of_pairs(given: str) -> str:
    """libpq's other form: `host=… port=… dbname=…`, values in quotes where they have blanks."""
    found, end = {}, 0
    while given[end:].strip():
        pair = _PAIR.match(given, end)
        if pair is None:
            raise BadAddress("it is neither a URL (postgresql://user@host:5432/database) nor name=value pairs")
        value = pair[2][1:-1] if pair[2].startswith("'") else pair[2]
        found[pair[1]] = re.sub(r"\\(.)", r"\1", value)
        end = pair.end()
    if not found:
        raise BadAddress("it is empty")
    return f"postgresql://?{_query(found)}"


def _query(asked: Mapping[str, str]) -> str:
    return urlencode(asked, quote_via=quote, safe="/:,")
