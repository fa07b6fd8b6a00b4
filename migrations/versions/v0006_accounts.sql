-- Whose hand it is; bank accounts as proposals that another hand approves; what an approval binds besides the lines.
-- Statements end with a line of their own: --;

create or replace function suanbu_hand(actor text) returns text language plpgsql immutable
set search_path = pg_catalog, public, pg_temp as $hand$
declare
    plain text := normalize(regexp_replace(actor, '^(key|person):', ''), NFKC);
    ligatures constant text := '{ligatures}';
    spelled constant text[] := string_to_array('{spelled}', ',');
begin
    plain := regexp_replace(plain, '[\u0001-\u0020\u007F-\u00A0\u00AD\u034F\u0600-\u0605\u061C\u06DD\u070F'
        '\u0890\u0891\u08E2\u115F\u1160\u1680\u17B4\u17B5\u180B-\u180F\u2000-\u200F\u2028-\u202F\u205F-\u206F'
        '\u2800\u3000\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB\U000110BD\U000110CD\U00013430-\U0001343F'
        '\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\U000E0000-\U000E0FFF]', '', 'g');
    if octet_length(plain) = length(plain) then
        return lower(plain collate "C");
    end if;
    plain := translate(plain, '{letters}', '{folded}');
    for place in 1 .. length(ligatures) loop
        plain := replace(plain, substr(ligatures, place, 1), spelled[place]);
    end loop;
    return normalize(plain, NFKC);
end $hand$
--;
comment on function suanbu_hand(text) is
'whose hand it is: a key and a person of one name are one, in whatever case and width, and whatever invisible is in it'
--;
create function suanbu_today() returns date language sql volatile security definer
set search_path = pg_catalog, public, pg_temp as
$$ select (public.suanbu_now() at time zone 'Asia/Shanghai')::date $$
--;
create function suanbu_may_approve(actor text) returns boolean language sql stable
set search_path = pg_catalog, public, pg_temp as $$
    select exists (
        select from public.api_key k where 'key:' || k.name = actor and 'settlement:approve' = any (k.scopes)
        and k.city is null and (k.expires_at is null or k.expires_at > clock_timestamp())
        and not exists (select from public.api_key_revocation r where r.api_key = k.id)
    ) or exists (
        select from public.person p where 'person:' || p.name = actor and p.role = 'approver' and p.city is null
        and not public.person_shut_out(p.name)
    )
$$
--;
comment on function suanbu_may_approve(text) is 'whether somebody has the scope settlement:approve for the whole province'
--;

-- bank accounts -----------------------------------------------------------------------------------------------------

create table account_proposal (
    id bigint generated always as identity constraint account_proposal_pkey primary key,
    party integer not null constraint account_proposal_party_fkey references party (id),
    batch bigint not null,
    ordinal integer not null,
    account text not null,
    digest text not null,
    masked text not null,
    holder_differs boolean not null,
    valid_from date,
    valid_to date,
    actor text not null,
    at timestamptz not null,
    constraint account_proposal_batch_ordinal_fkey foreign key (batch, ordinal) references entity_fact (batch, ordinal)
)
--;
create index account_proposal_party_idx on account_proposal (party)
--;
comment on table account_proposal is
'a bank account that the registry was told of; nothing is paid to it before another hand has approved it'
--;
comment on column account_proposal.account is 'sealed under a key that is kept outside the database'
--;
comment on column account_proposal.digest is 'SHA-256 of the sealed account: equal accounts of one entity have one'
--;
comment on column account_proposal.masked is 'bank and last places; empty for what was recorded before approvals'
--;
comment on column account_proposal.holder_differs is 'whether the holder is called otherwise than the entity'
--;
create table account_event (
    id bigint generated always as identity constraint account_event_pkey primary key,
    proposal bigint not null constraint account_event_proposal_key unique
        constraint account_event_proposal_fkey references account_proposal (id),
    event text not null constraint account_event_event_known_check check (event in ('approve', 'reject')),
    holder_confirmed boolean not null,
    replaces bigint constraint account_event_replaces_fkey references account_proposal (id),
    actor text not null,
    at timestamptz not null,
    note text
)
--;
comment on table account_event is 'what became of a proposal: an account is approved or rejected once'
--;
comment on column account_event.replaces is 'the proposal whose account was in force at that moment'
--;
create table settlement_account (
    event bigint not null constraint settlement_account_event_fkey references settlement_event (id),
    uscc text not null,
    proposal bigint constraint settlement_account_proposal_fkey references account_proposal (id),
    constraint settlement_account_pkey primary key (event, uscc)
)
--;
comment on table settlement_account is
'to which account each payable line was approved to be paid, by the event of the approval; none where there was none'
--;
create index batch_key_name_idx on batch (key_name, batch)
where kind in ('entities', 'facilities', 'chips', 'holdings', 'expenditures')
--;
-- what was recorded until now was paid to, so it counts as approved, in the order in which it was recorded
insert into account_proposal (party, batch, ordinal, account, digest, masked, holder_differs, valid_from, valid_to,
    actor, at)
select f.party, f.batch, f.ordinal, f.bank_account,
       'sha256:' || encode(sha256(convert_to(f.bank_account, 'UTF8')), 'hex'), '', false, f.valid_from, f.valid_to,
       'key:' || b.key_name, b.recorded_at
from entity_fact f join batch b on b.batch = f.batch where f.bank_account is not null order by f.batch, f.ordinal
--;
insert into account_event (proposal, event, holder_confirmed, actor, at, note)
select id, 'approve', false, 'migration', suanbu_now(), 'recorded before accounts were approved'
from account_proposal order by id
--;
select audit_append('migration', 'account.approve', 'accounts recorded so far', 'done', null, null,
                    jsonb_build_object('accounts', count(*))::text)
from account_proposal having count(*) > 0
--;
create function account_on(code text, day date) returns bigint language sql stable
set search_path = pg_catalog, public, pg_temp as $$
    select newest.id from (
        select a.id, a.valid_to from public.party p join public.account_proposal a on a.party = p.id
        join public.account_event e on e.proposal = a.id and e.event = 'approve'
        where p.uscc = code and (a.valid_from is null or a.valid_from <= day)
        order by a.valid_from desc nulls last, e.id desc limit 1
    ) newest where newest.valid_to is null or newest.valid_to > day
$$
--;
comment on function account_on(text, date) is
'the approved account in force on a day, by its proposal: the newest start that has come, of one start the last approved'
--;
create or replace function payout_account(code text) returns text language sql stable
set search_path = pg_catalog, public, pg_temp as $$
    select account from public.account_proposal where id = public.account_on(code, public.suanbu_today())
$$
--;
create function account_proposal_apply() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp as $$
begin
    select 'key:' || b.key_name into new.actor from public.entity_fact f join public.batch b on b.batch = f.batch
    where f.batch = new.batch and f.ordinal = new.ordinal and f.party = new.party and f.bank_account = new.account
    and f.valid_from is not distinct from new.valid_from and f.valid_to is not distinct from new.valid_to;
    if not found then
        perform public.suanbu_refuse('no_such_fact', 'an account is proposed by a fact of the registry that states it');
    end if;
    new.at := public.suanbu_now();
    new.digest := 'sha256:' || encode(sha256(convert_to(new.account, 'UTF8')), 'hex');
    return new;
end $$
--;
create trigger account_proposal_apply before insert on account_proposal
for each row execute function account_proposal_apply()
--;
create function account_event_apply() returns trigger language plpgsql security definer
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
    -- the first account of an entity, held in its own name, changes nothing: the second hand is that of the approval of
    -- the settlement, which names it
    first_one := new.event = 'approve' and new.actor = p.actor and not p.holder_differs
        and not exists (select from public.account_proposal other where other.party = p.party and other.id <> p.id);
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
create trigger account_event_apply before insert on account_event
for each row execute function account_event_apply()
--;
create function account_first() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp as $$
begin
    if not new.holder_differs
       and not exists (select from public.account_proposal where party = new.party and id <> new.id) then
        insert into public.account_event (proposal, event, holder_confirmed, actor, at, note)
        values (new.id, 'approve', false, new.actor, public.suanbu_now(), 'the first account, in the entity''s own name');
    end if;
    return null;
end $$
--;
create trigger account_first after insert on account_proposal
for each row execute function account_first()
--;
create function account_masked(wanted bigint) returns text language sql stable
set search_path = pg_catalog, public, pg_temp as $$
    select coalesce(nullif(masked, ''), digest) from public.account_proposal where id = wanted
$$
--;
create function audit_account() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp as $$
declare
    p public.account_proposal%rowtype;
    code text;
    before_ bigint;
begin
    select * into p from public.account_proposal
    where id = (to_jsonb(new) ->> case tg_table_name when 'account_event' then 'proposal' else 'id' end)::bigint;
    select uscc into code from public.party where id = p.party;
    if tg_table_name = 'account_event' then
        perform public.audit_append(new.actor, 'account.' || new.event, code, 'done',
            public.account_masked(new.replaces), public.account_masked(p.id),
            jsonb_build_object('proposal', p.id, 'account_sha256', p.digest, 'proposed_by', p.actor,
                'holder_differs', p.holder_differs, 'holder_confirmed', new.holder_confirmed, 'note', new.note)::text);
    else
        before_ := public.account_on(code, public.suanbu_today());
        perform public.audit_append(p.actor, 'account.propose', code, 'done', public.account_masked(before_),
            public.account_masked(p.id),
            jsonb_build_object('proposal', p.id, 'account_sha256', p.digest, 'batch', p.batch,
                'holder_differs', p.holder_differs, 'valid_from', p.valid_from, 'valid_to', p.valid_to)::text);
    end if;
    return null;
end $$
--;
create constraint trigger audit_account after insert on account_proposal deferrable initially deferred
for each row execute function audit_account()
--;
create constraint trigger audit_account after insert on account_event deferrable initially deferred
for each row execute function audit_account()
--;

-- what an approval binds, and what the lock holds against it -------------------------------------------------------

create function settlement_fact_by(wanted text, actor text) returns text language plpgsql stable
set search_path = pg_catalog, public, pg_temp as $$
declare
    s public.settlement%rowtype;
    mine bigint[];
    found_one text;
begin
    select * into s from public.settlement where id = wanted;
    select array_agg(b.batch) into mine from public.batch b
    where b.kind in ('entities', 'facilities', 'chips', 'holdings', 'expenditures') and b.batch <= s.as_of
    and b.key_name in (
        select named.key_name from (
            select distinct key_name from public.batch
            where kind in ('entities', 'facilities', 'chips', 'holdings', 'expenditures')
        ) named where public.suanbu_hand(named.key_name) = public.suanbu_hand(actor));
    if mine is null then
        return null;
    end if;
    -- a facility and a chip may stand behind any line; the others are about an entity
    select format('%s of batch %s', kind, batch) into found_one from public.batch
    where batch = any (mine) and kind in ('facilities', 'chips') limit 1;
    if found then
        return found_one;
    end if;
    select format('%s of %s', about.what, p.uscc) into found_one
    from public.settlement_line l join public.party p on p.uscc = l.uscc
    join lateral (
        select 'entities' as what from public.entity_fact f where f.party = p.id and f.batch = any (mine)
        union all select 'holdings' from public.holding_fact f where f.held = p.id and f.batch = any (mine)
        union all select 'holdings' from public.holding_fact f where f.batch = any (mine) and f.holder = p.id
        union all select 'expenditures' from public.expenditure_fact f
            where f.consumer = p.id and f.batch = any (mine)
        limit 1
    ) about on true
    where l.settlement = wanted and l.payable_fen > 0 limit 1;
    return found_one;
end $$
--;
comment on function settlement_fact_by(text, text) is
'a fact behind a payable line that this hand recorded, or null; exact for entities, any for facilities and chips'
--;
create function settlement_accounts_now(wanted text) returns table (uscc text, proposal bigint)
language sql volatile security definer set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
    select l.uscc, public.account_on(l.uscc, public.suanbu_today())
    from public.settlement s join public.settlement_line l on l.settlement = s.id
    where s.id = wanted and public.settlement_due(s.adjusts, l.payable_fen, l.adjustment_fen) > 0
$$
--;
comment on function settlement_accounts_now(text) is 'each line that asks to be paid, and the account in force for it'
--;
create function settlement_accounts_approved(approval bigint) returns text language sql stable
set search_path = pg_catalog, public, pg_temp as $$
    select 'sha256:' || encode(sha256(convert_to(coalesce(string_agg(
        jsonb_build_array(a.uscc, p.digest)::text, '' order by a.uscc collate "C"), ''), 'UTF8')), 'hex')
    from public.settlement_account a left join public.account_proposal p on p.id = a.proposal
    where a.event = approval
$$
--;
create function settlement_event_money() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
declare
    approval public.settlement_event%rowtype;
    fact text;
    wrong text;
    others bigint;
begin
    if new.event = 'approve' then
        fact := public.settlement_fact_by(new.settlement, new.actor);
        if fact is null then
            select format('the account of %s', told.uscc) into fact from (
                select p.actor, min(now_.uscc collate "C") as uscc
                from public.settlement_accounts_now(new.settlement) now_
                join public.account_proposal p on p.id = now_.proposal group by p.actor
            ) told where public.suanbu_hand(told.actor) = public.suanbu_hand(new.actor) limit 1;
        end if;
        if fact is not null then
            perform public.suanbu_refuse('fact_by_approver',
                format('whoever recorded a fact behind a payable line cannot approve it: %s', fact));
        end if;
        select new.detail || jsonb_build_object('accounts_missing', count(*) filter (where now_.proposal is null),
            'accounts_sha256', 'sha256:' || encode(sha256(convert_to(coalesce(string_agg(
                jsonb_build_array(now_.uscc, p.digest)::text, '' order by now_.uscc collate "C"), ''), 'UTF8')), 'hex'))
        into new.detail from public.settlement_accounts_now(new.settlement) now_
        left join public.account_proposal p on p.id = now_.proposal;
    elsif new.event = 'lock' then
        select * into approval from public.settlement_event where settlement = new.settlement and event = 'approve'
        order by id desc limit 1;
        select min(now_.uscc collate "C"), count(*) - 1 into wrong, others
        from public.settlement_accounts_now(new.settlement) now_ where now_.proposal is null;
        if wrong is not null then
            perform public.suanbu_refuse('account_missing', format(
                'no approved account is in force for %s%s: have one approved, then approve the settlement again', wrong,
                case when others > 0 then format(' and %s more', others) else '' end));
        end if;
        if approval.detail ->> 'accounts_sha256'
           is distinct from public.settlement_accounts_approved(approval.id) then
            perform public.suanbu_refuse('account_changed',
                'the settlement was approved without its accounts, or they were changed since: approve it again');
        end if;
        select min(now_.uscc collate "C"), count(*) - 1 into wrong, others
        from public.settlement_accounts_now(new.settlement) now_
        left join public.settlement_account a on a.event = approval.id and a.uscc = now_.uscc
        left join public.account_proposal was on was.id = a.proposal
        join public.account_proposal p on p.id = now_.proposal where p.account is distinct from was.account;
        if wrong is not null then
            perform public.suanbu_refuse('account_changed', format(
                'the account in force for %s%s is not the one that was approved: approve the settlement again', wrong,
                case when others > 0 then format(' and %s more', others) else '' end));
        end if;
    end if;
    return new;
end $$
--;
-- after settlement_event_apply, which says whether the decision is possible at all: triggers go by their names
create trigger settlement_event_money before insert on settlement_event
for each row execute function settlement_event_money()
--;
create function settlement_event_bound() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
begin
    insert into public.settlement_account (event, uscc, proposal)
    select new.id, now_.uscc, now_.proposal from public.settlement_accounts_now(new.settlement) now_;
    if new.detail ->> 'accounts_sha256' is distinct from public.settlement_accounts_approved(new.id) then
        perform public.suanbu_refuse('account_changed', 'an account was approved this very moment: try again');
    end if;
    return null;
end $$
--;
create trigger settlement_event_bound after insert on settlement_event
for each row when (new.event = 'approve') execute function settlement_event_bound()
--;
create function payout_account_approved() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
declare
    approved text;
begin
    select p.account into approved from public.settlement_account a
    join public.account_proposal p on p.id = a.proposal
    where a.uscc = new.uscc and a.event = (select max(id) from public.settlement_event
                                           where settlement = new.settlement and event = 'approve');
    if approved is null or new.account is distinct from approved then
        perform public.suanbu_refuse('account_changed',
            format('%s is paid to the account that was approved, and to no other', new.uscc));
    end if;
    return new;
end $$
--;
create trigger payout_account_approved before insert on payout_instruction
for each row execute function payout_account_approved()
--;
create function payout_event_money() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
declare
    code text;
    p public.account_proposal%rowtype;
begin
    select uscc into code from public.payout_instruction where id = new.instruction;
    select * into p from public.account_proposal where id = public.account_on(code, public.suanbu_today());
    if not found then
        perform public.suanbu_refuse('account_missing', format('no approved account is in force for %s', code));
    end if;
    new.detail := new.detail || jsonb_build_object('account_proposal', p.id, 'account_sha256', p.digest);
    return new;
end $$
--;
-- money goes out again: to the account in force now, which two hands have put there, and the event says which
create trigger payout_event_money before insert on payout_event
for each row when (new.after = 'ready' and not new.detail ? 'offset_fen') execute function payout_event_money()
--;
-- what was approved can be approved again, when accounts have changed since; a public notice goes on standing
insert into settlement_transition (event, before, after)
values ('approve', 'approved', 'approved'), ('approve', 'published', 'published')
--;
do $again$
declare
    body constant text := pg_get_functiondef('settlement_event_apply()'::regprocedure);
    old constant text := 'when ''approve'' then ''approved''';
    fresh constant text :=
        'when ''approve'' then case when s.status = ''published'' then s.status else ''approved'' end';
begin
    -- one line of it, as it stands, whatever else was changed in it since
    if position(old in body) = 0 then
        raise exception 'settlement_event_apply is not what this migration changes';
    end if;
    execute replace(body, old, fresh);
end $again$
--;

-- kept for ever, and who may -----------------------------------------------------------------------------------------

create trigger account_proposal_kept before update or delete on account_proposal
for each row execute function suanbu_kept()
--;
create trigger account_proposal_kept_whole before truncate on account_proposal execute function suanbu_kept()
--;
create trigger account_event_kept before update or delete on account_event
for each row execute function suanbu_kept()
--;
create trigger account_event_kept_whole before truncate on account_event execute function suanbu_kept()
--;
create trigger settlement_account_kept before update or delete on settlement_account
for each row execute function suanbu_kept()
--;
create trigger settlement_account_kept_whole before truncate on settlement_account execute function suanbu_kept()
--;
revoke execute on function account_proposal_apply(), account_event_apply(), audit_account(), settlement_event_money(),
    settlement_event_bound(), payout_account_approved(), payout_event_money(), settlement_accounts_now(text),
    settlement_accounts_approved(bigint), settlement_fact_by(text, text), suanbu_may_approve(text) from public
--;
grant select, insert on account_proposal, account_event to suanbu_service
--;
grant select on settlement_account to suanbu_service
--;
grant execute on function account_on(text, date), suanbu_today(), settlement_accounts_now(text) to suanbu_service
--;
grant select (id, party, batch, ordinal, digest, masked, holder_differs, valid_from, valid_to, actor, at)
on account_proposal to suanbu_reader
--;
grant select on account_event, settlement_account to suanbu_reader
