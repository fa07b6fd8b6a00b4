"""The schema as the catalogue has it, object by object: everything that says what the database lets happen.

Texts are PostgreSQL's own; where versions spell them in different ways the reference is kept by version.
"""

from __future__ import annotations

import asyncpg

OURS = "('public', 'city')"
_OF_AN_EXTENSION = """exists (select from pg_catalog.pg_depend d where d.classid = '{catalogue}'::regclass
    and d.objid = {oid} and d.deptype = 'e')"""


def _acl(rights: str, owner: str) -> str:
    """Return who else than the owner, whose own rights go by version, may do what."""
    return f"""(select coalesce(string_agg(concat_ws(' ', case when a.grantee = 0 then 'public'
        else a.grantee::regrole::text end, a.privilege_type, case when a.is_grantable then 'grantable' end), ', '
        order by a.grantee::regrole::text, a.privilege_type), '') from aclexplode({rights}) a
        where a.grantee <> {owner})"""


_OBJECTS = f"""
select 'schema ' || nspname as name,
    concat_ws('|', nspowner::regrole, {_acl("nspacl", "nspowner")}) as said
from pg_catalog.pg_namespace where nspname = 'city'
union all
select 'table ' || c.oid::regclass, concat_ws('|', c.relkind, c.relowner::regrole, c.relrowsecurity,
    c.relforcerowsecurity, c.relpersistence, c.reloptions::text, {_acl("c.relacl", "c.relowner")},
    case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname in {OURS} and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
union all
select 'column ' || c.oid::regclass || '.' || a.attname, concat_ws('|', format_type(a.atttypid, a.atttypmod),
    a.attnotnull, a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid),
    {_acl("a.attacl", "c.relowner")},
    case when a.attcollation <> t.typcollation then a.attcollation::regcollation::text end)
from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace join pg_catalog.pg_type t on t.oid = a.atttypid
left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where n.nspname in {OURS} and c.relkind in ('r', 'p', 'v', 'm', 'f') and a.attnum > 0 and not a.attisdropped
union all
select 'constraint ' || con.conrelid::regclass || '.' || con.conname, concat_ws('|', con.contype, con.convalidated,
    con.condeferrable, con.condeferred, pg_get_constraintdef(con.oid))
from pg_catalog.pg_constraint con join pg_catalog.pg_namespace n on n.oid = con.connamespace
where n.nspname in {OURS} and con.conrelid <> 0 and con.contype not in ('t', 'n')
union all
select 'index ' || i.indexrelid::regclass, concat_ws('|', i.indisvalid, i.indisready, i.indislive,
    pg_get_indexdef(i.indexrelid))
from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname in {OURS}
union all
select 'trigger ' || t.tgrelid::regclass || '.' || t.tgname, concat_ws('|', t.tgenabled, pg_get_triggerdef(t.oid))
from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname in {OURS} and not t.tgisinternal
union all
select 'foreign key triggers of ' || t.tgrelid::regclass, string_agg(t.tgenabled::text, '' order by t.oid)
from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname in {OURS} and t.tgisinternal group by t.tgrelid
union all
select 'rule ' || r.ev_class::regclass || '.' || r.rulename, concat_ws('|', r.ev_enabled, pg_get_ruledef(r.oid))
from pg_catalog.pg_rewrite r join pg_catalog.pg_class c on c.oid = r.ev_class
join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname in {OURS} and c.relkind not in ('v', 'm')
union all
select 'policy ' || p.polrelid::regclass || '.' || p.polname, concat_ws('|', p.polpermissive, p.polcmd,
    (select string_agg(case when r = 0 then 'public' else r::regrole::text end, ',' order by r::regrole::text)
     from unnest(p.polroles) r), pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
from pg_catalog.pg_policy p join pg_catalog.pg_class c on c.oid = p.polrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname in {OURS}
union all
select 'function ' || p.oid::regprocedure, concat_ws('|', l.lanname, p.proowner::regrole, p.prokind, p.prosecdef,
    p.proleakproof, p.proisstrict, p.proretset, p.provolatile, p.prorettype::regtype, p.proargnames::text,
    p.proconfig::text, {_acl("p.proacl", "p.proowner")}, p.prosrc, pg_get_function_sqlbody(p.oid),
    pg_get_expr(p.proargdefaults, 0))
from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_language l on l.oid = p.prolang where n.nspname in {OURS}
and p.prokind <> 'a' and not {_OF_AN_EXTENSION.format(catalogue="pg_proc", oid="p.oid")}
union all
select 'event trigger ' || evtname, concat_ws('|', evtevent, evtfoid::regprocedure, evtenabled, evttags::text)
from pg_catalog.pg_event_trigger
union all
select 'type ' || t.oid::regtype, concat_ws('|', t.typtype, t.typowner::regrole)
from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace
where n.nspname in {OURS} and t.typtype in ('d', 'e', 'r', 'm')
union all
select 'default rights of ' || d.defaclrole::regrole || ' ' || d.defaclobjtype::text,
    {_acl("d.defaclacl", "d.defaclrole")}
from pg_catalog.pg_default_acl d
where d.defaclrole::regrole::text like 'suanbu\\_%' or d.defaclnamespace in (
    select oid from pg_catalog.pg_namespace where nspname in {OURS})
union all
select 'role ' || r.rolname, concat_ws('|', r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin,
    r.rolreplication, r.rolbypassrls, (
        select string_agg(distinct m.roleid::regrole::text, ',' order by m.roleid::regrole::text)
    from pg_catalog.pg_auth_members m where m.member = r.oid))
from pg_catalog.pg_roles r where r.rolname = any ($1)
union all
select 'rows settlement_transition ' || event || ' ' || before || ' ' || after, '' from public.settlement_transition
union all
select 'rows payout_transition ' || before || ' ' || after, '' from public.payout_transition
union all
select 'rows alembic_version', string_agg(version_num, ',' order by version_num) from public.alembic_version
order by 1"""
_AROUND = """
select 'setting of ' || coalesce(r.rolname, 'all') as name, array_to_string(s.setconfig, '|') as said
from pg_catalog.pg_db_role_setting s left join pg_catalog.pg_roles r on r.oid = s.setrole
where s.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
union all
select 'member of ' || m.roleid::regrole,
    string_agg(distinct m.member::regrole::text, ',' order by m.member::regrole::text)
from pg_catalog.pg_auth_members m where m.roleid::regrole::text = any ($1) group by m.roleid
union all
select 'database', concat_ws('|', datdba::regrole, datacl::text) from pg_catalog.pg_database
where datname = current_database()
union all
select 'schema ' || nspname, concat_ws('|', nspowner::regrole, nspacl::text) from pg_catalog.pg_namespace
where nspname !~ '^pg_(toast|temp)'
order by 1"""


async def objects(connection: asyncpg.Connection, roles: list[str]) -> dict[str, str]:
    """Return what the migrations make, by name: schemas, tables, columns, constraints, indexes, triggers with their
    state, rules, policies, functions, event triggers, types, roles, and the rows of the tables that are rules."""
    await connection.execute("select set_config('search_path', 'pg_catalog', true)")
    try:
        rows = await connection.fetch(_OBJECTS, roles)
    finally:
        await connection.execute("select set_config('search_path', 'public, pg_temp', true)")
    return {row["name"]: row["said"] or "" for row in rows}


async def around(connection: asyncpg.Connection, roles: list[str]) -> dict[str, str]:
    """Return what an installation may have of its own: settings of roles and database, members of our roles, the
    owner."""
    return {row["name"]: row["said"] or "" for row in await connection.fetch(_AROUND, roles)}


async def version(connection: asyncpg.Connection) -> int:
    """Return the major version of the server."""
    return int(await connection.fetchval("select current_setting('server_version_num')::int / 10000"))


async def revision(connection: asyncpg.Connection) -> str:
    """Return the migration that the database is at."""
    return str(
        await connection.fetchval(
            "select string_agg(version_num, ',' order by version_num) from public.alembic_version"
        )
    )
