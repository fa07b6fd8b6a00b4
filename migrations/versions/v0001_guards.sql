-- What the database itself refuses: the states of settlements and payouts, two people behind money, an audit row for
-- every decision. Statements end with a line of their own: --;

create function suanbu_now() returns timestamptz language sql volatile as
$$ select date_trunc('microseconds', clock_timestamp()) $$
--;
comment on function suanbu_now() is
'the clock behind deadlines and the audit log; only the owner can replace it'
--;
create function suanbu_refuse(code text, message text) returns void language plpgsql as $$
begin
    raise exception '%', message using errcode = '23514', constraint = code;
end $$
--;
create function suanbu_city(region text) returns text language sql immutable as
$$ select left(region, 4) || '00' $$
--;
create function suanbu_hand(actor text) returns text language sql immutable as
$$ select lower(normalize(btrim(regexp_replace(actor, '^(key|person):', '')), NFKC)) $$
--;
comment on function suanbu_hand(text) is
'whose hand it is: a key and a person of one name, however it is spelled, are one'
--;
create function suanbu_kept() returns trigger language plpgsql as $$
begin
    perform suanbu_refuse('append_only', format('%s is only ever added to', tg_table_name));
    return null;
end $$
--;

-- settlements -------------------------------------------------------------------------------------------------------

create function settlement_lines_sha256(wanted text) returns text language sql stable as $$
    select 'sha256:' || encode(sha256(coalesce(string_agg(
        sha256(convert_to(jsonb_build_array(uscc, name, region, outcome, award_fen, held_fen, payable_fen,
            adjustment_fen, line::text, working::text)::text, 'UTF8')), ''::bytea order by uscc collate "C"), '')), 'hex')
    from settlement_line where settlement = wanted
$$
--;
create function settlement_guard() returns trigger language plpgsql as $$
begin
    if (to_jsonb(old) - 'status') <> (to_jsonb(new) - 'status') then
        perform suanbu_refuse('settlement_changed', 'a settlement never changes, except its state');
    end if;
    if not exists (select from settlement_event where settlement = old.id and before = old.status
                   and after = new.status and transaction = txid_current()) then
        perform suanbu_refuse('state_not_allowed', 'a settlement''s state changes by an event only');
    end if;
    return new;
end $$
--;
create trigger settlement_guard before update on settlement for each row execute function settlement_guard()
--;
create function settlement_born() returns trigger language plpgsql security definer
set search_path = public, pg_temp set suanbu.city = '*' as $$
begin
    if not exists (select from settlement_event where settlement = new.id and event = 'run') then
        perform suanbu_refuse('event_missing', 'a settlement is stored together with the event of its run');
    end if;
    return null;
end $$
--;
create constraint trigger settlement_born after insert on settlement deferrable initially deferred
for each row execute function settlement_born()
--;
create function settlement_line_guard() returns trigger language plpgsql as $$
begin
    if exists (select from settlement_event where settlement in (select distinct settlement from fresh)) then
        perform suanbu_refuse('settlement_changed', 'lines are stored with their settlement, never added to it');
    end if;
    return null;
end $$
--;
create trigger settlement_line_guard after insert on settlement_line referencing new table as fresh
for each statement execute function settlement_line_guard()
--;
create function settlement_waiting(wanted text) returns setof text language sql stable as $$
    with reviews as (
        select city, detail ->> 'decision' as decision from settlement_event
        where settlement = wanted and event = 'review' and id > (
            select coalesce(max(id), 0) from settlement_event where settlement = wanted and event = 'submit'))
    select distinct suanbu_city(region) from settlement_line
    where settlement = wanted and region is not null and not exists (
        select from reviews where decision = 'pass' and (city is null or city = suanbu_city(region)))
    order by 1
$$
--;
comment on function settlement_waiting(text) is 'cities whose lines have not passed review since the last submission'
--;
create function settlement_payment_open(wanted text) returns boolean language sql stable as $$
    select exists (select from payout_instruction where settlement = wanted and status not in ('paid', 'offset'))
$$
--;
create function settlement_adjusts_right(wanted text) returns void language plpgsql as $$
declare
    s settlement%rowtype;
    wrong text;
begin
    select * into s from settlement where id = wanted;
    if not exists (select from settlement where id = s.adjusts and round = s.round and status in ('locked', 'paid')) then
        perform suanbu_refuse('adjustment_wrong', 'an adjustment stands on a locked settlement of its round');
    end if;
    select coalesce(l.uscc, old.uscc) into wrong
    from (select * from settlement_line where settlement = s.id) l
    full join (select * from settlement_line where settlement = s.adjusts) old on old.uscc = l.uscc
    where l.uscc is null or l.adjustment_fen is distinct from l.payable_fen - old.payable_fen
    order by 1 limit 1;
    if found then
        perform suanbu_refuse('adjustment_wrong',
            format('the difference of %s is not what is payable now less what was settled', wrong));
    end if;
end $$
--;
create function settlement_event_apply() returns trigger language plpgsql security definer
set search_path = public, pg_temp set suanbu.city = '*' as $$
declare
    s settlement%rowtype;
    approval settlement_event%rowtype;
    notice settlement_event%rowtype;
    wanted_days int;
begin
    select * into s from settlement where id = new.settlement for update;
    if not found then
        perform suanbu_refuse('no_such_settlement', format('there is no settlement %s', new.settlement));
    end if;
    new.at := suanbu_now();
    new.transaction := txid_current();
    new.before := s.status;
    new.city := new.detail ->> 'city';
    new.detail := new.detail || jsonb_build_object('digest', s.digest);
    if new.event = 'run' then
        if new.actor <> s.run_by or exists (select from settlement_event where settlement = s.id) then
            perform suanbu_refuse('state_not_allowed', 'a settlement is run once, by who is named in it');
        end if;
        if s.status <> 'computed' then
            perform suanbu_refuse('state_not_allowed', 'a settlement begins as computed');
        end if;
        new.after := s.status;
        return new;
    end if;

    if suanbu_hand(new.actor) = '' then
        perform suanbu_refuse('nobody', 'a decision is somebody''s');
    end if;

    -- who: the maker only submits and cancels, a reviewer only reviews, the approver is a third
    if new.event in ('review', 'approve', 'publish', 'ruling', 'lock') and exists (
        select from settlement_event where settlement = s.id and event in ('run', 'submit')
        and suanbu_hand(actor) = suanbu_hand(new.actor)
    ) then
        perform suanbu_refuse('same_person', format('who ran or submitted a settlement cannot %s it', new.event));
    end if;
    if new.event in ('approve', 'lock') and exists (
        select from settlement_event where settlement = s.id and event = 'review'
        and suanbu_hand(actor) = suanbu_hand(new.actor)
    ) then
        perform suanbu_refuse('same_person', format('who reviewed a settlement cannot %s it', new.event));
    end if;
    if new.event = 'review' and exists (
        select from settlement_event where settlement = s.id and event = 'approve'
        and suanbu_hand(actor) = suanbu_hand(new.actor)
    ) then
        perform suanbu_refuse('same_person', 'who approved a settlement cannot review it');
    end if;

    -- where to
    new.after := case new.event
        when 'submit' then 'submitted' when 'approve' then 'approved' when 'publish' then 'published'
        when 'objection' then s.status when 'ruling' then s.status when 'lock' then 'locked'
        when 'cancel' then 'cancelled' when 'paid' then 'paid' when 'reopen' then 'locked'
        when 'review' then s.status end;
    if new.event = 'review' then
        if coalesce(new.detail ->> 'decision', '') not in ('pass', 'return') then
            perform suanbu_refuse('decision_missing', 'a review passes or returns');
        end if;
        if new.city is not null and not exists (
            select from settlement_line where settlement = s.id and suanbu_city(region) = new.city
        ) then
            perform suanbu_refuse('no_such_city', format('settlement %s has no lines of city %s', s.id, new.city));
        end if;
        if new.detail ->> 'decision' = 'return' then
            if coalesce(new.detail ->> 'note', '') = '' then
                perform suanbu_refuse('note_missing', 'a return says why');
            end if;
            new.after := 'returned';
        elsif not exists (select from settlement_waiting(s.id) w where new.city is not null and w <> new.city) then
            new.after := 'reviewed';
        end if;
    end if;
    if not exists (select from settlement_transition
                   where event = new.event and before = s.status and after = new.after) then
        perform suanbu_refuse('state_not_allowed',
            format('a settlement that is %s cannot go through %s', s.status, new.event)
            || case when new.event = 'approve' and s.status = 'submitted' then
                (select coalesce(': not yet passed by ' || string_agg(w, ', '), ': nobody has passed it')
                 from settlement_waiting(s.id) w) else '' end);
    end if;

    -- on what conditions
    if new.event = 'approve' then
        if not (s.payment_order ? 'rate') then
            perform suanbu_refuse('not_payable',
                'a forecast or a draft is never paid: run the settlement with a rate');
        end if;
        if exists (select from settlement_waiting(s.id)) then
            perform suanbu_refuse('review_missing', 'cities are still waiting for their review');
        end if;
        if new.detail ? 'approved_digest' and new.detail ->> 'approved_digest' <> s.digest then
            perform suanbu_refuse('digest_changed', 'the digest to be approved is not that of this settlement');
        end if;
        new.detail := new.detail || jsonb_build_object('lines_sha256', settlement_lines_sha256(s.id));
    elsif new.event = 'publish' then
        wanted_days := coalesce((new.detail ->> 'days')::int, (s.payment_order ->> 'notice_days')::int);
        if wanted_days is null or wanted_days not between 0 and 365 then
            perform suanbu_refuse('days_missing', 'a public notice stands for 0 to 365 days');
        end if;
        if wanted_days < coalesce((s.payment_order ->> 'notice_days')::int, 0) then
            perform suanbu_refuse('notice_too_short',
                format('the order asks for a public notice of %s days', s.payment_order ->> 'notice_days'));
        end if;
        -- whole days in Asia/Shanghai, the first one the day after publication; of no days, it is over at once
        new.detail := new.detail || jsonb_build_object('days', wanted_days, 'ends_at', to_char(
            case when wanted_days = 0 then new.at at time zone 'UTC' else
            (date_trunc('day', new.at at time zone 'Asia/Shanghai') + make_interval(days => wanted_days + 1))
            at time zone 'Asia/Shanghai' at time zone 'UTC' end, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'));
    elsif new.event = 'objection' then
        if coalesce(new.detail ->> 'note', '') = '' then
            perform suanbu_refuse('note_missing', 'an objection says why');
        end if;
        if new.detail ? 'uscc' then
            -- to who is bound to a city, a line of another one does not exist
            select suanbu_city(region) into new.city from settlement_line
            where settlement = s.id and uscc = new.detail ->> 'uscc'
            and suanbu_city(region) is not distinct from coalesce(new.detail ->> 'city', suanbu_city(region));
            if not found then
                perform suanbu_refuse('no_such_line',
                    format('settlement %s has no line for %s', s.id, new.detail ->> 'uscc'));
            end if;
        end if;
    elsif new.event = 'ruling' then
        if coalesce(new.detail ->> 'decision', '') not in ('dismissed', 'upheld') then
            perform suanbu_refuse('decision_missing', 'an objection is dismissed or upheld');
        end if;
        select e.city into new.city from settlement_event e where e.settlement = s.id and e.event = 'objection'
            and e.id = (new.detail ->> 'objection')::bigint and suanbu_hand(e.actor) <> suanbu_hand(new.actor);
        if not found then
            perform suanbu_refuse('no_such_objection', 'there is no such objection that somebody else raised');
        end if;
        if exists (select from settlement_event e where e.settlement = s.id and e.event = 'ruling'
                   and e.detail -> 'objection' = new.detail -> 'objection') then
            perform suanbu_refuse('already_ruled', 'this objection has its ruling');
        end if;
    elsif new.event = 'lock' then
        select * into approval from settlement_event where settlement = s.id and event = 'approve'
        order by id desc limit 1;
        if approval.detail ->> 'digest' is distinct from s.digest
           or approval.detail ->> 'lines_sha256' is distinct from settlement_lines_sha256(s.id) then
            perform suanbu_refuse('digest_changed', 'what was approved is not what would be locked');
        end if;
        select * into notice from settlement_event where settlement = s.id and event = 'publish'
        order by id desc limit 1;
        if not found then
            if s.payment_order ? 'notice_days' and (s.payment_order ->> 'notice_days')::int > 0 then
                perform suanbu_refuse('notice_missing', 'the order asks for a public notice before the lock');
            end if;
            new.detail := new.detail || jsonb_build_object('notice', 'none');
        else
            if (notice.detail ->> 'ends_at')::timestamptz > new.at then
                perform suanbu_refuse('notice_running',
                    format('the public notice stands until %s', notice.detail ->> 'ends_at'));
            end if;
            if exists (select from settlement_event o where o.settlement = s.id and o.event = 'objection'
                       and not exists (select from settlement_event r where r.settlement = s.id and r.event = 'ruling'
                           and (r.detail ->> 'objection')::bigint = o.id and r.detail ->> 'decision' = 'dismissed'))
            then
                perform suanbu_refuse('objection_open', 'an objection is open or was upheld');
            end if;
        end if;
        if s.adjusts is not null then
            perform settlement_adjusts_right(s.id);
        end if;
    elsif new.event = 'paid' and settlement_payment_open(s.id) then
        perform suanbu_refuse('payment_open', 'a settlement is paid when all its instructions are');
    elsif new.event = 'reopen' and not settlement_payment_open(s.id) then
        perform suanbu_refuse('nothing_open', 'a settlement is reopened when money came back');
    end if;
    return new;
end $$
--;
create trigger settlement_event_apply before insert on settlement_event
for each row execute function settlement_event_apply()
--;
create function settlement_event_applied() returns trigger language plpgsql security definer
set search_path = public, pg_temp set suanbu.city = '*' as $$
begin
    if new.after <> new.before then
        update settlement set status = new.after where id = new.settlement;
    end if;
    if new.event = 'lock' then
        perform settlement_instruct(new.settlement, new.actor, new.at);
    end if;
    return null;
end $$
--;
create trigger settlement_event_applied after insert on settlement_event
for each row execute function settlement_event_applied()
--;

-- payouts -----------------------------------------------------------------------------------------------------------

create function settlement_due(adjusts text, payable bigint, adjustment bigint) returns bigint
language sql immutable as $$ select case when adjusts is null then payable else coalesce(adjustment, payable) end $$
--;
comment on function settlement_due(text, bigint, bigint) is
'what a line asks to be paid (or, below 0, back): in an adjustment the difference, of who is new in it the whole'
--;
create function settlement_instruct(locked text, who text, moment timestamptz) returns void language plpgsql as $$
declare
    s settlement%rowtype;
    due record;
    target record;
    owed bigint;
    taken bigint;
    paid bigint;
    part bigint;
begin
    select * into s from settlement where id = locked;
    insert into payout_instruction
        (settlement, uscc, city, amount_fen, offset_fen, reference, issue, status, fence, account, created_at)
    select l.settlement, l.uscc, suanbu_city(l.region), x.amount, 0, 'SB-' || l.settlement || '-' || l.uscc, 1,
           'ready', 0, payout_account(l.uscc), moment
    from settlement_line l
    cross join lateral (select settlement_due(s.adjusts, l.payable_fen, l.adjustment_fen) as amount) x
    where l.settlement = locked and x.amount > 0 order by l.uscc collate "C";
    if s.adjusts is null then
        return;
    end if;
    for due in
        select uscc, suanbu_city(region) as city, -adjustment_fen as amount from settlement_line
        where settlement = locked and adjustment_fen < 0 order by uscc collate "C"
    loop
        owed := due.amount;
        -- what has not gone out yet is simply paid less
        for target in
            select i.* from payout_instruction i join settlement t on t.id = i.settlement
            where i.uscc = due.uscc and t.round = s.round and i.status not in ('paid', 'offset')
            order by i.id desc for update of i
        loop
            if target.status not in ('ready', 'failed', 'returned') then
                perform suanbu_refuse('earlier_payment_open',
                    format('instruction %s to %s is with the bank: its outcome decides what is claimed back',
                           target.id, due.uscc));
            end if;
            part := least(owed, target.amount_fen);
            if part > 0 then
                insert into payout_event (instruction, before, after, actor, at, fence, moved_fen, detail)
                values (target.id, target.status, case when part = target.amount_fen then 'offset' else target.status end,
                        who, moment, null, 0, jsonb_build_object('offset_fen', part, 'because_of', locked));
                owed := owed - part;
            end if;
        end loop;
        if owed > 0 then
            -- what an approved offset took off an instruction was paid too: it made an earlier claim smaller
            select coalesce(sum(case when i.status = 'paid' then i.amount_fen else 0 end), 0) + coalesce(sum((
                       select sum(o.amount_fen) from claim_event o
                       where o.instruction = i.id and o.event = 'approve' and o.kind = 'offset')), 0)
            into paid from payout_instruction i join settlement t on t.id = i.settlement
            where i.uscc = due.uscc and t.round = s.round;
            select coalesce(sum(c.amount_fen), 0) into taken from clawback_claim c
            join settlement t on t.id = c.settlement where c.uscc = due.uscc and t.round = s.round;
            if owed > paid - taken then
                perform suanbu_refuse('claim_above_paid',
                    format('%s was paid %s fen, %s of it is claimed back already: %s cannot be claimed',
                           due.uscc, paid, taken, owed));
            end if;
            insert into clawback_claim (settlement, uscc, city, amount_fen, recovered_fen, status, created_at)
            values (locked, due.uscc, due.city, owed, 0, 'open', moment);
        end if;
    end loop;
end $$
--;
create function payout_account(code text) returns text language sql stable as $$
    select f.bank_account from entity_fact f join party p on p.id = f.party
    where p.uscc = code and f.bank_account is not null
    order by f.valid_from desc nulls last, f.batch desc, f.ordinal desc limit 1
$$
--;
create function payout_guard() returns trigger language plpgsql security definer
set search_path = public, pg_temp set suanbu.city = '*' as $$
declare
    payable bigint;
begin
    select case when s.status in ('locked', 'paid')
        then settlement_due(s.adjusts, l.payable_fen, l.adjustment_fen) end
    into payable from settlement s join settlement_line l on l.settlement = s.id
    where s.id = new.settlement and l.uscc = new.uscc;
    if payable is distinct from new.amount_fen + new.offset_fen then
        perform suanbu_refuse('amount_changed', 'an instruction pays exactly the locked line');
    end if;
    if tg_op = 'UPDATE' then
        if old.settlement <> new.settlement or old.uscc <> new.uscc or old.city is distinct from new.city
           or new.fence < old.fence or new.offset_fen < old.offset_fen or new.issue < old.issue
           or (new.reference <> old.reference and new.issue = old.issue)
           or (old.account is not null and new.account is distinct from old.account and new.issue = old.issue) then
            perform suanbu_refuse('instruction_changed', 'an instruction never changes, except its state');
        end if;
        if not exists (select from payout_event where instruction = new.id and after = new.status
                       and before = old.status and transaction = txid_current()) then
            perform suanbu_refuse('event_missing', 'an instruction''s state changes by an event only');
        end if;
    end if;
    return new;
end $$
--;
create trigger payout_guard before insert or update on payout_instruction for each row execute function payout_guard()
--;
create function payout_offset_approved(wanted bigint, code text, said jsonb) returns boolean
language sql stable as $$
    select exists (
        select from claim_event where claim = (said ->> 'claim')::bigint and event = 'approve' and kind = 'offset'
        and instruction = wanted and amount_fen = (said ->> 'offset_fen')::bigint and transaction = txid_current()
    ) or exists (
        select from settlement_event where settlement = said ->> 'because_of' and event = 'lock'
        and transaction = txid_current()
    ) and (said ->> 'offset_fen')::bigint between 1 and (
        select -adjustment_fen from settlement_line where settlement = said ->> 'because_of' and uscc = code
    ) - (
        select coalesce(sum((e.detail ->> 'offset_fen')::bigint), 0) from payout_event e
        join payout_instruction i on i.id = e.instruction
        where i.uscc = code and e.detail ->> 'because_of' = said ->> 'because_of'
    )
$$
--;
create function payout_event_apply() returns trigger language plpgsql security definer
set search_path = public, pg_temp set suanbu.city = '*' as $$
declare
    i payout_instruction%rowtype;
    last payout_event%rowtype;
    net bigint;
begin
    select * into i from payout_instruction where id = new.instruction for update;
    if not found then
        perform suanbu_refuse('no_such_instruction', format('there is no payout instruction %s', new.instruction));
    end if;
    new.at := suanbu_now();
    new.transaction := txid_current();
    new.before := i.status;
    new.reference := i.reference;
    if not exists (select from payout_transition where before = i.status and after = new.after) then
        perform suanbu_refuse('state_not_allowed',
            format('an instruction that is %s does not become %s', i.status, new.after));
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
        new.fence := i.fence + 1;
    elsif i.status in ('leased', 'submitted', 'unknown') then
        -- who was overtaken must not speak for the bank; with one lease ever there is nobody to be overtaken by
        if new.fence is distinct from i.fence and not (new.fence is null and i.fence = 1) then
            perform suanbu_refuse('lease_lost', 'another worker has leased this instruction since: send your fence');
        end if;
        if new.detail ? 'worker' and new.detail ->> 'worker' is distinct from i.worker then
            perform suanbu_refuse('lease_lost', 'another worker has leased this instruction since');
        end if;
    end if;
    -- money again after no or back, or a doubt settled: by somebody else than who said so
    if (i.status in ('failed', 'returned') and new.after = 'ready')
       or (i.status = 'disputed' and new.after <> 'disputed') then
        select * into last from payout_event where instruction = i.id order by id desc limit 1;
        if suanbu_hand(last.actor) = suanbu_hand(new.actor) then
            perform suanbu_refuse('same_person', 'another person than who recorded the outcome must decide this');
        end if;
    end if;
    if i.status = 'disputed' and new.after <> 'disputed' then
        select coalesce(sum(moved_fen), 0) into net from payout_event
        where instruction = i.id and reference = i.reference;
        if net <> (case when new.after = 'paid' then i.amount_fen else 0 end) then
            perform suanbu_refuse('money_open',
                format('the bank has moved %s fen in all: that is not %s', net, new.after));
        end if;
    end if;
    if new.after = 'paid' and new.moved_fen <> i.amount_fen and i.status <> 'disputed' then
        perform suanbu_refuse('wrong_amount', format('the instruction pays %s fen', i.amount_fen));
    end if;
    return new;
end $$
--;
create function payout_chosen(how_many int) returns table (id bigint, status text, fence int)
language sql security definer set search_path = public, pg_temp set suanbu.city = '*' as $$
    select i.id, i.status, i.fence from payout_instruction i
    where i.status = 'ready' or (i.status in ('leased', 'submitted', 'unknown') and i.leased_until < suanbu_now())
    order by i.id limit how_many for update skip locked
$$
--;
comment on function payout_chosen(int) is 'holds what is to be leased until the end of the transaction'
--;
create function payout_held(wanted bigint) returns boolean
language sql security definer set search_path = public, pg_temp set suanbu.city = '*' as $$
    select true from payout_instruction where id = wanted for update
$$
--;
comment on function payout_held(bigint) is 'holds one instruction until the end of the transaction'
--;
create trigger payout_event_apply before insert on payout_event for each row execute function payout_event_apply()
--;
create function payout_event_applied() returns trigger language plpgsql security definer
set search_path = public, pg_temp set suanbu.city = '*' as $$
declare
    part bigint := coalesce((new.detail ->> 'offset_fen')::bigint, 0);
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
                            when new.after = 'ready' then null else i.leased_until end,
        first_sent_at = case when new.after = 'ready' then null
                             when new.detail ? 'lease' then coalesce(i.first_sent_at, new.at)
                             else i.first_sent_at end,
        bank_reference = case when new.after = 'ready' then null
                              else coalesce(new.bank_reference, i.bank_reference) end,
        account = case when new.after = 'ready' and new.before <> 'ready' or i.account is null
                       then payout_account(i.uscc) else i.account end,
        issue = case when new.after = 'ready' and new.before in ('failed', 'returned') then i.issue + 1 else i.issue end,
        reference = case when new.after = 'ready' and new.before in ('failed', 'returned')
            then 'SB-' || i.settlement || '-' || i.uscc || '-R' || (i.issue + 1) else i.reference end
    where i.id = new.instruction returning i.settlement into paying;
    if new.after in ('paid', 'offset') or new.before = 'paid' then
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
create trigger payout_event_applied after insert on payout_event for each row execute function payout_event_applied()
--;

-- claims: money to be had back --------------------------------------------------------------------------------------

create function claim_guard() returns trigger language plpgsql as $$
begin
    if (to_jsonb(old) - 'status' - 'recovered_fen') <> (to_jsonb(new) - 'status' - 'recovered_fen')
       or not exists (select from claim_event where claim = old.id and event = 'approve'
                      and transaction = txid_current()) then
        perform suanbu_refuse('claim_changed', 'a claim changes by an approved proposal only');
    end if;
    return new;
end $$
--;
create trigger claim_guard before update on clawback_claim for each row execute function claim_guard()
--;
create function claim_event_apply() returns trigger language plpgsql security definer
set search_path = public, pg_temp set suanbu.city = '*' as $$
declare
    c clawback_claim%rowtype;
    p claim_event%rowtype;
    target payout_instruction%rowtype;
begin
    select * into c from clawback_claim where id = new.claim for update;
    if not found then
        perform suanbu_refuse('no_such_claim', format('there is no claim %s', new.claim));
    end if;
    new.at := suanbu_now();
    new.transaction := txid_current();
    if new.event = 'propose' then
        if c.status <> 'open' or new.amount_fen > c.amount_fen - c.recovered_fen then
            perform suanbu_refuse('above_claim', format('%s fen of this claim are open',
                case when c.status = 'open' then c.amount_fen - c.recovered_fen else 0 end));
        end if;
        if new.kind = 'waive' and new.amount_fen <> c.amount_fen - c.recovered_fen then
            perform suanbu_refuse('waived_whole', format('a claim is waived as a whole: %s fen of it are open',
                c.amount_fen - c.recovered_fen));
        end if;
        if (new.kind = 'offset') <> (new.instruction is not null) then
            perform suanbu_refuse('instruction_missing', 'an offset, and only an offset, names an instruction');
        end if;
        new.proposal := null;
    else
        select * into p from claim_event where id = new.proposal and claim = c.id and event = 'propose';
        if not found or exists (select from claim_event where proposal = p.id) then
            perform suanbu_refuse('no_such_proposal', 'there is no such proposal that waits');
        end if;
        if suanbu_hand(p.actor) = suanbu_hand(new.actor) then
            perform suanbu_refuse('same_person', 'who proposed it cannot decide it');
        end if;
        new.kind := p.kind;
        new.amount_fen := p.amount_fen;
        new.instruction := p.instruction;
        if new.event = 'approve' then
            if c.status <> 'open' or p.amount_fen > c.amount_fen - c.recovered_fen
               or (p.kind = 'waive' and p.amount_fen <> c.amount_fen - c.recovered_fen) then
                perform suanbu_refuse('above_claim', 'the claim is no longer open for that much');
            end if;
            if p.kind = 'offset' then
                select * into target from payout_instruction where id = p.instruction for update;
                if not found or target.uscc <> c.uscc or target.amount_fen < p.amount_fen then
                    perform suanbu_refuse('no_such_instruction',
                        'the instruction is of somebody else, or for less than the offset');
                end if;
            end if;
        end if;
    end if;
    return new;
end $$
--;
create trigger claim_event_apply before insert on claim_event for each row execute function claim_event_apply()
--;
create function claim_event_applied() returns trigger language plpgsql security definer
set search_path = public, pg_temp set suanbu.city = '*' as $$
declare
    target payout_instruction%rowtype;
begin
    if new.event <> 'approve' then
        return null;
    end if;
    if new.kind = 'offset' then
        select * into target from payout_instruction where id = new.instruction;
        insert into payout_event (instruction, before, after, actor, at, moved_fen, detail)
        values (target.id, target.status,
                case when target.amount_fen = new.amount_fen then 'offset' else target.status end, new.actor, new.at, 0,
                jsonb_build_object('offset_fen', new.amount_fen, 'claim', new.claim));
    end if;
    update clawback_claim c set
        recovered_fen = c.recovered_fen + case when new.kind = 'waive' then 0 else new.amount_fen end,
        status = case when new.kind = 'waive' then 'waived'
                      when c.recovered_fen + new.amount_fen = c.amount_fen then 'settled' else c.status end
    where c.id = new.claim;
    return null;
end $$
--;
create trigger claim_event_applied after insert on claim_event for each row execute function claim_event_applied()
--;

-- the audit log -----------------------------------------------------------------------------------------------------

create function audit_append(
    who text, did text, to_what text, came_of_it text, was text, became text, said text
) returns bigint language plpgsql security definer set search_path = public, pg_temp as $$
declare
    head audit%rowtype;
    number bigint;
    moment timestamptz;
    written text;
begin
    perform pg_advisory_xact_lock(23224);  -- 0x5AB8: one row after another, and none without the one before it
    select * into head from audit order by seq desc limit 1;
    number := coalesce(head.seq, 0) + 1;
    moment := greatest(suanbu_now(), head.at);
    written := to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
    insert into audit (seq, at, actor, action, object, result, before, after, detail, digest)
    values (number, moment, who, did, to_what, came_of_it, was, became, said, 'sha256:' || encode(sha256(convert_to(
        jsonb_build_array(coalesce(head.digest, ''), number, written, who, did, to_what, came_of_it, was, became, said)
        ::text, 'UTF8')), 'hex'));
    return number;
end $$
--;
create function audit_actor() returns text language sql stable as
$$ select coalesce(nullif(current_setting('suanbu.actor', true), ''), 'database:' || session_user) $$
--;
create function audit_row() returns trigger language plpgsql security definer
set search_path = public, pg_temp set suanbu.city = '*' as $$
declare
    s settlement%rowtype;
begin
    case tg_table_name
    when 'settlement_event' then
        select * into s from settlement where id = new.settlement;
        perform audit_append(new.actor, 'settlement.' || new.event, new.settlement, 'done', new.before, new.after,
                             (new.detail || jsonb_build_object('event', new.id))::text);
    when 'payout_event' then
        perform audit_append(new.actor, 'payout.' || new.after, new.instruction::text, 'done', new.before, new.after,
                             (new.detail || jsonb_build_object('event', new.id, 'reference', new.reference,
                              'moved_fen', new.moved_fen, 'bank_reference', new.bank_reference))::text);
    when 'claim_event' then
        perform audit_append(new.actor, 'claim.' || new.event, new.claim::text, 'done', null, null,
                             (to_jsonb(new) - 'transaction')::text);
    when 'api_key' then
        perform audit_append(audit_actor(), 'key.create', new.prefix, 'done', null, 'live',
                             (to_jsonb(new) - 'secret_digest')::text);
    when 'api_key_revocation' then
        perform audit_append(audit_actor(), 'key.revoke', (select prefix from api_key where id = new.api_key), 'done',
                             'live', 'revoked', '{}');
    when 'person' then
        perform audit_append(audit_actor(), 'person.create', new.name, 'done', null, 'live',
                             (to_jsonb(new) - 'password_hash' - 'totp_secret')::text);
    when 'person_event' then
        perform audit_append(coalesce(new.actor, audit_actor()), 'person.' || new.event, new.name, new.result, null,
                             null, new.detail::text);
    end case;
    return null;
end $$
--;
create constraint trigger audit_row after insert on settlement_event deferrable initially deferred
for each row execute function audit_row()
--;
create constraint trigger audit_row after insert on payout_event deferrable initially deferred
for each row execute function audit_row()
--;
create constraint trigger audit_row after insert on claim_event deferrable initially deferred
for each row execute function audit_row()
--;
create constraint trigger audit_row after insert on api_key deferrable initially deferred
for each row execute function audit_row()
--;
create constraint trigger audit_row after insert on api_key_revocation deferrable initially deferred
for each row execute function audit_row()
--;
create constraint trigger audit_row after insert on person deferrable initially deferred
for each row execute function audit_row()
--;
create constraint trigger audit_row after insert on person_event deferrable initially deferred
for each row execute function audit_row()
--;

-- cities ------------------------------------------------------------------------------------------------------------
-- Who is bound to a city acts as suanbu_city, in whose search path the schema `city` comes first: a settlement there has
-- the totals of that city's lines, and nothing of what is only the province's. A connection on whose behalf nobody has
-- set suanbu.city sees nothing.

create function suanbu_sees(city text) returns boolean language sql stable as
$$ select coalesce(current_setting('suanbu.city', true) in ('*', city), false) $$
--;
create policy scope on settlement using (coalesce(current_setting('suanbu.city', true), '') <> '')
--;
create policy scope on settlement_line using (current_setting('suanbu.city', true) in ('*', suanbu_city(region)))
--;
create policy scope on settlement_event
using (current_setting('suanbu.city', true) in ('*', city)
       or city is null and coalesce(current_setting('suanbu.city', true), '') <> '')
with check (current_setting('suanbu.city', true) in ('*', city))
--;
create policy scope on payout_instruction using (current_setting('suanbu.city', true) in ('*', city))
--;
create policy scope on payout_event
using (exists (select from payout_instruction i where i.id = payout_event.instruction and suanbu_sees(i.city)))
--;
create policy scope on clawback_claim using (current_setting('suanbu.city', true) in ('*', city))
--;
create policy scope on claim_event
using (exists (select from clawback_claim c where c.id = claim_event.claim and suanbu_sees(c.city)))
--;
create schema city
--;
create view city.settlement with (security_barrier) as
select s.id, s.round, s.status, s.as_of, s.payment_order, s.readings, '[]'::jsonb as matches,
       '[]'::jsonb as applications, '[]'::jsonb as match_lines,
       (select jsonb_build_object('award_fen', coalesce(sum(l.award_fen), 0),
            'held_fen', coalesce(sum(l.held_fen), 0), 'payable_fen', coalesce(sum(l.payable_fen), 0))
            || case when s.adjusts is null then '{}'::jsonb
                    else jsonb_build_object('adjustment_fen',
                         coalesce(sum(coalesce(l.adjustment_fen, l.payable_fen)), 0)) end
        from public.settlement_line l
        where l.settlement = s.id and public.suanbu_city(l.region) = current_setting('suanbu.city', true)) as totals,
       '{}'::jsonb as receipt, s.digest, ''::bytea as fingerprint, s.adjusts, ''::text as run_by, s.created_at
from public.settlement s
where current_setting('suanbu.city', true) ~ '^[0-9]{6}$'
--;
create view city.settlement_event with (security_barrier) as
select e.id, e.settlement, e.event, e.before, e.after, case when e.city is null then '' else e.actor end as actor,
       e.city, e.at, case when e.city is not null then e.detail else (
           select coalesce(jsonb_object_agg(said.key, said.value), '{}'::jsonb) from jsonb_each(e.detail) said
           where said.key in ('decision', 'days', 'ends_at', 'notice')) end as detail
from public.settlement_event e
where current_setting('suanbu.city', true) ~ '^[0-9]{6}$'
and (e.city is null or e.city = current_setting('suanbu.city', true))
