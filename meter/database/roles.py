"""The roles of the database: who owns the tables, and who may do what on them. None is a superuser.

The roles belong to the server, so a superuser makes them: the embedded server's at every start, anybody else's once
(`suanbu db roles` prints the SQL). Tables and functions belong to a role that nobody logs in as. A login takes
on a role of these and has no right of its own, except the reader's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import asyncpg

OWNER_ROLE: Final = "suanbu_owner"
SERVICE_ROLE: Final = "suanbu_service"
CITY_ROLE: Final = "suanbu_city"
COMMAND_ROLE: Final = "suanbu_command"
READER_ROLE: Final = "suanbu_reader"
ROLES: Final = (OWNER_ROLE, SERVICE_ROLE, CITY_ROLE, COMMAND_ROLE, READER_ROLE)


@dataclass(frozen=True)
class Login:
    """A role that logs in to the embedded server, and the roles that it may take on."""

    name: str
    roles: tuple[str, ...]
    inherits: bool = False
    """Whether it has their rights without taking them on."""


MIGRATOR: Final = Login("suanbu_migrate", (OWNER_ROLE,))
SERVER: Final = Login("suanbu_serve", (SERVICE_ROLE, CITY_ROLE))
OPERATOR: Final = Login("suanbu_operate", (COMMAND_ROLE, CITY_ROLE))
READER: Final = Login("suanbu_read", (READER_ROLE,), inherits=True)
LOGINS: Final = (MIGRATOR, SERVER, OPERATOR, READER)

# Each statement does nothing where there is nothing to do: several processes start at once, and of two who write one
# row of the catalogue at once PostgreSQL refuses the second.
SERVER_SQL: Final = f"""do $roles$
declare
    wanted text;
begin
    foreach wanted in array array['{"', '".join(ROLES)}'] loop
        if to_regrole(wanted) is null then
            begin
                execute format('create role %I nologin', wanted);
            exception when duplicate_object or unique_violation then null;  -- somebody else was first
            end;
        end if;
    end loop;
    if not pg_has_role('{COMMAND_ROLE}', '{SERVICE_ROLE}', 'member') then
        grant {SERVICE_ROLE} to {COMMAND_ROLE};  -- the command line may do what the service does, and make keys
    end if;
    foreach wanted in array array['{SERVICE_ROLE}', '{CITY_ROLE}'] loop
        if not pg_has_role('{OWNER_ROLE}', wanted, 'member with admin option') then
            execute format('grant %I to {OWNER_ROLE} with admin option', wanted);  -- the first migration hands them on
        end if;
    end loop;
    if not has_parameter_privilege('{OWNER_ROLE}', 'suanbu.city', 'set') then
        grant set on parameter "suanbu.city" to {OWNER_ROLE};  -- for functions that look at the whole province
    end if;
end $roles$"""
"""The roles of a server, to be run by a superuser on any database of it."""

DATABASE_SQL: Final = f"""do $database$
declare
    sentence text;
begin
    if (select datdba from pg_database where datname = current_database()) <> '{OWNER_ROLE}'::regrole then
        execute format('alter database %I owner to {OWNER_ROLE}', current_database());
    end if;
    if not has_schema_privilege('{OWNER_ROLE}', 'public', 'create') then
        alter schema public owner to pg_database_owner;
    end if;
    if to_regclass('public.alembic_version') is null then
        return;  -- nothing here is ours yet
    end if;
    for sentence in
        select format('alter table %I.%I owner to {OWNER_ROLE}', n.nspname, c.relname)
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('public', 'city') and c.relkind in ('r', 'p', 'v', 'm')
        and c.relowner <> '{OWNER_ROLE}'::regrole
        and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid
                        and d.deptype = 'e')
        union all
        select format('alter routine %s owner to {OWNER_ROLE}', p.oid::regprocedure)
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname in ('public', 'city') and p.proowner <> '{OWNER_ROLE}'::regrole
        and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid
                        and d.deptype = 'e')
        union all
        select format('alter schema %I owner to {OWNER_ROLE}', nspname) from pg_namespace
        where nspname = 'city' and nspowner <> '{OWNER_ROLE}'::regrole
    loop
        execute sentence;
    end loop;
end $database$"""
"""One database and what is ours in it for the owner's role, to be run by a superuser on that database."""

CLOSING_SQL: Final = f"""do $closing$
declare
    taken text;
begin
    -- a temporary table hides a real one of its name, and a database's own rights are in no backup and in no copy
    for taken in
        select case when a.grantee = 0 then 'public' else a.grantee::regrole::text end
        from pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
        where d.datname = current_database() and a.privilege_type = 'TEMPORARY'
        and (a.grantee = 0 or a.grantee::regrole::text in ('{"', '".join(ROLES)}'))
    loop
        execute format('revoke temporary on database %I from %s', current_database(), taken);
    end loop;
    if exists (select from pg_namespace n, aclexplode(n.nspacl) a where n.nspname = 'public' and a.grantee = 0
               and a.privilege_type = 'CREATE') then
        revoke create on schema public from public;
    end if;
end $closing$"""
"""What nobody may do on the database, to be run by its owner."""

_MISSING: Final = f"""
select array_remove(array[
    case when exists (select from unnest(array['{"', '".join(ROLES)}']) r where to_regrole(r) is null) then 'roles' end,
    case when not exists (select from pg_database where datname = current_database()
                          and datdba = to_regrole('{OWNER_ROLE}')) then 'owner' end,
    case when to_regrole('{OWNER_ROLE}') is not null
         and not has_parameter_privilege(to_regrole('{OWNER_ROLE}'), 'suanbu.city', 'set') then 'parameter' end
], null)"""


class RolesMissing(RuntimeError):
    """The server lacks our roles, and who connects may not make them; the message says what to run."""


async def missing_roles(connection: asyncpg.Connection) -> list[str]:
    """Return what of our roles this server lacks, in words that `suanbu db roles` mends."""
    return list(await connection.fetchval(_MISSING))


async def act_as_owner(connection: asyncpg.Connection) -> bool:
    """Take on the owner's role for the rest of the session, with everything in place that it needs.

    False when the login may not act as the owner. Raises RolesMissing where only a superuser can go on.
    """
    if await connection.fetchval("select rolsuper from pg_roles where rolname = session_user"):
        await connection.execute(SERVER_SQL)
        await connection.execute(DATABASE_SQL)
    else:
        missing = await missing_roles(connection)
        if missing:
            raise RolesMissing(_advice(await connection.fetchval("select current_database()"), missing))
        if not await connection.fetchval(f"select pg_has_role(session_user, '{OWNER_ROLE}', 'member')"):
            return False
    await connection.execute(f"set role {OWNER_ROLE}")
    await connection.execute(CLOSING_SQL)
    return True


def sql_for(login: str | None = None) -> str:
    """Return the SQL that a superuser runs once on a database of a server of one's own."""
    quoted = '"' + login.replace('"', '""') + '"' if login else ""
    hand = f"grant {OWNER_ROLE}, {COMMAND_ROLE}, {SERVICE_ROLE}, {CITY_ROLE} to {quoted};\n" if login else ""
    return f"{SERVER_SQL};\n{DATABASE_SQL};\n{hand}"


def _advice(database: str, missing: list[str]) -> str:
    return (
        f"the roles of this server are not made yet ({', '.join(missing)}): "
        f"run once as its superuser: suanbu db roles --login YOUR_LOGIN | psql -d {database}"
    )
