do $roles$
declare
    wanted text;
begin
    foreach wanted in array array['suanbu_owner', 'suanbu_service', 'suanbu_city', 'suanbu_command', 'suanbu_reader'] loop
        if to_regrole(wanted) is null then
            begin
                execute format('create role %I nologin', wanted);
            exception when duplicate_object or unique_violation then null;  -- somebody else was first
            end;
        end if;
    end loop;
    if not pg_has_role('suanbu_command', 'suanbu_service', 'member') then
        grant suanbu_service to suanbu_command;  -- the command line may do what the service does, and make keys
    end if;
    foreach wanted in array array['suanbu_service', 'suanbu_city'] loop
        if not pg_has_role('suanbu_owner', wanted, 'member with admin option') then
            execute format('grant %I to suanbu_owner with admin option', wanted);  -- the first migration hands them on
        end if;
    end loop;
    if not has_parameter_privilege('suanbu_owner', 'suanbu.city', 'set') then
        grant set on parameter "suanbu.city" to suanbu_owner;  -- for functions that look at the whole province
    end if;
end $roles$;
do $database$
declare
    sentence text;
begin
    if (select datdba from pg_database where datname = current_database()) <> 'suanbu_owner'::regrole then
        execute format('alter database %I owner to suanbu_owner', current_database());
    end if;
    if not has_schema_privilege('suanbu_owner', 'public', 'create') then
        alter schema public owner to pg_database_owner;
    end if;
    if to_regclass('public.alembic_version') is null then
        return;  -- nothing here is ours yet
    end if;
    for sentence in
        select format('alter table %I.%I owner to suanbu_owner', n.nspname, c.relname)
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('public', 'city') and c.relkind in ('r', 'p', 'v', 'm')
        and c.relowner <> 'suanbu_owner'::regrole
        and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid
                        and d.deptype = 'e')
        union all
        select format('alter routine %s owner to suanbu_owner', p.oid::regprocedure)
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname in ('public', 'city') and p.proowner <> 'suanbu_owner'::regrole
        and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid
                        and d.deptype = 'e')
        union all
        select format('alter schema %I owner to suanbu_owner', nspname) from pg_namespace
        where nspname = 'city' and nspowner <> 'suanbu_owner'::regrole
    loop
        execute sentence;
    end loop;
end $database$;
grant suanbu_owner, suanbu_command, suanbu_service, suanbu_city to "suanbu_login";
