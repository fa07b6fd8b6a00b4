"""What the embedded server's superuser is used for, and nothing else is: the database, its roles, who logs in."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from meter.database.roles import DATABASE_SQL, LOGINS, READER, SERVER_SQL, Login
from meter.database.seal import secret_file

NAME: Final = "suanbu"
SUPERUSER: Final = Login("suanbu", ())
"""The first role of a cluster; its password is in a file beside it, and no URL that is given out names it."""

_RIGHTS: Final = "login nosuperuser nocreatedb nocreaterole noreplication nobypassrls"


def login_passwords(data: Path) -> dict[str, str]:
    """Return the password of every login, from a file that only its owner can read; made if absent."""
    made = secret_file(
        data / "postgres.logins", lambda: json.dumps({one.name: secrets.token_urlsafe(24) for one in LOGINS})
    )
    return {str(name): str(password) for name, password in json.loads(made).items()}


def bootstrap_sql(passwords: Mapping[str, str], *, set_anew: bool) -> str:
    """Return what psql runs on the database `postgres`: it makes what is missing.

    `set_anew` sets known logins to rights.
    """
    steps = ["set log_min_error_statement = panic", SERVER_SQL]  # a password is not for the log
    for one in LOGINS:
        inherit = "inherit" if one.inherits else "noinherit"
        said = f"role {one.name} {_RIGHTS} {inherit} password '{passwords[one.name]}'"
        known = f"to_regrole('{one.name}') is not null"
        steps.append(f"""do $login$ begin
            if not ({known}) then create {said}; {f"else alter {said};" if set_anew else ""} end if;
        end $login$""")
        steps.extend(
            f"""do $grant$ begin
                if not pg_has_role('{one.name}', '{role}', 'member') then grant {role} to {one.name}; end if;
            end $grant$"""
            for role in one.roles
        )
    if set_anew:
        steps.append(f"alter role {READER.name} set default_transaction_read_only = on")
    statements = "".join(f"{step};\n" for step in steps)
    absent = f"not exists (select from pg_database where datname = '{NAME}')"
    return f"{statements}select 'create database {NAME}' where {absent} \\gexec\n\\connect {NAME}\n{DATABASE_SQL};\n"
