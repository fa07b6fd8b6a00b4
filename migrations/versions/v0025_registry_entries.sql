-- Facts that people enter in the console: one proposes, another hand confirms, and the fact is recorded with the
-- confirmation. Run as suanbu_owner. Statements end with a line of their own: --;

do $words$
declare
    called name;
    known text;
    one record;
    body text;
begin
    select conname, pg_get_constraintdef(oid) into strict called, known from pg_constraint
    where conrelid = 'person'::regclass and contype = 'c' and pg_get_constraintdef(oid) like '%''approver''%'
    and conname not like '%bound%';
    execute format('alter table person drop constraint %I', called);
    execute format('alter table person add constraint %I %s', called,
                   replace(known, '''admin''::text', '''registrar''::text, ''admin''::text'));
    -- some lines of these, as they stand, whatever else was changed in them since
    for one in
        select * from (values
            ('session_open(bytea,text,text,timestamptz,timestamptz,bigint,text)',
             '''approver'', ''payer''', '''approver'', ''registrar'', ''payer'''),
            ('suanbu_scopes_of(text)', 'when ''operator'' then',
             'when ''registrar'' then ''{registry:read,registry:write,usage:read,report:read}'''
             || E'\n        when ''operator'' then'),
            ('decision_shown()', 'when ''account_event'' then',
             'when ''registry_entry'' then' || E'\n        needed := ''{registry:write}'';\n        money := false;\n    '
             || 'when ''registry_entry_event'' then' || E'\n        needed := ''{registry:write}'';\n    '
             || 'when ''account_event'' then'),
            ('fact_shown()', '''key:'' || new.key_name', 'public.batch_actor(new.key_name)'),
            ('audit_registry()', '''key:'' || new.key_name', 'public.batch_actor(new.key_name)')
        ) changes (place, old, fresh)
    loop
        body := pg_get_functiondef(one.place::regprocedure);
        if position(one.old in body) = 0 then
            raise exception '% is not what this migration changes', one.place;
        end if;
        execute replace(body, one.old, one.fresh);
    end loop;
end $words$
--;
create function batch_actor(key_name text) returns text language sql immutable
set search_path = pg_catalog, public, pg_temp as
$$ select case when key_name like 'person:%' then key_name else 'key:' || key_name end $$
--;
comment on function batch_actor(text) is
'who recorded a batch: a key by its name, or a person who confirmed an entry of somebody else'
--;
create table registry_entry (
    id bigint generated always as identity constraint registry_entry_pkey primary key,
    kind text not null
        constraint registry_entry_kind_known_check check (kind in ('entities', 'expenditures')),
    item text not null,
    reason text not null,
    actor text not null,
    at timestamptz not null
)
--;
comment on table registry_entry is
'a fact as somebody entered it in the console; it is in no registry before another hand has confirmed it'
--;
comment on column registry_entry.item is 'the item as the contract shapes it'
--;
create table registry_entry_event (
    id bigint generated always as identity constraint registry_entry_event_pkey primary key,
    entry bigint not null constraint registry_entry_event_entry_key unique
        constraint registry_entry_event_entry_fkey references registry_entry (id),
    event text not null constraint registry_entry_event_event_known_check check (event in ('confirm', 'reject')),
    batch bigint constraint registry_entry_event_batch_key unique
        constraint registry_entry_event_batch_fkey references batch (batch),
    actor text not null,
    at timestamptz not null,
    note text,
    constraint registry_entry_event_recorded_check check ((event = 'confirm') = (batch is not null))
)
--;
comment on table registry_entry_event is
'what became of an entry: it is confirmed, and recorded in a batch of its own, or rejected, once'
--;
create function registry_entry_apply() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp as $$
begin
    new.at := public.suanbu_now();
    return new;
end $$
--;
create trigger registry_entry_apply before insert on registry_entry
for each row execute function registry_entry_apply()
--;
create function registry_entry_event_apply() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp as $$
declare
    e public.registry_entry%rowtype;
begin
    select * into e from public.registry_entry where id = new.entry for update;
    if not found then
        perform public.suanbu_refuse('no_such_entry', format('there is no registry entry %s', new.entry));
    end if;
    if exists (select from public.registry_entry_event where entry = e.id) then
        perform public.suanbu_refuse('already_decided', 'this entry was confirmed or rejected before');
    end if;
    if new.event = 'confirm' then
        if public.suanbu_hand(e.actor) = public.suanbu_hand(new.actor) then
            perform public.suanbu_refuse('same_person', 'whoever entered a fact cannot confirm it');
        end if;
        if not exists (select from public.batch b where b.batch = new.batch and b.kind = e.kind and b.accepted = 1
                       and public.batch_actor(b.key_name) = new.actor
                       and b.xmin = pg_current_xact_id()::xid) then
            perform public.suanbu_refuse('batch_closed', 'an entry is confirmed together with the batch that records it');
        end if;
    end if;
    new.at := public.suanbu_now();
    return new;
end $$
--;
create trigger registry_entry_event_apply before insert on registry_entry_event
for each row execute function registry_entry_event_apply()
--;
-- a person records nothing alone: the batch stands only with the confirmation of what somebody else has entered
create function batch_confirmed() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp as $$
begin
    if not exists (select from public.registry_entry_event e where e.batch = new.batch and e.event = 'confirm') then
        perform public.suanbu_refuse('not_confirmed', 'a person records only what another hand has entered');
    end if;
    return null;
end $$
--;
create constraint trigger batch_confirmed after insert on batch deferrable initially deferred
for each row when (new.key_name like 'person:%' and new.kind not in ('usage', 'replay')) execute function batch_confirmed()
--;
do $kept$
declare
    place text;
begin
    foreach place in array array['registry_entry', 'registry_entry_event']
    loop
        execute format('create trigger %1$s_shown before insert on %1$s for each row execute function decision_shown()',
                       place);
        execute format('create trigger %1$s_kept before update or delete on %1$s '
                       'for each row execute function suanbu_kept()', place);
        execute format('create trigger %1$s_kept_whole before truncate on %1$s execute function suanbu_kept()', place);
        execute format('create constraint trigger record_row after insert on %1$s deferrable initially deferred '
                       'for each row execute function record_row()', place);
    end loop;
end $kept$
--;
revoke execute on function registry_entry_apply(), registry_entry_event_apply(), batch_confirmed(), batch_actor(text)
from public
--;
grant execute on function batch_actor(text) to suanbu_service
--;
grant select, insert on registry_entry, registry_entry_event to suanbu_service
--;
grant select on registry_entry, registry_entry_event to suanbu_reader
