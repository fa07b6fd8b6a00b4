-- Lines are stored some thousand at a time: what was looked up for each of them is looked up for each statement.
create or replace function settlement_line_guard() returns trigger language plpgsql
set search_path = pg_catalog, public, pg_temp as $$
declare
    named text;
begin
    for named in select distinct settlement from fresh loop
        if exists (select from settlement_event where settlement = named) then
            perform suanbu_refuse('settlement_changed', 'lines are stored with their settlement, never added to it');
        end if;
        if not exists (select from settlement where id = named) then
            raise exception 'a line names a settlement that there is not'
                using errcode = 'foreign_key_violation', constraint = 'settlement_line_settlement_fkey',
                      table = 'settlement_line';
        end if;
    end loop;
    return null;
end $$
--;
-- nobody deletes a settlement, which has an event that nobody deletes, and its number never changes
alter table settlement_line drop constraint settlement_line_settlement_fkey
--;
comment on column settlement_line.settlement is 'what the guard of the lines looks up, once a statement'
--;
-- The same texts and the same tree: what builds json writes these texts as jsonb does, and makes no jsonb on the way.
create or replace function settlement_lines_tree(wanted text) returns text language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' set work_mem = '64MB' as $$
declare
    level bytea[];
    codes text[];
    size bigint := 1;
    kept boolean := false;
begin
    with leaf as materialized (
        select uscc, sha256('\x00'::bytea || convert_to(json_build_array(uscc, name, region, outcome, award_fen,
            held_fen, payable_fen, adjustment_fen, line::text, working::text)::text, 'UTF8')) as hash
        from public.settlement_line where settlement = wanted
    )
    select array_agg(hash order by uscc collate "C"), array_agg(uscc order by uscc collate "C")
    into level, codes from leaf;
    while level is not null loop
        if not kept and cardinality(level) <= 4096 then
            insert into public.settlement_line_group (settlement, number, first, root)
            select wanted, n.number, c.code, n.node from unnest(level) with ordinality n(node, number)
            join unnest(codes) with ordinality c(code, place) on c.place = (n.number - 1) * size + 1;
            kept := true;
        end if;
        exit when cardinality(level) = 1;
        select array_agg(case when pair.other is null then pair.node
                         else sha256('\x01'::bytea || pair.node || pair.other) end order by pair.number)
        into level from (
            select node, number, lead(node) over (order by number) as other
            from unnest(level) with ordinality n(node, number)
        ) pair where pair.number % 2 = 1;
        size := size * 2;
    end loop;
    return 'sha256:' || encode(coalesce(level[1], sha256('')), 'hex');
end $$
--;
create or replace function settlement_lines_sha256(wanted text) returns text language sql stable
set search_path = pg_catalog, public, pg_temp as $$
    select 'sha256:' || encode(sha256(coalesce(string_agg(
        sha256(convert_to(json_build_array(uscc, name, region, outcome, award_fen, held_fen, payable_fen,
            adjustment_fen, line::text, working::text)::text, 'UTF8')), ''::bytea order by uscc collate "C"), '')), 'hex')
    from settlement_line where settlement = wanted
$$
