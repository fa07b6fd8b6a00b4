-- People: passwords and second factors that change, where a login came from, and codes for who moves or decides. Run as
-- suanbu_owner. Statements end with a line of their own: --;

do $words$
declare
    called name;
begin
    select conname into strict called from pg_constraint
    where conrelid = 'person_event'::regclass and contype = 'c' and pg_get_constraintdef(oid) like '%reauthenticate%';
    execute format('alter table person_event drop constraint %I', called);
    execute format($$alter table person_event add constraint %I check (event in (
        'login', 'second_factor', 'reauthenticate', 'logout', 'disable', 'enable', 'unlock', 'password'))$$, called);
end $words$
--;
drop function session_open(bytea, text, timestamptz, timestamptz, bigint)
--;
create function session_open(
    token bytea, called text, moment timestamptz, until timestamptz, step bigint, client text default ''
) returns void language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
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
    if p.totp_secret is null and p.role in ('finance', 'reviewer', 'approver', 'payer', 'admin') then
        perform public.suanbu_refuse('second_factor_missing', format('%s needs a second factor', p.role));
    end if;
    insert into public.login (token_digest, person, created_at, expires_at, seen_at, proven_at, totp_step)
    values (token, p.id, moment, until, moment, moment, step);
    insert into public.person_event (name, event, result, actor, at, detail)
    values (called, 'login', 'done', 'person:' || called, moment,
            jsonb_build_object('second_factor', step is not null, 'client', client));
end $$
--;
comment on function session_open(bytea, text, timestamptz, timestamptz, bigint, text) is
'opens the session of a person whose password was right, on record; who moves or decides has a second factor'
--;
drop function session_refused(text, text, text, timestamptz)
--;
create function session_refused(called text, did text, why text, moment timestamptz, client text default '')
returns void language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if did not in ('login', 'reauthenticate') or coalesce(why, '') = '' then
        perform public.suanbu_refuse('event_unknown', 'a login or a second showing is refused, for a reason');
    end if;
    insert into public.person_event (name, event, result, actor, at, detail)
    values (called, did, 'refused', case did when 'login' then 'nobody' else 'person:' || called end, moment,
            jsonb_build_object('reason', why, 'client', client));
end $$
--;
create function sessions_end(called text, moment timestamptz) returns void
language sql set search_path = pg_catalog, public, pg_temp as $$
    insert into public.logout (token_digest, at)
    select l.token_digest, moment from public.login l join public.person p on p.id = l.person where p.name = called
    on conflict do nothing
$$
--;
create function session_password(token bytea, hash text, moment timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    p public.person%rowtype := public.session_whose(token, moment);
begin
    if hash not like '$argon2id$%' then
        perform public.suanbu_refuse('no_hash', 'of a password its hash is kept');
    end if;
    if not exists (select from public.login l where l.token_digest = token
                   and l.proven_at between moment - interval '5 minutes' and moment) then
        perform public.suanbu_refuse('not_proven', 'a password is changed by who has just shown the old one');
    end if;
    update public.person set password_hash = hash where id = p.id;
    perform public.sessions_end(p.name, moment);
    insert into public.person_event (name, event, result, actor, at, detail)
    values (p.name, 'password', 'done', 'person:' || p.name, moment, '{}');
end $$
--;
comment on function session_password(bytea, text, timestamptz) is
'changes the password of whose session it is, on record, and ends all sessions of the person'
--;
create function person_given(called text, what text, kept text, moment timestamptz) returns boolean
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if what not in ('password', 'second_factor') or what = 'password' and kept not like '$argon2id$%'
       or coalesce(kept, '') = '' then
        perform public.suanbu_refuse('event_unknown', 'an administrator gives a password or a second factor');
    end if;
    update public.person set
        password_hash = case what when 'password' then kept else password_hash end,
        totp_secret = case what when 'second_factor' then kept else totp_secret end
    where name = called;
    if not found then
        return false;
    end if;
    perform public.sessions_end(called, moment);
    insert into public.person_event (name, event, result, actor, at, detail)
    values (called, what, 'done', public.suanbu_actor(), moment, '{}');
    return true;
end $$
--;
comment on function person_given(text, text, text, timestamptz) is
'the command line gives a person another password or second factor, on record, and ends all sessions of the person'
--;
grant execute on function session_open(bytea, text, timestamptz, timestamptz, bigint, text),
    session_refused(text, text, text, timestamptz, text), session_password(bytea, text, timestamptz)
to suanbu_service
--;
grant execute on function person_given(text, text, text, timestamptz) to suanbu_command
