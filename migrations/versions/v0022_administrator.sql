-- An administrator keeps people and keys in the console: functions that ask for the session of one, with password and code
-- shown just now, whether or not there ever was one before. Run as suanbu_owner. Statements end with a line of their own: --;

create function suanbu_administrator() returns void language plpgsql stable security definer
set search_path = pg_catalog, public, pg_temp as $$
declare
    shown record;
begin
    select * into shown from public.suanbu_shown();
    if shown.role is distinct from 'admin' or not coalesce(shown.fresh, false) then
        perform public.suanbu_refuse('login_needed', 'keys and people are made by who has just logged in as administrator');
    end if;
end $$
--;
comment on function suanbu_administrator() is
'refuses keys and people of whoever has not just shown to be an administrator'
--;
create function administrator_person(
    called text, as_role text, of_city text, of_uscc text, hash text, totp text, moment timestamptz
) returns void language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform public.suanbu_administrator();
    if hash not like '$argon2id$%' then
        perform public.suanbu_refuse('no_hash', 'of a password its hash is kept');
    end if;
    insert into public.person (name, role, city, uscc, password_hash, totp_secret, created_at)
    values (called, as_role, of_city, of_uscc, hash, totp, moment);
end $$
--;
comment on function administrator_person(text, text, text, text, text, text, timestamptz) is
'an administrator makes a person in the console'
--;
create function administrator_notes(called text, did text, moment timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform public.suanbu_administrator();
    perform public.person_noted(called, did, moment);
end $$
--;
comment on function administrator_notes(text, text, timestamptz) is
'an administrator shuts somebody out in the console, lets him in again or unlocks his name'
--;
create function administrator_gives(called text, what text, kept text, moment timestamptz) returns boolean
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform public.suanbu_administrator();
    return public.person_given(called, what, kept, moment);
end $$
--;
comment on function administrator_gives(text, text, text, timestamptz) is
'an administrator gives somebody another password or second factor in the console'
--;
create function administrator_key(
    key_prefix text, digest bytea, called text, wanted text[], of_source text, of_city text, until timestamptz,
    signs boolean, moment timestamptz
) returns void language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    number int;
begin
    perform public.suanbu_administrator();
    perform pg_advisory_xact_lock(23227);  -- COUNTING_KEYS
    if (select count(*) from public.api_key k where k.name = called and (k.expires_at is null or k.expires_at > moment)
        and not exists (select from public.api_key_revocation r where r.api_key = k.id)) >= 2 then
        perform public.suanbu_refuse('too_many_keys', format('%s has two live keys: revoke one first', called));
    end if;
    if of_source is not null then
        perform pg_advisory_xact_lock(23218);  -- NUMBERING_SOURCES
        select s.id into number from public.source s where s.name = of_source;
        if not found then
            select coalesce(max(s.id), 0) + 1 into number from public.source s;
            insert into public.source (id, name) values (number, of_source);
        end if;
    end if;
    insert into public.api_key (prefix, secret_digest, name, scopes, source, city, created_at, expires_at, signed)
    values (key_prefix, digest, called, wanted, number, of_city, moment, until, signs);
end $$
--;
comment on function administrator_key(text, bytea, text, text[], text, text, timestamptz, boolean, timestamptz) is
'an administrator makes a key in the console; a holder has two live keys at most, the old one and the one after it'
--;
create function administrator_revokes(key_prefix text, moment timestamptz) returns boolean
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    number bigint;
begin
    perform public.suanbu_administrator();
    select k.id into number from public.api_key k where k.prefix = key_prefix;
    if not found then
        return false;
    end if;
    insert into public.api_key_revocation (api_key, revoked_at) values (number, moment) on conflict do nothing;
    return true;
end $$
--;
comment on function administrator_revokes(text, timestamptz) is 'an administrator revokes a key in the console, for ever'
--;
create function session_second_factor(token bytea, kept text, moment timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    p public.person%rowtype := public.session_whose(token, moment);
begin
    if coalesce(kept, '') = '' then
        perform public.suanbu_refuse('event_unknown', 'a second factor is changed for another one');
    end if;
    if not exists (select from public.login l where l.token_digest = sha256(token)
                   and l.proven_at between moment - interval '5 minutes' and moment) then
        perform public.suanbu_refuse('not_proven', 'a second factor is changed by who has just shown password and code');
    end if;
    update public.person set totp_secret = kept where id = p.id;
    perform public.sessions_end(p.name, moment);
    insert into public.person_event (name, event, result, actor, at, detail)
    values (p.name, 'second_factor', 'done', 'person:' || p.name, moment, '{}');
end $$
--;
comment on function session_second_factor(bytea, text, timestamptz) is
'changes the second factor of whose session it is, on record, and ends all sessions of the person'
--;
grant execute on function administrator_person(text, text, text, text, text, text, timestamptz),
    administrator_notes(text, text, timestamptz), administrator_gives(text, text, text, timestamptz),
    administrator_key(text, bytea, text, text[], text, text, timestamptz, boolean, timestamptz),
    administrator_revokes(text, timestamptz), session_second_factor(bytea, text, timestamptz)
to suanbu_service
