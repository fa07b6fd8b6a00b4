-- The company's own view: people bound to one entity. No table has a row for them; functions tell what is theirs, by the
-- session that was shown and by nothing that anybody says. Run as suanbu_owner. Statements end with a line of their own: --;

do $words$
declare
    called name;
    body text := pg_get_functiondef('session_open(bytea,text,text,timestamptz,timestamptz,bigint,text)'::regprocedure);
begin
    select conname into strict called from pg_constraint
    where conrelid = 'person'::regclass and contype = 'c' and pg_get_constraintdef(oid) like '%approver%';
    execute format('alter table person drop constraint %I', called);
    execute format($$alter table person add constraint %I check (role in (
        'finance', 'reviewer', 'approver', 'payer', 'auditor', 'operator', 'admin', 'entity'))$$, called);
    -- one line of it, as it stands, whatever else was changed in it since
    if position('''payer'', ''admin'')' in body) = 0 then
        raise exception 'session_open is not what this migration changes';
    end if;
    execute replace(body, '''payer'', ''admin'')', '''payer'', ''admin'', ''entity'')');
end $words$
--;
alter table person add column uscc text
--;
comment on column person.uscc is 'the entity for which a person of the role entity acts'
--;
alter table person add constraint person_entity_bound_check check (
    (role = 'entity') = (uscc is not null) and (uscc is null or length(uscc) = 18 and city is null))
--;
grant select (uscc) on person to suanbu_service, suanbu_reader
--;
create function suanbu_company(out uscc text, out actor text, out fresh boolean)
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    shown record;
begin
    select * into shown from public.suanbu_shown();
    if shown.role = 'entity' then
        select p.uscc, shown.actor, shown.fresh into uscc, actor, fresh from public.person p
        where 'person:' || p.name = shown.actor and p.role = 'entity';
    end if;
end $$
--;
comment on function suanbu_company() is
'the entity whose person has shown an open session on this connection, and whether password and code were shown just now'
--;

-- what a line may come to under other readings ------------------------------------------------------------------------

create table settlement_interval (
    settlement text not null constraint settlement_interval_settlement_fkey references settlement (id),
    uscc text not null,
    strictest_fen bigint not null,
    generous_fen bigint not null,
    constraint settlement_interval_pkey primary key (settlement, uscc),
    constraint settlement_interval_ordered_check check (0 <= strictest_fen and strictest_fen <= generous_fen)
)
--;
comment on table settlement_interval is
'the least and the greatest award of each line over all readings, as it was computed once: told to the entity itself'
--;
alter table settlement_interval enable row level security
--;
alter table settlement_interval force row level security
--;
create policy scope on settlement_interval using (current_setting('suanbu.city', true) = '*')
--;
create policy reader on settlement_interval for select to suanbu_reader using (true)
--;
grant select, insert on settlement_interval to suanbu_service
--;
grant select on settlement_interval to suanbu_reader
--;

-- what a company says -------------------------------------------------------------------------------------------------

create table company_confirmation (
    id bigint generated always as identity constraint company_confirmation_pkey primary key,
    uscc text not null,
    round text not null,
    account bigint constraint company_confirmation_account_fkey references account_proposal (id),
    actor text not null,
    at timestamptz not null
)
--;
create index company_confirmation_uscc_idx on company_confirmation (uscc)
--;
comment on table company_confirmation is
'that an entity wants what a round awards to it, and to which account; nothing is paid or withheld for it'
--;
comment on column company_confirmation.account is 'the account in force that was confirmed; null where there was none'
--;
alter table company_confirmation enable row level security
--;
alter table company_confirmation force row level security
--;
create policy scope on company_confirmation using (current_setting('suanbu.city', true) = '*')
--;
create policy reader on company_confirmation for select to suanbu_reader using (true)
--;
grant select on company_confirmation to suanbu_service, suanbu_reader
--;
create trigger company_confirmation_kept before update or delete on company_confirmation
for each row execute function suanbu_kept()
--;
create trigger company_confirmation_kept_whole before truncate on company_confirmation execute function suanbu_kept()
--;
create constraint trigger record_row after insert on company_confirmation deferrable initially deferred
for each row execute function record_row()
--;

-- an account that the entity itself proposes rests on no fact of the registry ------------------------------------------

alter table account_proposal alter column batch drop not null, alter column ordinal drop not null
--;
alter table account_proposal add constraint account_proposal_of_a_fact_check
check ((batch is null) = (ordinal is null))
--;
comment on column account_proposal.batch is 'of the fact that states it; null where the entity itself proposed it'
--;
create or replace function account_proposal_apply() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp as $$
declare
    company record;
begin
    if new.batch is null then
        select * into company from public.suanbu_company();
        if company.uscc is null or not company.fresh
           or not exists (select from public.party p where p.id = new.party and p.uscc = company.uscc) then
            perform public.suanbu_refuse('no_such_fact',
                'an account is proposed by a fact of the registry that states it, or by the entity itself, with proof');
        end if;
        new.actor := company.actor;
    else
        select 'key:' || b.key_name into new.actor from public.entity_fact f join public.batch b on b.batch = f.batch
        where f.batch = new.batch and f.ordinal = new.ordinal and f.party = new.party and f.bank_account = new.account
        and f.valid_from is not distinct from new.valid_from and f.valid_to is not distinct from new.valid_to;
        if not found then
            perform public.suanbu_refuse('no_such_fact',
                'an account is proposed by a fact of the registry that states it, or by the entity itself, with proof');
        end if;
    end if;
    new.at := public.suanbu_now();
    new.digest := 'sha256:' || encode(sha256(convert_to(new.account, 'UTF8')), 'hex');
    return new;
end $$
--;
create or replace function account_is_first(p public.account_proposal) returns boolean language sql stable
set search_path = pg_catalog, public, pg_temp as $$
    select p.batch is not null and not p.holder_differs
    and not exists (select from public.account_proposal other where other.party = p.party and other.id <> p.id)
    and (select count(distinct f.name) from public.entity_fact f where f.party = p.party) = 1
$$
--;
comment on function account_is_first(public.account_proposal) is
'whether this is the first account that an entity ever had, held in the only name that it ever had; one that a company
proposes for itself always waits for another hand'
--;

-- what a company is told: of itself alone -----------------------------------------------------------------------------

create function company_entity() returns table (uscc text, name text, region text)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select c.uscc, f.name, f.region from public.suanbu_company() c
    left join public.party p on p.uscc = c.uscc
    left join lateral (select e.name, e.region from public.entity_fact e where e.party = p.id
                       order by e.batch desc, e.ordinal desc limit 1) f on true
    where c.uscc is not null
$$
--;
comment on function company_entity() is 'how the registry calls the entity of who acts'
--;
create function company_lines() returns table (
    id text, round text, status text, adjusts text, created_at timestamptz, as_of bigint, payment_order jsonb,
    readings jsonb, digest text, open boolean, line json, working json, strictest_fen bigint, generous_fen bigint,
    events jsonb
) language sql stable security definer set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
    with mine as materialized (
        select s.*, s.status in ('published', 'locked', 'paid') as open, l.line, l.working, l.uscc,
               row_number() over (partition by s.round order by s.created_at desc, s.id desc) as place
        from public.suanbu_company() c join public.settlement_line l on l.uscc = c.uscc
        join public.settlement s on s.id = l.settlement where s.status <> 'cancelled'
    )
    select m.id, m.round, m.status, m.adjusts, m.created_at, m.as_of, m.payment_order, m.readings, m.digest, m.open,
           m.line, case when m.open then m.working end, i.strictest_fen, i.generous_fen,
           (select coalesce(jsonb_agg(jsonb_build_object('id', e.id, 'event', e.event, 'at', e.at, 'detail', (
                select coalesce(jsonb_object_agg(said.key, said.value), '{}'::jsonb) from jsonb_each(e.detail) said
                where said.key in ('days', 'ends_at', 'note', 'decision', 'objection', 'by')
                and not (e.event in ('publish', 'lock') and said.key = 'note'))) order by e.id), '[]')
            from public.settlement_event e where e.settlement = m.id and (
                e.event in ('publish', 'lock', 'paid') or e.event = 'objection' and e.detail ->> 'uscc' = m.uscc
                or e.event = 'ruling' and exists (
                    select from public.settlement_event o where o.settlement = m.id and o.event = 'objection'
                    and o.id = (e.detail ->> 'objection')::bigint and o.detail ->> 'uscc' = m.uscc)))
    from mine m left join public.settlement_interval i on i.settlement = m.id and i.uscc = m.uscc
    where m.open or m.place = 1 order by m.created_at desc, m.id desc
$$
--;
comment on function company_lines() is
'the lines of the entity of who acts: of settlements in public notice, locked or paid, and of each round''s newest one,
whose working is not told before its notice'
--;
create function company_accounts() returns table (
    id bigint, masked text, event text, at timestamptz, decided_at timestamptz, note text, own boolean, in_force boolean
) language sql volatile security definer set search_path = pg_catalog, public, pg_temp as $$
    select a.id, a.masked, e.event, a.at, e.at, e.note, a.actor = c.actor,
           coalesce(a.id = public.account_on(c.uscc, public.suanbu_today()), false)
    from public.suanbu_company() c join public.party p on p.uscc = c.uscc
    join public.account_proposal a on a.party = p.id left join public.account_event e on e.proposal = a.id
    order by a.id desc
$$
--;
comment on function company_accounts() is 'the accounts of the entity of who acts, masked, the newest first'
--;
create function company_confirmations() returns table (round text, account bigint, actor text, at timestamptz)
language sql stable security definer set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
    select distinct on (f.round) f.round, f.account, f.actor, f.at from public.suanbu_company() c
    join public.company_confirmation f on f.uscc = c.uscc order by f.round, f.id desc
$$
--;
comment on function company_confirmations() is 'what the entity of who acts confirmed last of each round'
--;
create function company_payments() returns table (
    settlement text, amount_fen bigint, offset_fen bigint, status text, masked text
) language sql stable security definer set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
    select i.settlement, i.amount_fen, i.offset_fen, i.status,
           (select a.masked from public.account_proposal a where a.account = i.account order by a.id desc limit 1)
    from public.suanbu_company() c join public.payout_instruction i on i.uscc = c.uscc order by i.id desc
$$
--;
comment on function company_payments() is 'what is paid to the entity of who acts'
--;
create function company_use() returns table (
    month text, facility text, chip text, millicard_seconds numeric, charge_fen numeric, records numeric
) language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select to_char(date '1970-01-01' + r.day, 'YYYY-MM'), f.code, h.code, sum(r.millicard_seconds), sum(r.charge_fen),
           sum(r.starts)
    from public.suanbu_company() c join public.party p on p.uscc = c.uscc join public.rollup r on r.consumer = p.id
    join public.facility f on f.id = r.facility join public.chip h on h.id = r.chip
    group by 1, 2, 3 order by 1, 2, 3
$$
--;
comment on function company_use() is 'what the entity of who acts has used by month, as far as it is added up'
--;
create function company_quarantine() returns table (
    code text, status text, records bigint, first timestamptz, last timestamptz
) language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    -- the consumer as the record itself names it; of what waits, the oldest fifty thousand are looked at
    select w.code, w.status, count(*), min(b.recorded_at), max(b.recorded_at) from public.suanbu_company() c, lateral (
        select q.code, q.status, q.batch, substring(q.record from 1 for 4000) as said
        from public.quarantine q
        where not exists (select from public.quarantine_release r where r.quarantine = q.id)
        order by q.id limit 50000) w
    join public.batch b on b.batch = w.batch
    where position(convert_to('"' || c.uscc || '"', 'UTF8') in w.said) > 0
    and substring(encode(w.said, 'escape') from '"consumer"\s*:\s*"([0-9A-Z]{18})"') = c.uscc
    group by 1, 2 order by 1, 2
$$
--;
comment on function company_quarantine() is 'records about the entity of who acts that were not taken, by reason'
--;

-- what a company does -------------------------------------------------------------------------------------------------

create function company_proven() returns text language plpgsql stable security definer
set search_path = pg_catalog, public, pg_temp as $$
declare
    company record;
begin
    select * into company from public.suanbu_company();
    if company.uscc is null then
        perform public.suanbu_refuse('no_company', 'this is said by a person of an entity about that entity');
    end if;
    if not company.fresh then
        perform public.suanbu_refuse('proof_needed', 'who speaks for an entity has just shown password and code');
    end if;
    return company.uscc;
end $$
--;
comment on function company_proven() is 'the entity of who acts, who has just shown password and code, or a refusal'
--;
create function company_confirm(of_round text, wanted bigint) returns void language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
declare
    code text := public.company_proven();
    known bigint := public.account_on(code, public.suanbu_today());
    who text := (select actor from public.suanbu_company());
begin
    if wanted is distinct from known then
        perform public.suanbu_refuse('account_changed', 'another account is in force than the one that was confirmed');
    end if;
    insert into public.company_confirmation (uscc, round, account, actor, at)
    values (code, of_round, known, who, public.suanbu_now());
    perform public.audit_append(who, 'company.confirm', code, 'done', null, public.account_masked(known),
                                jsonb_build_object('round', of_round, 'proposal', known)::text);
end $$
--;
comment on function company_confirm(text, bigint) is
'writes down that the entity of who acts wants what a round awards, paid to the account in force'
--;
create function company_propose_account(sealed text, shown text, differs boolean) returns bigint
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    code text := public.company_proven();
    found_one bigint;
begin
    select p.id into found_one from public.party p where p.uscc = code;
    if not found then
        perform public.suanbu_refuse('no_company', format('the registry does not know %s', code));
    end if;
    if exists (select from public.account_proposal a where a.party = found_one and a.account = sealed and (
                   a.id = public.account_on(code, public.suanbu_today())
                   or not exists (select from public.account_event e where e.proposal = a.id))) then
        perform public.suanbu_refuse('account_known', 'this account is in force, or waits for its approval');
    end if;
    insert into public.account_proposal (party, account, digest, masked, holder_differs, actor, at)
    values (found_one, sealed, '', shown, differs, '', public.suanbu_now()) returning id into found_one;
    return found_one;
end $$
--;
comment on function company_propose_account(text, text, boolean) is
'proposes an account of the entity of who acts: nothing is paid to it before another hand has approved it'
--;
create function company_object(wanted text, why text) returns bigint language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
declare
    company record;
    made bigint;
begin
    select * into company from public.suanbu_company();
    if company.uscc is null or not exists (
        select from public.settlement_line where settlement = wanted and uscc = company.uscc) then
        perform public.suanbu_refuse('no_such_line', 'there is no line of yours in this settlement');
    end if;
    insert into public.settlement_event (settlement, event, before, after, actor, at, transaction, detail)
    values (wanted, 'objection', '', '', company.actor, public.suanbu_now(), 0,
            jsonb_build_object('uscc', company.uscc, 'note', why)) returning id into made;
    return made;
end $$
--;
comment on function company_object(text, text) is
'objects to the line of the entity of who acts while its settlement is in public notice'
--;
grant execute on function company_entity(), company_lines(), company_accounts(), company_confirmations(),
    company_payments(), company_use(), company_quarantine(), company_confirm(text, bigint),
    company_propose_account(text, text, boolean), company_object(text, text)
to suanbu_city
--;
revoke execute on function suanbu_company(), company_proven() from public
