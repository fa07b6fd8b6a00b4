-- Facilities and holdings can be entered by hand; and who keeps the registry says what became of two versions of one
-- record: a word that moves nothing. What an entity has used is found
-- without reading everybody's. Run as suanbu_owner. Statements end with a line of their own: --;

alter table registry_entry drop constraint registry_entry_kind_known_check
--;
alter table registry_entry add constraint registry_entry_kind_known_check
check (kind in ('entities', 'facilities', 'holdings', 'expenditures'))
--;
do $words$
declare
    body text := pg_get_functiondef('decision_shown()'::regprocedure);
begin
    if position('when ''registry_entry'' then' in body) = 0 then
        raise exception 'decision_shown() is not what this migration changes';
    end if;
    execute replace(body, 'when ''registry_entry'' then',
                    'when ''conflict_decision'' then' || E'\n        needed := ''{registry:write}'';\n'
                    || E'        money := false;\n    ' || 'when ''registry_entry'' then');
end $words$
--;
create table conflict_decision (
    id bigint generated always as identity constraint conflict_decision_pkey primary key,
    quarantine bigint not null constraint conflict_decision_quarantine_fkey references quarantine (id),
    decision text not null constraint conflict_decision_decision_known_check
        check (decision in ('first_stands', 'source_corrected', 'source_asked')),
    reason text not null,
    actor text not null,
    at timestamptz not null
)
--;
create index conflict_decision_quarantine_idx on conflict_decision (quarantine)
--;
comment on table conflict_decision is
'what somebody decided about a second version of a record: the first is counted as before'
--;
comment on column conflict_decision.decision is
'source_asked leaves it open; the first stands, or its source has corrected it, ends it'
--;
create function conflict_decision_apply() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp as $$
begin
    perform from public.quarantine where id = new.quarantine and status = 'conflict' for update;
    if not found then
        perform public.suanbu_refuse('no_such_conflict', format('there is no conflict %s in quarantine', new.quarantine));
    end if;
    if exists (select from public.conflict_decision
               where quarantine = new.quarantine and decision <> 'source_asked') then
        perform public.suanbu_refuse('already_decided', 'this conflict was decided before');
    end if;
    new.at := public.suanbu_now();
    return new;
end $$
--;
create trigger conflict_decision_apply before insert on conflict_decision
for each row execute function conflict_decision_apply()
--;
create trigger conflict_decision_shown before insert on conflict_decision
for each row execute function decision_shown()
--;
create trigger conflict_decision_kept before update or delete on conflict_decision
for each row execute function suanbu_kept()
--;
create trigger conflict_decision_kept_whole before truncate on conflict_decision execute function suanbu_kept()
--;
create constraint trigger record_row after insert on conflict_decision deferrable initially deferred
for each row execute function record_row()
--;
revoke execute on function conflict_decision_apply() from public
--;
grant select, insert on conflict_decision to suanbu_service
--;
grant select on conflict_decision to suanbu_reader
--;
create index rollup_consumer_idx on rollup (consumer)
