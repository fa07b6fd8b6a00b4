-- Whose hand it is, is shown and not said: a decision needs the key, the signature or the session of who takes it. Run as
-- suanbu_owner. Statements end with a line of their own: --;

-- what the service holds of keys, people and sessions: enough to recognise a proof, and none itself -------------------

alter table api_key add column check_digest bytea not null generated always as (sha256(secret_digest)) stored
--;
comment on column api_key.check_digest is 'the SHA-256 of secret_digest: it recognises a key and opens nothing'
--;
select suanbu_adopt('api_key')
--;
revoke select on api_key, person from suanbu_service
--;
grant select (id, prefix, check_digest, name, scopes, source, city, created_at, expires_at, signed)
on api_key to suanbu_service
--;
grant select (id, name, role, city, totp_secret, created_at) on person to suanbu_service
--;
grant select (check_digest) on api_key to suanbu_reader
--;
drop index batch_key_name_idx
--;
create index batch_key_name_idx on batch (key_name, batch)
--;
create function suanbu_hmac(secret bytea, message bytea) returns bytea language plpgsql immutable
set search_path = pg_catalog, public, pg_temp as $$
declare
    padded bytea := secret || decode(repeat('00', 64 - length(secret)), 'hex');
    inner_ bytea := decode(repeat('36', 64), 'hex');
    outer_ bytea := decode(repeat('5c', 64), 'hex');
begin
    for place in 0 .. 63 loop
        inner_ := set_byte(inner_, place, get_byte(padded, place) # 54);
        outer_ := set_byte(outer_, place, get_byte(padded, place) # 92);
    end loop;
    return sha256(outer_ || sha256(inner_ || message));
end $$
--;
comment on function suanbu_hmac(bytea, bytea) is 'HMAC-SHA256 (RFC 2104), of a secret of 64 bytes at most'
--;
create function key_signed(key_prefix text, message bytea, signature bytea) returns boolean language plpgsql stable
security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    secret bytea;
begin
    select k.secret_digest into secret from public.api_key k where k.prefix = key_prefix and k.signed;
    return found and public.suanbu_hmac(secret, message) = signature;
end $$
--;
comment on function key_signed(text, bytea, bytea) is 'whether a key that signs its requests has signed this'
--;
create function person_salt(called text) returns text language sql stable security definer
set search_path = pg_catalog, public, pg_temp as $$
    select regexp_replace(password_hash, '[^$]*$', '') from public.person where name = called
$$
--;
comment on function person_salt(text) is 'how somebody''s password is hashed: algorithm, costs and salt, and not the hash'
--;
create function person_shows(called text, shown text) returns boolean language sql stable security definer
set search_path = pg_catalog, public, pg_temp as $$
    select exists (select from public.person where name = called and password_hash = shown)
$$
--;
comment on function person_shows(text, text) is 'whether this is the hash of somebody''s password'
--;

-- sessions: the database keeps the digest of what is shown ------------------------------------------------------------

drop function session_open(bytea, text, timestamptz, timestamptz, bigint, text)
--;
create function session_open(
    token bytea, called text, shown text, moment timestamptz, until timestamptz, step bigint, client text default ''
) returns void language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    p public.person%rowtype;
begin
    select * into p from public.person where name = called;
    if not found or public.person_shut_out(called) then
        perform public.suanbu_refuse('nobody', 'a session is of somebody who may come in');
    end if;
    if p.password_hash is distinct from shown then
        perform public.suanbu_refuse('password_wrong', 'a session is opened by who knows the password');
    end if;
    if until > moment + interval '8 hours' then
        perform public.suanbu_refuse('session_too_long', 'a session ends after 8 hours');
    end if;
    perform public.session_code(p, step);
    if p.totp_secret is null and p.role in ('finance', 'reviewer', 'approver', 'payer', 'admin') then
        perform public.suanbu_refuse('second_factor_missing', format('%s needs a second factor', p.role));
    end if;
    insert into public.login (token_digest, person, created_at, expires_at, seen_at, proven_at, totp_step)
    values (sha256(token), p.id, moment, until, moment, moment, step);
    insert into public.person_event (name, event, result, actor, at, detail)
    values (called, 'login', 'done', 'person:' || called, moment,
            jsonb_build_object('second_factor', step is not null, 'client', client));
end $$
--;
comment on function session_open(bytea, text, text, timestamptz, timestamptz, bigint, text) is
'opens the session of who shows the hash of his password, on record; who moves or decides has a second factor'
--;
create or replace function session_whose(token bytea, moment timestamptz) returns public.person language plpgsql stable
set search_path = pg_catalog, public, pg_temp as $$
declare
    p public.person%rowtype;
begin
    select q.* into p from public.login l join public.person q on q.id = l.person
    where l.token_digest = sha256(token) and l.expires_at > moment
    and not exists (select from public.logout o where o.token_digest = l.token_digest);
    if not found or public.person_shut_out(p.name) then
        perform public.suanbu_refuse('session_over', 'there is no such session that is open');
    end if;
    return p;
end $$
--;
create or replace function session_seen(token bytea, moment timestamptz) returns void
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    update public.login set seen_at = greatest(seen_at, moment) where token_digest = sha256(token)
$$
--;
drop function session_proven(bytea, timestamptz, bigint)
--;
create function session_proven(token bytea, shown text, moment timestamptz, step bigint) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    p public.person%rowtype := public.session_whose(token, moment);
begin
    if p.password_hash is distinct from shown then
        perform public.suanbu_refuse('password_wrong', 'who decides knows the password');
    end if;
    perform public.session_code(p, step);
    update public.login set proven_at = moment, totp_step = step where token_digest = sha256(token);
    insert into public.person_event (name, event, result, actor, at, detail)
    values (p.name, 'reauthenticate', 'done', 'person:' || p.name, moment, '{}');
end $$
--;
comment on function session_proven(bytea, text, timestamptz, bigint) is
'notes that password and code were shown once more, with the hash of the password'
--;
create or replace function session_end(token bytea, moment timestamptz) returns text
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    who text;
begin
    select q.name into who from public.login l join public.person q on q.id = l.person
    where l.token_digest = sha256(token);
    if not found then
        return null;
    end if;
    insert into public.logout (token_digest, at) values (sha256(token), moment) on conflict do nothing;
    if not found then
        return null;
    end if;
    insert into public.person_event (name, event, result, actor, at, detail)
    values (who, 'logout', 'done', 'person:' || who, moment, '{}');
    return who;
end $$
--;
create or replace function session_password(token bytea, hash text, moment timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    p public.person%rowtype := public.session_whose(token, moment);
begin
    if hash not like '$argon2id$%' then
        perform public.suanbu_refuse('no_hash', 'of a password its hash is kept');
    end if;
    if not exists (select from public.login l where l.token_digest = sha256(token)
                   and l.proven_at between moment - interval '5 minutes' and moment) then
        perform public.suanbu_refuse('not_proven', 'a password is changed by who has just shown the old one');
    end if;
    update public.person set password_hash = hash where id = p.id;
    perform public.sessions_end(p.name, moment);
    insert into public.person_event (name, event, result, actor, at, detail)
    values (p.name, 'password', 'done', 'person:' || p.name, moment, '{}');
end $$
--;

-- who acts ------------------------------------------------------------------------------------------------------------

create function suanbu_scopes_of(role text) returns text[] language sql immutable
set search_path = pg_catalog, public, pg_temp as $$
    select case role
        when 'finance' then
            '{settlement:run,report:read,usage:read,registry:read,payout:read}'::text[]
        when 'reviewer' then '{settlement:review,report:read}'
        when 'approver' then '{settlement:approve,report:read,payout:read}'
        when 'payer' then '{payout:run,payout:read}'
        when 'auditor' then '{audit:read,report:read,usage:read,registry:read,payout:read}'
        when 'operator' then '{usage:read,registry:read}'
        else '{}' end
$$
--;
comment on function suanbu_scopes_of(text) is 'what a person''s role may ask'
--;
create function suanbu_shown(out actor text, out role text, out scopes text[], out city text, out fresh boolean)
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    proof text[] := string_to_array(coalesce(current_setting('suanbu.proof', true), ''), ':');
    moment timestamptz := clock_timestamp();
begin
    if proof[1] = 'key' and array_length(proof, 1) = 3 then
        select 'key:' || k.name, null, k.scopes, k.city, true into actor, role, scopes, city, fresh
        from public.api_key k
        where k.prefix = proof[2] and not k.signed and k.secret_digest = decode(proof[3], 'hex')
        and (k.expires_at is null or k.expires_at > moment)
        and not exists (select from public.api_key_revocation r where r.api_key = k.id);
    elsif proof[1] = 'signed' and array_length(proof, 1) = 4 then
        -- method, path, digest of the body, seconds since 1970, nonce; a request may take its time once it is let in
        select 'key:' || k.name, null, k.scopes, k.city, true into actor, role, scopes, city, fresh
        from public.api_key k
        where k.prefix = proof[2] and k.signed
        and public.suanbu_hmac(k.secret_digest, decode(proof[4], 'hex')) = decode(proof[3], 'hex')
        and abs(extract(epoch from moment)
                - split_part(convert_from(decode(proof[4], 'hex'), 'UTF8'), E'\n', 4)::numeric) < 3600
        and not exists (select from public.api_key_revocation r where r.api_key = k.id);
    elsif proof[1] = 'session' and array_length(proof, 1) = 2 then
        select 'person:' || p.name, p.role, public.suanbu_scopes_of(p.role), p.city,
               l.totp_step is not null and l.proven_at > moment - interval '10 minutes'
        into actor, role, scopes, city, fresh
        from public.login l join public.person p on p.id = l.person
        where l.token_digest = sha256(decode(proof[2], 'hex')) and l.expires_at > moment
        and l.seen_at > moment - interval '35 minutes'
        and not exists (select from public.logout o where o.token_digest = l.token_digest)
        and not public.person_shut_out(p.name);
    end if;
end $$
--;
comment on function suanbu_shown() is
'who has shown a live key, a signature or an open session on this connection, and what he may ask; fresh: password and
code were shown within minutes (the door asks for five)'
--;
create or replace function suanbu_actor() returns text language plpgsql stable security definer
set search_path = pg_catalog, public, pg_temp as $$
declare
    said text := coalesce(current_setting('suanbu.actor', true), '');
begin
    if said ~ '^(key|person):' and said is distinct from (select shown.actor from public.suanbu_shown() shown)
       or said like 'command line%' and not pg_has_role(session_user, 'suanbu_command', 'member')
       or said !~ '^(key:|person:|command line|service$|nobody$|$)' then
        perform public.suanbu_refuse('actor_unknown', format('nobody here acts as %s', said));
    end if;
    return coalesce(nullif(said, ''), 'database:' || session_user);
end $$
--;
comment on function suanbu_actor() is
'who acts in this session: whose key, signature or session was shown, or the command line with its own role'
--;
create or replace function audit_note(did text, to_what text, came_of_it text, said text) returns bigint
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    named text := current_setting('suanbu.actor', true);
    -- of a key that was not taken, its name is all that is known of who sent it
    turned_away boolean := did = 'key.use' and came_of_it = 'refused' and (
        named = 'key:unknown' or exists (select from public.api_key k where 'key:' || k.name = named));
begin
    -- what was done to money, keys and people is written by the triggers of the tables where it stands
    if came_of_it = 'done' and did ~ '^(settlement|payout|payout_run|payout_rule|claim|person|key|account|registry|bank_statement|record)\.' and did <> 'key.use' then
        perform public.suanbu_refuse('audit_forged', format('%s is on record where it was done', did));
    end if;
    if came_of_it = 'done' and did <> 'key.use' and not pg_has_role(session_user, 'suanbu_command', 'member') then
        perform public.suanbu_refuse('audit_forged', format('the service does not do %s', did));
    end if;
    if came_of_it not in ('done', 'refused') then
        perform public.suanbu_refuse('audit_forged', 'something was done or refused');
    end if;
    return public.audit_append(case when turned_away then named else public.suanbu_actor() end,
                               did, to_what, came_of_it, null, null, said);
end $$
--;

-- who decides ---------------------------------------------------------------------------------------------------------

create function suanbu_administered() returns boolean language sql stable security definer
set search_path = pg_catalog, public, pg_temp as $$
    select exists (select from public.person p where p.role = 'admin' and not public.person_shut_out(p.name)
                   and exists (select from public.login l where l.person = p.id))
$$
--;
comment on function suanbu_administered() is
'whether an administrator has ever logged in who still may: from then on the command line decides nothing unnamed'
--;
create function suanbu_decides(who text, needed text[], of_city text, money boolean) returns void
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    shown record;
begin
    if who like 'command line%' and pg_has_role(session_user, 'suanbu_command', 'member') then
        if public.suanbu_administered() then
            perform public.suanbu_refuse('login_needed',
                'there is an administrator, so the command line asks who decides: log in, or give a key');
        end if;
        return;
    end if;
    select * into shown from public.suanbu_shown();
    if shown.actor is null or shown.actor is distinct from who then
        perform public.suanbu_refuse('actor_unproven', format('%s has shown neither key nor session', who));
    end if;
    if not needed && shown.scopes then
        perform public.suanbu_refuse('scope_missing',
            format('this needs the scope %s', array_to_string(needed, ' or ')));
    end if;
    if shown.city is not null and shown.city is distinct from of_city then
        perform public.suanbu_refuse('other_city', 'who is bound to a city decides about its own lines only');
    end if;
    if money and not shown.fresh then
        perform public.suanbu_refuse('proof_needed', 'who decides about money has just shown password and code');
    end if;
end $$
--;
comment on function suanbu_decides(text, text[], text, boolean) is
'refuses a decision of whoever has not shown to be who it names, with one of the scopes that it needs'
--;
create function suanbu_administers() returns void
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    shown record;
begin
    if not public.suanbu_administered() then
        return;
    end if;
    select * into shown from public.suanbu_shown();
    if shown.role is distinct from 'admin' or not shown.fresh then
        perform public.suanbu_refuse('login_needed',
            'there is an administrator: keys and people are made by who has just logged in as one');
    end if;
end $$
--;
comment on function suanbu_administers() is
'refuses keys and people of whoever is no administrator, as soon as there is one'
--;
-- The functions below run with the rights of who writes, so that they can tell a role of ours from the owner, whose own
-- functions write what follows from a decision (an instruction offset, a settlement paid).
create function decision_shown() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
declare
    needed text[] := '{settlement:approve}';
    pays constant text[] := '{payout:run}';
    of_city text;
    money boolean := true;
begin
    if pg_has_role(current_user, 'suanbu_owner', 'usage') then
        return new;
    end if;
    case tg_table_name
    when 'settlement_event' then
        if new.event in ('run', 'submit', 'cancel') then
            needed := '{settlement:run}';
        elsif new.event in ('review', 'objection') then
            needed := '{settlement:review}';
            of_city := new.city;
        elsif new.event not in ('return', 'approve', 'publish', 'ruling', 'lock') then
            perform suanbu_refuse('state_not_allowed', format('%s is nobody''s decision', new.event));
        end if;
        -- as in the console: a public notice and a ruling ask for no second showing, what money follows does
        money := new.event in ('approve', 'lock');
    when 'payout_event' then
        -- what failed, came back or is in dispute is for people: they decide, and of two the first proposes
        if not (new.before in ('failed', 'returned') and new.after = 'ready'
                or new.before = 'disputed' and (new.after <> 'disputed' or new.detail ? 'proposed')) then
            needed := pays;
        end if;
    when 'claim_event' then
        if new.event = 'propose' then
            needed := '{settlement:run}';
        end if;
    when 'account_event' then
        null;
    when 'payout_rule' then
        if new.confirms is null then
            needed := needed || pays;
            money := false;
        end if;
    when 'payout_run' then
        needed := pays;
    when 'payout_run_event' then
        if new.event <> 'approve' then
            needed := needed || pays;
            money := false;
        end if;
    when 'payout_refusal', 'payout_file', 'bank_statement', 'bank_statement_note' then
        needed := pays;
    end case;
    perform suanbu_decides(new.actor, needed, of_city, money and not needed && pays
                           and not needed && '{settlement:run,settlement:review}');
    return new;
end $$
--;
do $shown$
declare
    place text;
begin
    foreach place in array array['settlement_event', 'payout_event', 'claim_event', 'account_event', 'payout_rule',
        'payout_run', 'payout_run_event', 'payout_refusal', 'payout_file', 'bank_statement', 'bank_statement_note']
    loop
        -- after what says whether the decision is possible at all: triggers go by their names
        execute format('create trigger %1$s_shown before insert on %1$s for each row execute function decision_shown()',
                       place);
    end loop;
end $shown$
--;
create function fact_shown() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if not pg_has_role(current_user, 'suanbu_owner', 'usage') then
        perform suanbu_decides('key:' || new.key_name,
            array[case new.kind when 'control_totals' then 'usage:write' else 'registry:write' end], null, false);
    end if;
    return new;
end $$
--;
create trigger batch_shown before insert on batch
for each row when (new.kind not in ('usage', 'replay')) execute function fact_shown()
--;
create function facts_of_this_batch() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    -- a fact that is slipped into a batch of another day and hand would be known to runs of long ago
    if exists (select from fresh f left join public.batch b on b.batch = f.batch
               where b.xmin is distinct from pg_current_xact_id()::xid) then
        perform public.suanbu_refuse('batch_closed', 'facts are recorded together with their batch, never added to it');
    end if;
    return null;
end $$
--;
do $facts$
declare
    place text;
begin
    foreach place in array array['entity_fact', 'facility_fact', 'facility_owner', 'chip_fact', 'holding_fact',
                                 'expenditure_fact', 'control_total']
    loop
        execute format('create trigger %1$s_whole after insert on %1$s referencing new table as fresh '
                       'for each statement execute function facts_of_this_batch()', place);
    end loop;
end $facts$
--;
create function hand_made() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if not pg_has_role(current_user, 'suanbu_owner', 'usage') then
        perform suanbu_administers();
    end if;
    return new;
end $$
--;
create trigger api_key_made before insert on api_key for each row execute function hand_made()
--;
create trigger api_key_revocation_made before insert on api_key_revocation
for each row execute function hand_made()
--;
create trigger person_made before insert on person for each row execute function hand_made()
--;
create or replace function person_noted(called text, did text, moment timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform public.suanbu_administers();
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
create or replace function person_given(called text, what text, kept text, moment timestamptz) returns boolean
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    perform public.suanbu_administers();
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

-- what a settlement rests on is nobody's who has the last word about it -----------------------------------------------

create or replace function settlement_fact_by(wanted text, actor text) returns text language sql stable
set search_path = pg_catalog, public, pg_temp as $$
    with recursive names as (
        (select b.key_name from public.batch b order by b.key_name limit 1)
        union all
        select (select b.key_name from public.batch b where b.key_name > n.key_name order by b.key_name limit 1)
        from names n where n.key_name is not null
    )
    select format('%s of batch %s', b.kind, b.batch) from public.settlement s, names n, lateral (
        select one.kind, one.batch from public.batch one
        where one.key_name = n.key_name and one.batch <= s.as_of order by one.batch limit 1) b
    where s.id = wanted and n.key_name is not null and public.suanbu_hand(n.key_name) = public.suanbu_hand(actor)
    order by b.batch limit 1
$$
--;
comment on function settlement_fact_by(text, text) is
'what this hand recorded of all that was known to the run (usage, registry, control totals), or null'
--;
create function settlement_event_facts() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp as $$
declare
    fact text := public.settlement_fact_by(new.settlement, new.actor);
begin
    if fact is not null then
        perform public.suanbu_refuse('fact_by_approver',
            format('whoever recorded a fact that the settlement rests on cannot rule on an objection: %s', fact));
    end if;
    return new;
end $$
--;
create trigger settlement_event_facts before insert on settlement_event
for each row when (new.event = 'ruling') execute function settlement_event_facts()
--;

-- what was said of the registry is in the log, with what was said before ----------------------------------------------

create function registry_changes(wanted bigint, of_kind text) returns table (subject text, was text, became text)
language plpgsql stable set search_path = pg_catalog, public, pg_temp as $$
begin
    case of_kind
    when 'entities' then return query
        select p.uscc, old.content, f.content from public.entity_fact f join public.party p on p.id = f.party
        join lateral (select o.content from public.entity_fact o where o.party = f.party and o.batch < f.batch
                      order by o.batch desc, o.ordinal desc limit 1) old on true
        where f.batch = wanted order by f.ordinal;
    when 'facilities' then return query
        select d.code, old.content, f.content from public.facility_fact f join public.facility d on d.id = f.facility
        join lateral (select o.content from public.facility_fact o where o.facility = f.facility and o.batch < f.batch
                      order by o.batch desc, o.ordinal desc limit 1) old on true
        where f.batch = wanted order by f.ordinal;
    when 'chips' then return query
        select d.code, old.content, f.content from public.chip_fact f join public.chip d on d.id = f.chip
        join lateral (select o.content from public.chip_fact o where o.chip = f.chip and o.batch < f.batch
                      order by o.batch desc, o.ordinal desc limit 1) old on true
        where f.batch = wanted order by f.ordinal;
    when 'holdings' then return query
        select h.uscc || '>' || d.uscc, old.content, f.content from public.holding_fact f
        join public.party h on h.id = f.holder join public.party d on d.id = f.held
        join lateral (select o.content from public.holding_fact o
                      where o.held = f.held and o.holder = f.holder and o.batch < f.batch
                      order by o.batch desc, o.ordinal desc limit 1) old on true
        where f.batch = wanted order by f.ordinal;
    else return;
    end case;
end $$
--;
comment on function registry_changes(bigint, text) is
'what a batch of the registry says about what was recorded before, with the word before it'
--;
create function audit_registry() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp as $$
declare
    told jsonb;
begin
    select jsonb_build_object('changed', count(*), 'first_changed', coalesce(jsonb_agg(jsonb_build_object(
        'subject', c.subject, 'before', left(c.was, 1000), 'after', left(c.became, 1000))) filter (where c.place <= 100),
        '[]'))
    into told from public.registry_changes(new.batch, new.kind) with ordinality c (subject, was, became, place);
    perform public.audit_append('key:' || new.key_name, 'registry.' || new.kind, new.batch::text, 'done', null, null,
        (told || jsonb_build_object('accepted', new.accepted,
            'digest', new.algorithm || ':' || encode(new.digest, 'hex')))::text);
    return null;
end $$
--;
create constraint trigger audit_registry after insert on batch deferrable initially deferred
for each row when (new.kind not in ('usage', 'replay')) execute function audit_registry()
--;

-- a first account takes nothing from one that somebody approved; but who has been renamed is looked at by a second hand

create function account_is_first(p public.account_proposal) returns boolean language sql stable
set search_path = pg_catalog, public, pg_temp as $$
    select not p.holder_differs
    and not exists (select from public.account_proposal other where other.party = p.party and other.id <> p.id)
    and (select count(distinct f.name) from public.entity_fact f where f.party = p.party) = 1
$$
--;
comment on function account_is_first(public.account_proposal) is
'whether this is the first account that an entity ever had, held in the only name that it ever had'
--;
create or replace function account_event_apply() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp as $$
declare
    p public.account_proposal%rowtype;
    code text;
    first_one boolean;
begin
    select * into p from public.account_proposal where id = new.proposal for update;
    if not found then
        perform public.suanbu_refuse('no_such_proposal', format('there is no account proposal %s', new.proposal));
    end if;
    if exists (select from public.account_event where proposal = p.id) then
        perform public.suanbu_refuse('already_decided', 'this account was approved or rejected before');
    end if;
    -- the second hand behind a first account is that of the approval of the settlement, which names it
    first_one := new.event = 'approve' and new.actor = p.actor and public.account_is_first(p);
    if not first_one and public.suanbu_hand(p.actor) = public.suanbu_hand(new.actor) then
        perform public.suanbu_refuse('same_person', 'whoever proposed an account cannot decide about it');
    end if;
    if not first_one and not public.suanbu_may_approve(new.actor) then
        perform public.suanbu_refuse('not_an_approver',
            'an account is approved or rejected with the scope settlement:approve, for the whole province');
    end if;
    if new.event = 'approve' and p.holder_differs and not new.holder_confirmed then
        perform public.suanbu_refuse('holder_unconfirmed',
            'the holder of the account is called otherwise than the entity: confirm the holder');
    end if;
    select uscc into code from public.party where id = p.party;
    new.replaces := public.account_on(code, public.suanbu_today());
    new.at := public.suanbu_now();
    return new;
end $$
--;
create or replace function account_first() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp as $$
begin
    if public.account_is_first(new) then
        insert into public.account_event (proposal, event, holder_confirmed, actor, at, note)
        values (new.id, 'approve', false, new.actor, public.suanbu_now(), 'the first account, in the entity''s own name');
    end if;
    return null;
end $$
--;

-- rights --------------------------------------------------------------------------------------------------------------

grant execute on function key_signed(text, bytea, bytea), person_salt(text), person_shows(text, text),
    session_open(bytea, text, text, timestamptz, timestamptz, bigint, text),
    session_proven(bytea, text, timestamptz, bigint), suanbu_administered(), suanbu_decides(text, text[], text, boolean),
    suanbu_administers()
to suanbu_service
--;
grant execute on function suanbu_decides(text, text[], text, boolean) to suanbu_city
