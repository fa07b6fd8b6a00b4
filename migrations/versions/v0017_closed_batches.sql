create or replace function entry_names_known() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
declare
    said record;
begin
    -- a void names nothing: its numbers are 0
    select max(e.source) as source, max(e.consumer) as consumer, max(e.facility) as facility, max(e.chip) as chip,
           min(case when e.action = 2 then 1 else least(e.consumer, e.facility, e.chip) end) as least,
           min(e.batch) as first, max(e.batch) as last
    into said from fresh e;
    if said.source > (select coalesce(max(id), 0) from public.source)
       or said.consumer > (select coalesce(max(id), 0) from public.party)
       or said.facility > (select coalesce(max(id), 0) from public.facility)
       or said.chip > (select coalesce(max(id), 0) from public.chip)
       or said.least < 1 then
        raise exception 'entries name a consumer, facility, chip or source that there is not'
            using errcode = 'foreign_key_violation', constraint = 'entry_names_known', table = 'entry';
    end if;
    perform public.batches_are_open(said.first, said.last);
    return null;
end $$
--;
create function batches_are_open(first bigint, last bigint) returns void language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    if exists (select from public.batch b where b.batch between first and last
               and b.xmin <> pg_current_xact_id()::xid) then
        perform public.suanbu_refuse('batch_closed', 'records are recorded together with their batch, never added to it');
    end if;
end $$
--;
comment on function batches_are_open(bigint, bigint) is
'refuses rows of a batch that another transaction recorded; a batch that is not there yet is being recorded'
--;
create function rows_of_open_batch() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
begin
    perform public.batches_are_open(min(f.batch), max(f.batch)) from fresh f;
    return null;
end $$
--;
create trigger reversal_whole after insert on reversal referencing new table as fresh
for each statement execute function rows_of_open_batch()
--;
create trigger quarantine_whole after insert on quarantine referencing new table as fresh
for each statement execute function rows_of_open_batch()
--;
create function job_decides(place text, said jsonb) returns void language plpgsql stable security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
declare
    proof text[] := string_to_array(coalesce(current_setting('suanbu.proof', true), ''), ':');
begin
    if proof[1] is distinct from 'job' then
        return;
    end if;
    if place <> 'settlement_event' or not exists (
        select from public.job j where j.id = proof[2]::bigint and j.fence = proof[3]::int and j.state = 'running'
        and case j.kind when 'settle' then said ->> 'event' = 'run'
            when 'lock' then said ->> 'event' = 'lock' and said ->> 'settlement' = j.parameters ->> 'settlement' end)
    then
        perform public.suanbu_refuse('actor_unproven', 'a job decides what it was asked for, and nothing else');
    end if;
end $$
--;
comment on function job_decides(text, jsonb) is
'refuses what a job was not asked for: who claims a job has not what was shown when it was asked for'
--;
do $jobs$
declare
    body constant text := pg_get_functiondef('decision_shown()'::regprocedure);
    old constant text := '    perform suanbu_decides(new.actor';
begin
    if length(body) - length(replace(body, old, '')) <> length(old) then
        raise exception 'decision_shown is not what this migration changes';
    end if;
    execute replace(body, old, '    perform job_decides(tg_table_name, to_jsonb(new));' || chr(10) || old);
end $jobs$
--;
grant execute on function batches_are_open(bigint, bigint), job_decides(text, jsonb) to suanbu_service
--;
grant execute on function job_decides(text, jsonb) to suanbu_city
