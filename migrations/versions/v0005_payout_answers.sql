-- The guards of payouts: leases and files, the bank's references, words about earlier issues, two people behind a
-- dispute. Statements end with a line of their own: --;

create or replace function payout_event_apply() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
declare
    i payout_instruction%rowtype;
begin
    select * into i from payout_instruction where id = new.instruction for update;
    if not found then
        perform suanbu_refuse('no_such_instruction', format('there is no payout instruction %s', new.instruction));
    end if;
    new.at := suanbu_now();
    new.transaction := txid_current();
    new.before := i.status;
    if not exists (select from payout_transition where before = i.status and after = new.after) then
        perform suanbu_refuse('state_not_allowed',
            format('an instruction that is %s does not become %s', i.status, new.after));
    end if;
    if coalesce(new.reference, '') in ('', i.reference) then
        new.reference := i.reference;
    elsif not exists (select from payout_event where instruction = i.id and reference = new.reference) then
        perform suanbu_refuse('no_such_issue', format('%s is no issue of this instruction', new.reference));
    elsif new.after <> 'disputed' then
        perform suanbu_refuse('state_not_allowed', 'news about an earlier issue is a matter of dispute');
    end if;
    if new.detail ? 'offset_fen' then
        if i.status not in ('ready', 'failed', 'returned') then
            perform suanbu_refuse('state_not_allowed', 'only what is not with the bank can be offset');
        end if;
        if not payout_offset_approved(i.id, i.uscc, new.detail) then
            perform suanbu_refuse('offset_not_approved',
                'money is offset by an approved claim or by the lock of an adjustment, and by as much as they say');
        end if;
    elsif new.detail ? 'lease' then
        if i.leased_until is not null and i.leased_until >= new.at and i.status <> 'ready' then
            perform suanbu_refuse('lease_lost', 'another worker holds this instruction');
        end if;
        if i.account is null then
            perform suanbu_refuse('account_missing', 'there is no bank account to pay this to');
        end if;
        new.fence := i.fence + 1;
    elsif i.status in ('leased', 'submitted', 'unknown', 'handed_over') and new.reference = i.reference
          and not (new.detail ? 'file') then
        perform payout_lease_held(i, new.fence, new.detail ->> 'worker', new.at);
    end if;
    if (new.after = 'handed_over') <> (new.detail ? 'handed_over_as') then
        perform suanbu_refuse('file_missing', 'what is handed over as a file says under which name');
    end if;
    if new.bank_reference is not null
       and new.bank_reference collate "C" !~ '^[!-~]([ -~]{0,62}[!-~])?$' then
        perform suanbu_refuse('bank_reference_invalid', 'a reference of the bank has 1 to 64 printable ASCII characters');
    end if;
    if new.bank_reference is null and (new.moved_fen <> 0 or new.after = 'paid' and i.status <> 'disputed') then
        perform suanbu_refuse('bank_reference_missing', 'money that moved has a reference of the bank');
    end if;
    if new.after = 'paid' and new.moved_fen <> i.amount_fen and i.status <> 'disputed' then
        perform suanbu_refuse('wrong_amount', format('the instruction pays %s fen', i.amount_fen));
    end if;
    perform payout_decided_by_two(i, new.after, new.actor, new.moved_fen);
    return new;
end $$
--;
create function payout_lease_held(i payout_instruction, fence int, worker text, moment timestamptz) returns void
language plpgsql stable set search_path = pg_catalog, public, pg_temp as $$
begin
    if i.status = 'handed_over' then
        perform suanbu_refuse('lease_lost', 'this was handed over as a file: the bank answers with a file');
    end if;
    -- who was overtaken must not speak for the bank
    if fence is distinct from i.fence then
        perform suanbu_refuse('lease_lost', 'another worker has leased this instruction since: send your fence');
    end if;
    if worker is not null and worker is distinct from i.worker then
        perform suanbu_refuse('lease_lost', 'another worker has leased this instruction since');
    end if;
    if i.leased_until is null or i.leased_until < moment then
        perform suanbu_refuse('lease_lost', 'the lease has run out: claim the instruction again');
    end if;
end $$
--;
comment on function payout_lease_held(payout_instruction, int, text, timestamptz) is
'refuses whoever speaks for the bank without a live lease at the right fence'
--;
create function payout_decided_by_two(i payout_instruction, reached text, who text, moved bigint) returns void
language plpgsql stable set search_path = pg_catalog, public, pg_temp as $$
declare
    last payout_event%rowtype;
    opened bigint;
    net bigint;
begin
    select * into last from payout_event where instruction = i.id order by id desc limit 1;
    -- money again after no or back, or a doubt settled: by somebody else than who said so
    if (i.status in ('failed', 'returned') and reached = 'ready') or (i.status = 'disputed' and reached <> 'disputed')
    then
        if suanbu_hand(last.actor) = suanbu_hand(who) then
            perform suanbu_refuse('same_person', 'another person than who recorded the outcome must decide this');
        end if;
    end if;
    if i.status <> 'disputed' or reached = 'disputed' then
        return;
    end if;
    if moved <> 0 then
        perform suanbu_refuse('money_open', 'who settles a dispute moves no money');
    end if;
    select coalesce(sum(moved_fen), 0) into net from payout_event where instruction = i.id;
    if net <> (case when reached = 'paid' then i.amount_fen else 0 end) or (reached = 'offset') <> (i.amount_fen = 0)
    then
        perform suanbu_refuse('money_open', format('the bank has moved %s fen in all: that is not %s', net, reached));
    end if;
    select max(id) into opened from payout_event where instruction = i.id and before <> 'disputed';
    if exists (select from payout_event where instruction = i.id and id >= opened and reference <> i.reference)
       and i.first_sent_at is not null
       and not exists (select from payout_event where instruction = i.id and reference = i.reference
                       and (moved_fen <> 0 or coalesce(detail ->> 'word', after) in ('paid', 'failed', 'returned')))
    then
        perform suanbu_refuse('issue_open', format('%s may be with the bank: its outcome comes first', i.reference));
    end if;
    -- a program recorded it, or the bank speaks of two issues: two people say what follows, one after the other
    if exists (select from payout_event where instruction = i.id and id >= opened
               and (detail ? 'job' or reference <> i.reference))
       and last.detail ->> 'proposed' is distinct from reached then
        perform suanbu_refuse('second_person_missing', 'two people decide this: the first proposes it');
    end if;
end $$
--;
comment on function payout_decided_by_two(payout_instruction, text, text, bigint) is
'refuses one person alone, and an end of a dispute that is not how the money stands'
--;
create or replace function payout_event_applied() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
declare
    part bigint := coalesce((new.detail ->> 'offset_fen')::bigint, 0);
    again boolean := new.after = 'ready' and new.before in ('failed', 'returned');
    paying text;
    reached text;
begin
    update payout_instruction i set
        status = new.after,
        amount_fen = i.amount_fen - part,
        offset_fen = i.offset_fen + part,
        worker = case when new.detail ? 'lease' then new.detail ->> 'worker' else i.worker end,
        fence = case when new.detail ? 'lease' then new.fence else i.fence end,
        leased_until = case when new.detail ? 'lease' then new.at + (new.detail ->> 'lease')::int * interval '1 second'
                            when new.after in ('ready', 'handed_over') then null else i.leased_until end,
        first_sent_at = case when new.after = 'ready' then null
                             when new.detail ? 'lease' then coalesce(i.first_sent_at, new.at)
                             else i.first_sent_at end,
        handed_over_as = case when new.after = 'ready' then null
                              else coalesce(new.detail ->> 'handed_over_as', i.handed_over_as) end,
        bank_reference = case when new.after = 'ready' then null
                              when new.reference = i.reference then coalesce(new.bank_reference, i.bank_reference)
                              else coalesce(i.bank_reference, new.bank_reference) end,
        account = case when new.after = 'ready' and new.before <> 'ready' then payout_account(i.uscc)
                       else i.account end,
        issue = case when again then i.issue + 1 else i.issue end,
        reference = case when again then 'SB-' || i.settlement || '-' || i.uscc || '-R' || (i.issue + 1)
                         else i.reference end
    where i.id = new.instruction returning i.settlement into paying;
    if new.after in ('paid', 'offset') or new.before in ('paid', 'offset') then
        -- of two that finish at once, the second waits here and sees what the first did
        select status into reached from settlement where id = paying for update;
        if (reached = 'locked') and not settlement_payment_open(paying) then
            insert into settlement_event (settlement, event, before, after, actor, at, transaction, detail)
            values (paying, 'paid', '', '', new.actor, new.at, 0, '{}');
        elsif (reached = 'paid') and settlement_payment_open(paying) then
            insert into settlement_event (settlement, event, before, after, actor, at, transaction, detail)
            values (paying, 'reopen', '', '', new.actor, new.at, 0, jsonb_build_object('instruction', new.instruction));
        end if;
    end if;
    return null;
end $$
--;
create or replace function payout_chosen(how_many int) returns table (id bigint, status text, fence int)
language sql security definer set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
    select i.id, i.status, i.fence from payout_instruction i
    where i.account is not null
    and (i.status = 'ready' or (i.status in ('leased', 'submitted', 'unknown') and i.leased_until < suanbu_now()))
    -- what was never leased goes first, then whatever has waited longest: nobody starves
    order by i.leased_until nulls first, i.id limit how_many for update skip locked
$$
--;
create trigger payout_refusal_kept before update or delete on payout_refusal
for each row execute function suanbu_kept()
--;
create trigger payout_refusal_kept_whole before truncate on payout_refusal execute function suanbu_kept()
--;
create policy scope on payout_refusal using (current_setting('suanbu.city', true) = '*')
--;
create function payout_refusal_apply() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp as $$
begin
    new.at := suanbu_now();
    perform audit_append(new.actor, 'payout.' || new.word, new.about, 'refused', null, null,
        jsonb_build_object('code', new.code, 'detail', new.detail, 'file', new.file)::text);
    return new;
end $$
--;
create trigger payout_refusal_apply before insert on payout_refusal
for each row execute function payout_refusal_apply()
