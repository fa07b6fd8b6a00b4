-- As before, but never by walking the primary key backwards past all that others are told of: the planner does that in
-- tables of which it has no statistics yet, and a first registration of many entities then takes minutes.
create or replace function registry_changes(wanted bigint, of_kind text) returns table (subject text, was text, became text)
language plpgsql stable set search_path = pg_catalog, public, pg_temp as $$
begin
    case of_kind
    when 'entities' then return query
        select p.uscc, old.content, f.content from public.entity_fact f join public.party p on p.id = f.party
        join lateral (select o.content from public.entity_fact o where o.party = f.party and o.batch + 0 < f.batch
                      order by o.batch + 0 desc, o.ordinal + 0 desc limit 1) old on true
        where f.batch = wanted order by f.ordinal;
    when 'facilities' then return query
        select d.code, old.content, f.content from public.facility_fact f join public.facility d on d.id = f.facility
        join lateral (select o.content from public.facility_fact o where o.facility = f.facility and o.batch + 0 < f.batch
                      order by o.batch + 0 desc, o.ordinal + 0 desc limit 1) old on true
        where f.batch = wanted order by f.ordinal;
    when 'chips' then return query
        select d.code, old.content, f.content from public.chip_fact f join public.chip d on d.id = f.chip
        join lateral (select o.content from public.chip_fact o where o.chip = f.chip and o.batch + 0 < f.batch
                      order by o.batch + 0 desc, o.ordinal + 0 desc limit 1) old on true
        where f.batch = wanted order by f.ordinal;
    when 'holdings' then return query
        select h.uscc || '>' || d.uscc, old.content, f.content from public.holding_fact f
        join public.party h on h.id = f.holder join public.party d on d.id = f.held
        join lateral (select o.content from public.holding_fact o
                      where o.held = f.held and o.holder = f.holder and o.batch + 0 < f.batch
                      order by o.batch + 0 desc, o.ordinal + 0 desc limit 1) old on true
        where f.batch = wanted order by f.ordinal;
    else return;
    end case;
end $$
