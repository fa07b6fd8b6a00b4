create or replace function record_row() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set timezone = 'UTC' set bytea_output = 'hex' set suanbu.city = '*' as $$
declare
    said jsonb := to_jsonb(new);
begin
    -- who acts was shown when the row was written; what the row names nobody for, another row of the log names
    perform public.audit_append(coalesce(said ->> 'actor', 'database:' || session_user), 'record.' || tg_table_name,
        coalesce(said ->> 'id', said ->> 'serial', said ->> 'name', ''), 'done', null, null,
        jsonb_build_object('rows', jsonb_build_object(tg_table_name, jsonb_build_array(public.suanbu_row(said))))::text);
    return null;
end $$
--;
create or replace function record_rows() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set timezone = 'UTC' set bytea_output = 'hex' set suanbu.city = '*' as $$
declare
    portion record;
begin
    for portion in
        select jsonb_agg(kept.said order by kept.place) as rows from (
            select public.suanbu_row(to_jsonb(f)) as said, row_number() over () as place from fresh f
        ) kept group by (kept.place - 1) / 200 order by (kept.place - 1) / 200
    loop
        perform public.audit_append('database:' || session_user, 'record.' || tg_table_name, tg_table_name, 'done', null,
            null, jsonb_build_object('rows', jsonb_build_object(tg_table_name, portion.rows))::text);
    end loop;
    return null;
end $$
