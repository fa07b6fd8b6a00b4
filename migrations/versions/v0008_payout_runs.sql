-- Payout runs (发放批次): what one hand proposes to pay and another releases, within the limits in force; the files that
-- went to a bank. Statements end with a line of their own: --;

create table payout_rule (
    id bigint generated always as identity constraint payout_rule_pkey primary key,
    leases text not null constraint payout_rule_leases_known_check check (leases in ('own', 'all')),
    run_limit_fen bigint,
    payee_limit_fen bigint,
    confirms bigint constraint payout_rule_confirms_key unique
        constraint payout_rule_confirms_fkey references payout_rule (id),
    actor text not null,
    at timestamptz not null,
    note text,
    constraint payout_rule_limits_check check (run_limit_fen > 0 and payee_limit_fen > 0)
)
--;
comment on table payout_rule is
'what payout runs may come to and whose leases need one; a rule is in force when another hand has confirmed it'
--;
comment on column payout_rule.leases is 'own: only what our own job leases has to be released; all: whatever is leased'
--;
create table payout_run (
    id bigint generated always as identity constraint payout_run_pkey primary key,
    settlement text not null constraint payout_run_settlement_fkey references settlement (id),
    wanted bigint[],
    instructions integer not null,
    sum_fen bigint not null,
    digest text not null,
    actor text not null,
    at timestamptz not null,
    note text
)
--;
create index payout_run_settlement_idx on payout_run (settlement)
--;
comment on table payout_run is 'what is to be paid in one go; nothing of it goes out before another hand released it'
--;
comment on column payout_run.wanted is 'the instructions that were asked for; none named: all that were ready'
--;
create table payout_run_item (
    run bigint not null constraint payout_run_item_run_fkey references payout_run (id),
    instruction bigint not null constraint payout_run_item_instruction_fkey references payout_instruction (id),
    uscc text not null,
    reference text not null,
    amount_fen bigint not null,
    account_sha256 text not null,
    constraint payout_run_item_pkey primary key (run, instruction)
)
--;
create index payout_run_item_instruction_idx on payout_run_item (instruction)
--;
comment on table payout_run_item is 'an instruction in a run, as it was when the run was proposed'
--;
create table payout_run_event (
    id bigint generated always as identity constraint payout_run_event_pkey primary key,
    run bigint not null constraint payout_run_event_run_fkey references payout_run (id),
    event text not null
        constraint payout_run_event_event_known_check check (event in ('approve', 'reject', 'stop')),
    digest text,
    actor text not null,
    at timestamptz not null,
    note text
)
--;
create index payout_run_event_run_idx on payout_run_event (run)
--;
comment on table payout_run_event is 'what became of a run: released, rejected, stopped, released again'
--;
create table payout_file (
    id bigint generated always as identity constraint payout_file_pkey primary key,
    name text not null constraint payout_file_name_key unique,
    sha256 text not null,
    encoding text not null,
    instructions integer not null,
    sum_fen bigint not null,
    actor text not null,
    at timestamptz not null
)
--;
comment on table payout_file is
'a file of payments, written down before it goes to the bank; what it holds was handed over under its name'
--;

-- the rule in force -------------------------------------------------------------------------------------------------

create function payout_rule_in_force() returns payout_rule language sql stable security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
    select r from public.payout_rule r where r.confirms is not null order by r.id desc limit 1
$$
--;
comment on function payout_rule_in_force() is 'the rule that was confirmed last; none: our own job needs a release, no limits'
--;
create function payout_rule_apply() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
declare
    p public.payout_rule%rowtype;
begin
    new.at := public.suanbu_now();
    if public.suanbu_hand(new.actor) = '' then
        perform public.suanbu_refuse('nobody', 'a decision is somebody''s');
    end if;
    if new.confirms is null then
        return new;
    end if;
    select * into p from public.payout_rule where id = new.confirms and confirms is null for update;
    if not found then
        perform public.suanbu_refuse('no_such_rule', 'there is no such rule that waits');
    end if;
    if exists (select from public.payout_rule where confirms = p.id) then
        perform public.suanbu_refuse('already_decided', 'this rule was confirmed before');
    end if;
    if public.suanbu_hand(p.actor) = public.suanbu_hand(new.actor) then
        perform public.suanbu_refuse('same_person', 'whoever proposed a rule cannot confirm it');
    end if;
    if not public.suanbu_may_approve(new.actor) then
        perform public.suanbu_refuse('not_an_approver',
            'a rule is confirmed with the scope settlement:approve, for the whole province');
    end if;
    new.leases := p.leases;
    new.run_limit_fen := p.run_limit_fen;
    new.payee_limit_fen := p.payee_limit_fen;
    return new;
end $$
--;
create trigger payout_rule_apply before insert on payout_rule for each row execute function payout_rule_apply()
--;

-- a run and what is in it -------------------------------------------------------------------------------------------

create function payout_account_sha256(account text) returns text language sql immutable
set search_path = pg_catalog, public, pg_temp as
$$ select 'sha256:' || encode(sha256(convert_to(account, 'UTF8')), 'hex') $$
--;
create function payout_run_status(wanted bigint) returns text language sql stable security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
    select case coalesce((select event from public.payout_run_event where run = wanted order by id desc limit 1), '')
        when '' then 'proposed' when 'approve' then 'released' when 'reject' then 'rejected' else 'stopped' end
$$
--;
create function payout_run_ready(wanted_settlement text, wanted bigint[])
returns table (instruction bigint, uscc text, reference text, amount_fen bigint, account_sha256 text)
language sql stable security definer set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
    select i.id, i.uscc, i.reference, i.amount_fen, public.payout_account_sha256(i.account)
    from public.payout_instruction i
    where i.settlement = wanted_settlement and i.status = 'ready' and i.account is not null
    and (wanted is null or i.id = any (wanted))
    and not exists (
        select from public.payout_run_item t where t.instruction = i.id and t.reference = i.reference
        and t.amount_fen = i.amount_fen and public.payout_run_status(t.run) <> 'rejected')
    order by i.id
$$
--;
comment on function payout_run_ready(text, bigint[]) is
'what of a settlement can go into a new run: ready, with an account, and in no other run as it is now'
--;
create function payout_run_digest(wanted_settlement text, wanted bigint[]) returns text language sql stable
set search_path = pg_catalog, public, pg_temp as $$
    select 'sha256:' || encode(sha256(convert_to(coalesce(string_agg(jsonb_build_array(r.instruction, r.uscc,
        r.reference, r.amount_fen, r.account_sha256)::text, '' order by r.instruction), ''), 'UTF8')), 'hex')
    from public.payout_run_ready(wanted_settlement, wanted) r
$$
--;
create function payout_run_within(wanted_fen bigint, largest_fen bigint, payee text) returns void language plpgsql stable
set search_path = pg_catalog, public, pg_temp as $$
declare
    rule public.payout_rule%rowtype;
begin
    select * into rule from public.payout_rule_in_force();
    if wanted_fen > rule.run_limit_fen then
        perform public.suanbu_refuse('above_limit',
            format('the run comes to %s fen, and %s are allowed in one', wanted_fen, rule.run_limit_fen));
    end if;
    if largest_fen > rule.payee_limit_fen then
        perform public.suanbu_refuse('above_limit',
            format('%s would be paid %s fen, and %s are allowed', payee, largest_fen, rule.payee_limit_fen));
    end if;
end $$
--;
create function payout_run_apply() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
declare
    largest record;
begin
    if public.suanbu_hand(new.actor) = '' then
        perform public.suanbu_refuse('nobody', 'a decision is somebody''s');
    end if;
    -- of two that propose at once, the second sees what the first took
    perform from public.settlement where id = new.settlement for update;
    if not found then
        perform public.suanbu_refuse('no_such_settlement', format('there is no settlement %s', new.settlement));
    end if;
    new.at := public.suanbu_now();
    select count(*), coalesce(sum(r.amount_fen), 0), public.payout_run_digest(new.settlement, new.wanted)
    into new.instructions, new.sum_fen, new.digest
    from public.payout_run_ready(new.settlement, new.wanted) r;
    if new.instructions = 0 or new.instructions < cardinality(new.wanted) then
        perform public.suanbu_refuse('nothing_ready', case when new.wanted is null
            then 'nothing of this settlement is ready and in no run yet'
            else 'not all that is named is ready, has an account, and is in no run yet' end);
    end if;
    select r.uscc, r.amount_fen into largest from public.payout_run_ready(new.settlement, new.wanted) r
    order by r.amount_fen desc, r.uscc collate "C" limit 1;
    perform public.payout_run_within(new.sum_fen, largest.amount_fen, largest.uscc);
    return new;
end $$
--;
create trigger payout_run_apply before insert on payout_run for each row execute function payout_run_apply()
--;
create function payout_run_filled() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
begin
    insert into public.payout_run_item (run, instruction, uscc, reference, amount_fen, account_sha256)
    select new.id, r.instruction, r.uscc, r.reference, r.amount_fen, r.account_sha256
    from public.payout_run_ready(new.settlement, new.wanted) r;
    if (select count(*) from public.payout_run_item where run = new.id) <> new.instructions then
        perform public.suanbu_refuse('run_changed', 'an instruction changed this very moment: try again');
    end if;
    return null;
end $$
--;
create trigger payout_run_filled after insert on payout_run for each row execute function payout_run_filled()
--;
create function payout_run_event_apply() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
declare
    r public.payout_run%rowtype;
    stopper text;
    largest record;
    state text;
    unlike text;
begin
    select * into r from public.payout_run where id = new.run for update;
    if not found then
        perform public.suanbu_refuse('no_such_run', format('there is no payout run %s', new.run));
    end if;
    new.at := public.suanbu_now();
    state := public.payout_run_status(r.id);
    if public.suanbu_hand(new.actor) = '' then
        perform public.suanbu_refuse('nobody', 'a decision is somebody''s');
    end if;
    if (state, new.event) not in (('proposed', 'approve'), ('proposed', 'reject'), ('released', 'stop'),
                                  ('stopped', 'approve'), ('stopped', 'reject')) then
        perform public.suanbu_refuse('state_not_allowed',
            format('a run that is %s cannot go through %s', state, new.event));
    end if;
    if new.event <> 'approve' then
        return new;
    end if;
    if not public.suanbu_may_approve(new.actor) then
        perform public.suanbu_refuse('not_an_approver',
            'a run is released with the scope settlement:approve, for the whole province');
    end if;
    select actor into stopper from public.payout_run_event where run = r.id and event = 'stop' order by id desc limit 1;
    if public.suanbu_hand(new.actor) in (public.suanbu_hand(r.actor), public.suanbu_hand(stopper)) then
        perform public.suanbu_refuse('same_person', 'whoever proposed or stopped a run cannot release it');
    end if;
    if new.digest is not null and new.digest <> r.digest then
        perform public.suanbu_refuse('digest_changed', 'the digest to be released is not that of this run');
    end if;
    new.digest := r.digest;
    select t.uscc, t.amount_fen into largest from public.payout_run_item t where t.run = r.id
    order by t.amount_fen desc, t.uscc collate "C" limit 1;
    perform public.payout_run_within(r.sum_fen, largest.amount_fen, largest.uscc);
    if state = 'proposed' then
        select min(t.uscc collate "C") into unlike from public.payout_run_item t
        left join public.payout_instruction i on i.id = t.instruction and i.status = 'ready'
            and i.reference = t.reference and i.amount_fen = t.amount_fen
            and public.payout_account_sha256(i.account) = t.account_sha256
        where t.run = r.id and i.id is null;
        if unlike is not null then
            perform public.suanbu_refuse('run_changed',
                format('the payment to %s is not what was proposed: reject this run and propose another', unlike));
        end if;
    end if;
    return new;
end $$
--;
create trigger payout_run_event_apply before insert on payout_run_event
for each row execute function payout_run_event_apply()
--;

-- what a release governs --------------------------------------------------------------------------------------------

create function payout_released(i payout_instruction) returns boolean language sql stable
set search_path = pg_catalog, public, pg_temp as $$
    select exists (
        select from public.payout_run_item t
        where t.instruction = i.id and t.reference = i.reference and t.amount_fen = i.amount_fen
        and t.account_sha256 = public.payout_account_sha256(i.account)
        -- what may be with the bank is asked about, whatever became of its run since
        and case when i.first_sent_at is null then public.payout_run_status(t.run) = 'released'
            else exists (select from public.payout_run_event e where e.run = t.run and e.event = 'approve') end)
$$
--;
comment on function payout_released(payout_instruction) is 'whether it is in a released run just as it is now'
--;
create function payout_event_released() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
declare
    i public.payout_instruction%rowtype;
begin
    if new.detail ? 'gateway' or (select leases = 'all' from public.payout_rule_in_force()) then
        select * into i from public.payout_instruction where id = new.instruction;
        if not public.payout_released(i) then
            perform public.suanbu_refuse('not_released',
                format('instruction %s is in no released payout run as it is now', new.instruction));
        end if;
    end if;
    return new;
end $$
--;
-- after payout_event_apply, which says whether there may be a lease at all: triggers go by their names
create trigger payout_event_released before insert on payout_event
for each row when (new.detail ? 'lease') execute function payout_event_released()
--;
create function payout_event_halts() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
begin
    insert into public.payout_run_event (run, event, actor, at, note)
    select distinct t.run, 'stop', new.actor, new.at, format('wrong amount: instruction %s', new.instruction)
    from public.payout_run_item t
    where t.instruction = new.instruction and public.payout_run_status(t.run) = 'released';
    return null;
end $$
--;
create trigger payout_event_halts after insert on payout_event
for each row when (new.detail ->> 'contradiction' = 'WRONG_AMOUNT') execute function payout_event_halts()
--;
create function payout_chosen(how_many int, gateway text) returns table (id bigint, status text, fence int)
language sql security definer set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
    select i.id, i.status, i.fence from public.payout_instruction i
    where i.account is not null
    and (i.status = 'ready'
         or (i.status in ('leased', 'submitted', 'unknown') and i.leased_until < public.suanbu_now()))
    and (gateway is null and not coalesce((select leases = 'all' from public.payout_rule_in_force()), false)
         or public.payout_released(i))
    -- what another way to a bank may have taken with it does not go into a file
    and (gateway is distinct from 'batch' or i.status = 'ready' or i.status = 'leased' and not exists (
             select from public.payout_event e where e.instruction = i.id and e.reference = i.reference
             and e.detail ? 'lease' and e.detail ->> 'gateway' is distinct from 'batch'))
    -- what was never leased goes first, then whatever has waited longest: nobody starves
    order by i.leased_until nulls first, i.id limit how_many for update of i skip locked
$$
--;
comment on function payout_chosen(int, text) is
'holds what is to be leased until the end of the transaction; for our own gateways, and by a rule of all, what is released'
--;
drop function payout_chosen(int)
--;
drop function payout_held(bigint)
--;
create function payout_held(wanted bigint[]) returns bigint
language sql security definer set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
    select count(*) from (
        select from public.payout_instruction where id = any (wanted) order by id for update) held
$$
--;
comment on function payout_held(bigint[]) is 'holds instructions, in order of their numbers, until the transaction ends'
--;
create function payout_file_apply() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
begin
    new.at := public.suanbu_now();
    return new;
end $$
--;
create trigger payout_file_apply before insert on payout_file for each row execute function payout_file_apply()
--;
create function payout_file_full() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
declare
    payments bigint;
    fen bigint;
begin
    select count(*), coalesce(sum(i.amount_fen), 0) into payments, fen
    from public.payout_instruction i where i.handed_over_as = new.name and i.status = 'handed_over';
    if (payments, fen) <> (new.instructions, new.sum_fen) then
        perform public.suanbu_refuse('file_differs',
            format('the file %s says %s payments, %s fen; %s, %s were handed over', new.name, new.instructions,
                   new.sum_fen, payments, fen));
    end if;
    return null;
end $$
--;
create constraint trigger payout_file_full after insert on payout_file deferrable initially deferred
for each row execute function payout_file_full()
--;

-- the audit log, and kept for ever ----------------------------------------------------------------------------------

create function audit_payout_run() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
begin
    case tg_table_name
    when 'payout_rule' then
        perform public.audit_append(new.actor, 'payout_rule.' || case when new.confirms is null then 'propose'
            else 'confirm' end, coalesce(new.confirms, new.id)::text, 'done', null, null, to_jsonb(new)::text);
    when 'payout_run' then
        perform public.audit_append(new.actor, 'payout_run.propose', new.id::text, 'done', null, 'proposed',
            (to_jsonb(new) - 'wanted')::text);
    when 'payout_run_event' then
        perform public.audit_append(new.actor, 'payout_run.' || new.event, new.run::text, 'done', null,
            case new.event when 'approve' then 'released' when 'stop' then 'stopped' else 'rejected' end,
            to_jsonb(new)::text);
    when 'payout_file' then
        perform public.audit_append(new.actor, 'payout_file.hand_over', new.name, 'done', null, null,
            to_jsonb(new)::text);
    end case;
    return null;
end $$
--;
do $tables$
declare
    name text;
begin
    foreach name in array array['payout_rule', 'payout_run', 'payout_run_item', 'payout_run_event', 'payout_file'] loop
        execute format('create trigger %1$s_kept before update or delete on %1$s for each row '
                       'execute function suanbu_kept()', name);
        execute format('create trigger %1$s_kept_whole before truncate on %1$s execute function suanbu_kept()', name);
        execute format('alter table %s enable row level security', name);
        execute format('alter table %s force row level security', name);
        execute format('create policy scope on %s using (current_setting(''suanbu.city'', true) = ''*'')', name);
        execute format('create policy reader on %s for select to suanbu_reader using (true)', name);
        execute format('grant select on %s to suanbu_service, suanbu_reader', name);
        if name <> 'payout_run_item' then
            execute format('grant insert on %s to suanbu_service', name);
            execute format('create constraint trigger audit_row after insert on %s deferrable initially deferred '
                           'for each row execute function audit_payout_run()', name);
        end if;
    end loop;
end $tables$
--;
grant execute on function payout_chosen(int, text), payout_held(bigint[]), payout_run_status(bigint),
    payout_run_ready(text, bigint[]), payout_account_sha256(text), payout_released(payout_instruction),
    payout_rule_in_force() to suanbu_service
--;
grant execute on function payout_run_status(bigint) to suanbu_reader
