-- Who may do what: functions that nothing hides a table from, sessions and audit rows by checked functions only, and a
-- role that reads. Run as suanbu_owner. Statements end with a line of their own: --;

alter default privileges revoke execute on functions from public
--;

-- functions ---------------------------------------------------------------------------------------------------------
-- One expression each, bound to what it names when it is created: no search path matters to these, and policies and
-- queries can take them in whole.

create or replace function suanbu_now() returns timestamptz language sql volatile
return pg_catalog.date_trunc('microseconds', pg_catalog.clock_timestamp())
--;
create or replace function suanbu_city(region text) returns text language sql immutable
return pg_catalog.left(region, 4) || '00'
--;
create or replace function suanbu_sees(city text) returns boolean language sql stable
return coalesce(pg_catalog.current_setting('suanbu.city', true) in ('*', city), false)
--;
create or replace function settlement_due(adjusts text, payable bigint, adjustment bigint) returns bigint
language sql immutable return case when adjusts is null then payable else coalesce(adjustment, payable) end
--;
do $pin$
declare
    routine text;
begin
    for routine in
        select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname in ('public', 'city') and p.prosqlbody is null
        and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid
                        and d.deptype = 'e')
    loop
        execute format('alter routine %s set search_path = pg_catalog, public, pg_temp', routine);
    end loop;
end $pin$
--;

-- who acts ----------------------------------------------------------------------------------------------------------

create function suanbu_actor() returns text language plpgsql stable security definer
set search_path = pg_catalog, public, pg_temp as $$
declare
    said text := coalesce(current_setting('suanbu.actor', true), '');
begin
    if said like 'key:%' and not exists (select from public.api_key k where 'key:' || k.name = said)
       or said like 'person:%' and not exists (select from public.person p where 'person:' || p.name = said)
       or said like 'command line%' and not pg_has_role(session_user, 'suanbu_command', 'member')
       or said !~ '^(key:|person:|command line|service$|nobody$|$)' then
        perform public.suanbu_refuse('actor_unknown', format('nobody here acts as %s', said));
    end if;
    return coalesce(nullif(said, ''), 'database:' || session_user);
end $$
--;
comment on function suanbu_actor() is
'who acts in this session, as the door said it: a key or person that exists, or the command line with its own role'
--;
create or replace function audit_actor() returns text language sql stable
set search_path = pg_catalog, public, pg_temp as $$ select public.suanbu_actor() $$
--;
create function audit_note(did text, to_what text, came_of_it text, said text) returns bigint
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    unknown boolean := current_setting('suanbu.actor', true) = 'key:unknown' and did = 'key.use'
        and came_of_it = 'refused';
begin
    -- what was done to money, keys and people is written by the triggers of the tables where it stands
    if came_of_it = 'done' and did ~ '^(settlement|payout|claim|person|key)\.' and did <> 'key.use' then
        perform public.suanbu_refuse('audit_forged', format('%s is on record where it was done', did));
    end if;
    if came_of_it = 'done' and did <> 'key.use' and not pg_has_role(session_user, 'suanbu_command', 'member') then
        perform public.suanbu_refuse('audit_forged', format('the service does not do %s', did));
    end if;
    if came_of_it not in ('done', 'refused') then
        perform public.suanbu_refuse('audit_forged', 'something was done or refused');
    end if;
    return public.audit_append(case when unknown then 'key:unknown' else public.suanbu_actor() end,
                               did, to_what, came_of_it, null, null, said);
end $$
--;
comment on function audit_note(text, text, text, text) is
'appends what no table stands for: refusals, uses of keys, and what the command line did'
--;

-- people and their sessions -----------------------------------------------------------------------------------------

create function person_shut_out(called text) returns boolean language sql stable
set search_path = pg_catalog, public, pg_temp as $$
    select coalesce((select e.event from public.person_event e where e.name = called
                     and e.event in ('disable', 'enable') order by e.id desc limit 1), 'enable') = 'disable'
$$
--;
create function session_code(whose public.person, step bigint) returns void language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if (whose.totp_secret is null) <> (step is null) then
        perform public.suanbu_refuse('code_missing', 'a second factor is shown by who has one');
    end if;
    if step <= (select max(l.totp_step) from public.login l where l.person = whose.id) then
        perform public.suanbu_refuse('code_used', 'a code is taken once');
    end if;
end $$
--;
create function session_open(token bytea, called text, moment timestamptz, until timestamptz, step bigint) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    p public.person%rowtype;
begin
    select * into p from public.person where name = called;
    if not found or public.person_shut_out(called) then
        perform public.suanbu_refuse('nobody', 'a session is of somebody who may come in');
    end if;
    if until > moment + interval '8 hours' then
        perform public.suanbu_refuse('session_too_long', 'a session ends after 8 hours');
    end if;
    perform public.session_code(p, step);
    insert into public.login (token_digest, person, created_at, expires_at, seen_at, proven_at, totp_step)
    values (token, p.id, moment, until, moment, moment, step);
    insert into public.person_event (name, event, result, actor, at, detail)
    values (called, 'login', 'done', 'person:' || called, moment,
            jsonb_build_object('second_factor', step is not null));
end $$
--;
comment on function session_open(bytea, text, timestamptz, timestamptz, bigint) is
'opens the session of a person whose password was right, on record'
--;
create function session_refused(called text, did text, why text, moment timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if did not in ('login', 'reauthenticate') or coalesce(why, '') = '' then
        perform public.suanbu_refuse('event_unknown', 'a login or a second showing is refused, for a reason');
    end if;
    insert into public.person_event (name, event, result, actor, at, detail)
    values (called, did, 'refused', case did when 'login' then 'nobody' else 'person:' || called end, moment,
            jsonb_build_object('reason', why));
end $$
--;
create function session_whose(token bytea, moment timestamptz) returns public.person language plpgsql stable
set search_path = pg_catalog, public, pg_temp as $$
declare
    p public.person%rowtype;
begin
    select q.* into p from public.login l join public.person q on q.id = l.person
    where l.token_digest = token and l.expires_at > moment
    and not exists (select from public.logout o where o.token_digest = l.token_digest);
    if not found or public.person_shut_out(p.name) then
        perform public.suanbu_refuse('session_over', 'there is no such session that is open');
    end if;
    return p;
end $$
--;
create function session_seen(token bytea, moment timestamptz) returns void
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    update public.login set seen_at = greatest(seen_at, moment) where token_digest = token
$$
--;
create function session_proven(token bytea, moment timestamptz, step bigint) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    p public.person%rowtype := public.session_whose(token, moment);
begin
    perform public.session_code(p, step);
    update public.login set proven_at = moment, totp_step = step where token_digest = token;
    insert into public.person_event (name, event, result, actor, at, detail)
    values (p.name, 'reauthenticate', 'done', 'person:' || p.name, moment, '{}');
end $$
--;
create function session_end(token bytea, moment timestamptz) returns text
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    who text;
begin
    select q.name into who from public.login l join public.person q on q.id = l.person where l.token_digest = token;
    if not found then
        return null;
    end if;
    insert into public.logout (token_digest, at) values (token, moment) on conflict do nothing;
    if not found then
        return null;
    end if;
    insert into public.person_event (name, event, result, actor, at, detail)
    values (who, 'logout', 'done', 'person:' || who, moment, '{}');
    return who;
end $$
--;
comment on function session_end(bytea, timestamptz) is 'ends a session; null where there is none or it has ended before'
--;
create function person_noted(called text, did text, moment timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if did not in ('disable', 'enable', 'unlock') then
        perform public.suanbu_refuse('event_unknown', 'an administrator disables, enables or unlocks');
    end if;
    if did <> 'unlock' and not exists (select from public.person where name = called) then
        perform public.suanbu_refuse('nobody', format('there is no person called %s', called));
    end if;
    insert into public.person_event (name, event, result, actor, at, detail)
    values (called, did, 'done', public.suanbu_actor(), moment, '{}');
end $$
--;
comment on function person_noted(text, text, timestamptz) is
'the command line shuts somebody out, lets him in again or unlocks his name'
--;

-- rights ------------------------------------------------------------------------------------------------------------

revoke execute on all functions in schema public, city from public, suanbu_service, suanbu_city
--;
grant execute on function suanbu_city(text), suanbu_sees(text) to suanbu_service, suanbu_city, suanbu_reader
--;
grant execute on function suanbu_refuse(text, text) to suanbu_service, suanbu_city
--;
alter function settlement_waiting(text) security definer  -- of what the session sees: row security holds for the owner
--;
grant execute on function settlement_waiting(text) to suanbu_service, suanbu_city
--;
grant execute on function payout_chosen(int), payout_held(bigint), summarize_journal(), audit_note(text, text, text, text),
    session_open(bytea, text, timestamptz, timestamptz, bigint), session_refused(text, text, text, timestamptz),
    session_seen(bytea, timestamptz), session_proven(bytea, timestamptz, bigint), session_end(bytea, timestamptz)
to suanbu_service
--;
grant execute on function person_noted(text, text, timestamptz) to suanbu_command
--;
revoke insert, update on api_key, api_key_revocation, person, person_event, login, logout from suanbu_service
--;
revoke update (seen_at, proven_at, totp_step) on login from suanbu_service
--;
grant usage on schema public to suanbu_command, suanbu_reader
--;
grant insert on api_key, api_key_revocation, person to suanbu_command
--;

-- the reader: the whole province, but nothing that opens a door or is sealed ----------------------------------------

do $read$
declare
    place regclass;
    shown text;
begin
    for place, shown in
        select c.oid::regclass, string_agg(quote_ident(a.attname), ', ' order by a.attnum)
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
        and c.relname not in ('login', 'logout', 'request_nonce')
        and (c.relname, a.attname) not in (
            ('api_key', 'secret_digest'), ('person', 'password_hash'), ('person', 'totp_secret'),
            ('entity_fact', 'bank_account'), ('payout_instruction', 'account'))
        group by c.oid
    loop
        execute format('grant select (%s) on %s to suanbu_reader', shown, place);
    end loop;
    for place in select c.oid::regclass from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relrowsecurity
    loop
        execute format('create policy reader on %s for select to suanbu_reader using (true)', place);
    end loop;
end $read$
