-- Hashing a settlement's lines is nearly all of the time that their tree takes: several processes of the server do it
-- now. The texts, the hashes and the tree are what they were.
alter function suanbu_city(text) parallel safe
--;
-- A query whose result a variable takes is never shared among processes; one that is executed as a text is. No statistics
-- know the new settlement yet: the planner is not shown which one it is, and takes it for one like the others.
create or replace function settlement_lines_tree(wanted text) returns text language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' set work_mem = '64MB' set parallel_setup_cost = 0
set parallel_tuple_cost = 0 set min_parallel_table_scan_size = 0 set min_parallel_index_scan_size = 0 as $$
declare
    level bytea[];
    codes text[];
    size bigint := 1;
    kept boolean := false;
begin
    execute $query$
        with leaf as materialized (
            select uscc, sha256('\x00'::bytea || convert_to(json_build_array(uscc, name, region, outcome, award_fen,
                held_fen, payable_fen, adjustment_fen, line::text, working::text)::text, 'UTF8')) as hash
            from public.settlement_line where settlement = (select $1)
        )
        select array_agg(hash order by uscc collate "C"), array_agg(uscc order by uscc collate "C") from leaf
    $query$ into level, codes using wanted;
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
