-- The bank's statements, line by line, and what people say about lines that match nothing. Statements end with a line of
-- their own: --;

create table bank_statement (
    id bigint generated always as identity constraint bank_statement_pkey primary key,
    name text not null,
    sha256 text not null constraint bank_statement_sha256_key unique,
    mapping text not null,
    first_day date not null,
    last_day date not null,
    lines integer not null,
    paid_fen bigint not null,
    received_fen bigint not null,
    actor text not null,
    at timestamptz not null,
    constraint bank_statement_days_check check (first_day <= last_day)
)
--;
comment on table bank_statement is 'a statement of the bank, imported once; what it says is held against what was booked'
--;
create table bank_statement_line (
    statement bigint not null constraint bank_statement_line_statement_fkey references bank_statement (id),
    ordinal integer not null,
    booked_on date not null,
    moved_fen bigint not null,
    bank_reference text not null,
    reference text not null,
    counterparty text not null,
    account_masked text not null,
    said text not null,
    constraint bank_statement_line_pkey primary key (statement, ordinal),
    constraint bank_statement_line_moved_check check (moved_fen <> 0)
)
--;
create index bank_statement_line_bank_reference_idx on bank_statement_line (bank_reference)
--;
comment on table bank_statement_line is 'a movement as the bank states it'
--;
comment on column bank_statement_line.moved_fen is 'paid out above 0, received below'
--;
comment on column bank_statement_line.reference is 'ours, where the line names one'
--;
create table bank_statement_note (
    id bigint generated always as identity constraint bank_statement_note_pkey primary key,
    statement bigint not null,
    ordinal integer not null,
    kind text not null
        constraint bank_statement_note_kind_known_check check (kind in ('repaid', 'fee', 'interest', 'transfer', 'other')),
    claim bigint constraint bank_statement_note_claim_fkey references clawback_claim (id),
    note text not null,
    actor text not null,
    at timestamptz not null,
    constraint bank_statement_note_statement_ordinal_fkey foreign key (statement, ordinal)
        references bank_statement_line (statement, ordinal),
    constraint bank_statement_note_claim_named_check check ((kind = 'repaid') = (claim is not null))
)
--;
create index bank_statement_note_statement_idx on bank_statement_note (statement, ordinal)
--;
comment on table bank_statement_note is 'what a person says a line is; of several the last counts'
--;
create function bank_statement_apply() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
begin
    new.at := public.suanbu_now();
    return new;
end $$
--;
create trigger bank_statement_apply before insert on bank_statement
for each row execute function bank_statement_apply()
--;
create function bank_statement_full() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
declare
    l record;
begin
    select count(*) as lines, min(booked_on) as first_day, max(booked_on) as last_day,
        coalesce(sum(moved_fen) filter (where moved_fen > 0), 0)::bigint as paid,
        coalesce(-sum(moved_fen) filter (where moved_fen < 0), 0)::bigint as received
    into l from public.bank_statement_line where statement = new.id;
    if (l.lines, l.first_day, l.last_day, l.paid, l.received)
       is distinct from (new.lines::bigint, new.first_day, new.last_day, new.paid_fen, new.received_fen) then
        perform public.suanbu_refuse('statement_differs', 'a statement is what its lines add up to');
    end if;
    return null;
end $$
--;
create constraint trigger bank_statement_full after insert on bank_statement deferrable initially deferred
for each row execute function bank_statement_full()
--;
create function bank_statement_line_guard() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
begin
    -- all of them at once, so that none is added later
    if exists (select from public.bank_statement s where s.id in (select statement from fresh)
               and s.lines <> (select count(*) from public.bank_statement_line l where l.statement = s.id)) then
        perform public.suanbu_refuse('statement_differs', 'lines are stored with their statement, never added to it');
    end if;
    return null;
end $$
--;
create trigger bank_statement_line_guard after insert on bank_statement_line referencing new table as fresh
for each statement execute function bank_statement_line_guard()
--;
create function bank_statement_note_apply() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
declare
    l public.bank_statement_line%rowtype;
    repaid bigint;
    explained bigint;
begin
    new.at := public.suanbu_now();
    if public.suanbu_hand(new.actor) = '' then
        perform public.suanbu_refuse('nobody', 'a remark is somebody''s');
    end if;
    select * into l from public.bank_statement_line where statement = new.statement and ordinal = new.ordinal for update;
    if not found then
        perform public.suanbu_refuse('no_such_line', 'the statement has no such line');
    end if;
    if new.kind = 'repaid' then
        perform from public.clawback_claim where id = new.claim for update;
        select coalesce(sum(amount_fen), 0) into repaid from public.claim_event
        where claim = new.claim and event = 'approve' and kind = 'repaid';
        select coalesce(sum(-o.moved_fen), 0) into explained from public.bank_statement_line o
        where (o.statement, o.ordinal) <> (l.statement, l.ordinal) and new.claim = (
            select n.claim from public.bank_statement_note n
            where n.statement = o.statement and n.ordinal = o.ordinal order by n.id desc limit 1);
        if l.moved_fen > 0 or -l.moved_fen + explained > repaid then
            perform public.suanbu_refuse('above_claim',
                format('of clawback %s are %s fen booked as repaid, and %s of them found before', new.claim, repaid,
                       explained));
        end if;
    end if;
    return new;
end $$
--;
create trigger bank_statement_note_apply before insert on bank_statement_note
for each row execute function bank_statement_note_apply()
--;
create function audit_bank_statement() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
begin
    if tg_table_name = 'bank_statement' then
        perform public.audit_append(new.actor, 'bank_statement.import', new.id::text, 'done', null, null,
            to_jsonb(new)::text);
    else
        perform public.audit_append(new.actor, 'bank_statement.explain', format('%s/%s', new.statement, new.ordinal),
            'done', null, new.kind, to_jsonb(new)::text);
    end if;
    return null;
end $$
--;
do $tables$
declare
    name text;
begin
    foreach name in array array['bank_statement', 'bank_statement_line', 'bank_statement_note'] loop
        execute format('create trigger %1$s_kept before update or delete on %1$s for each row '
                       'execute function suanbu_kept()', name);
        execute format('create trigger %1$s_kept_whole before truncate on %1$s execute function suanbu_kept()', name);
        execute format('alter table %s enable row level security', name);
        execute format('alter table %s force row level security', name);
        execute format('create policy scope on %s using (current_setting(''suanbu.city'', true) = ''*'')', name);
        execute format('create policy reader on %s for select to suanbu_reader using (true)', name);
        execute format('grant select on %s to suanbu_service, suanbu_reader', name);
        execute format('grant insert on %s to suanbu_service', name);
        if name <> 'bank_statement_line' then
            execute format('create constraint trigger audit_row after insert on %s deferrable initially deferred '
                           'for each row execute function audit_bank_statement()', name);
        end if;
    end loop;
end $tables$
