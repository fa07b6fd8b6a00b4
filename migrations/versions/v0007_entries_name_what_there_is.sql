create function entry_names_known() returns trigger language plpgsql set search_path = pg_catalog, public, pg_temp as $$
declare
    said record;
begin
    -- a void names nothing: its numbers are 0
    select max(e.source) as source, max(e.consumer) as consumer, max(e.facility) as facility, max(e.chip) as chip,
           min(case when e.action = 2 then 1 else least(e.consumer, e.facility, e.chip) end) as least
    into said from fresh e;
    if said.source > (select coalesce(max(id), 0) from public.source)
       or said.consumer > (select coalesce(max(id), 0) from public.party)
       or said.facility > (select coalesce(max(id), 0) from public.facility)
       or said.chip > (select coalesce(max(id), 0) from public.chip)
       or said.least < 1 then
        raise exception 'entries name a consumer, facility, chip or source that there is not'
            using errcode = 'foreign_key_violation', constraint = 'entry_names_known', table = 'entry';
    end if;
    return null;
end $$
--;
revoke execute on function entry_names_known() from public
--;
create trigger entry_names_known after insert on entry
referencing new table as fresh for each statement execute function entry_names_known()
--;
alter table reversal
    add constraint reversal_consumer_fkey foreign key (consumer) references party (id),
    add constraint reversal_facility_fkey foreign key (facility) references facility (id),
    add constraint reversal_chip_fkey foreign key (chip) references chip (id)
