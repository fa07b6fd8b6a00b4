-- Rows on record: what is written to a table that decides about money stands whole in the audit log. Statements end with
-- a line of their own: --;

create function suanbu_row(said jsonb) returns jsonb language sql stable
set search_path = pg_catalog, public, pg_temp as $$
    select coalesce(jsonb_object_agg(key, case
        when value <> 'null' and (length(value::text) > 400 or key in (
            'account', 'bank_account', 'password_hash', 'totp_secret', 'secret_digest', 'check_digest', 'token_digest'))
        then to_jsonb('sha256:' || encode(sha256(convert_to(value::text, 'UTF8')), 'hex')) else value end), '{}')
    from jsonb_each(said)
$$
--;
comment on function suanbu_row(jsonb) is
'a row as it goes on record: every column, by its digest what opens a door, is sealed or is long'
--;
create table adopted (
    id bigint generated always as identity constraint adopted_pkey primary key,
    place text not null,
    seq bigint not null,
    said jsonb not null
)
--;
comment on table adopted is
'rows that were written before they went on record, as a migration found them; every checkpoint names their digest'
--;
comment on column adopted.seq is 'the last row of the audit log at that moment'
--;
create function record_row() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set timezone = 'UTC' set bytea_output = 'hex' set suanbu.city = '*' as $$
declare
    said jsonb := to_jsonb(new);
begin
    perform public.audit_append(coalesce(said ->> 'actor', public.suanbu_actor()), 'record.' || tg_table_name,
        coalesce(said ->> 'id', said ->> 'serial', said ->> 'name', ''), 'done', null, null,
        jsonb_build_object('rows', jsonb_build_object(tg_table_name, jsonb_build_array(public.suanbu_row(said))))::text);
    return null;
end $$
--;
comment on function record_row() is 'puts a row on record when its transaction ends: for a deferred constraint trigger'
--;
create function record_rows() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set timezone = 'UTC' set bytea_output = 'hex' set suanbu.city = '*' as $$
declare
    portion record;
begin
    for portion in
        select jsonb_agg(kept.said order by kept.place) as rows from (
            select public.suanbu_row(to_jsonb(f)) as said, row_number() over () as place from fresh f
        ) kept group by (kept.place - 1) / 200 order by (kept.place - 1) / 200
    loop
        perform public.audit_append(public.suanbu_actor(), 'record.' || tg_table_name, tg_table_name, 'done', null, null,
            jsonb_build_object('rows', jsonb_build_object(tg_table_name, portion.rows))::text);
    end loop;
    return null;
end $$
--;
comment on function record_rows() is
'puts all rows of a statement on record, 200 to a row of the log: for a statement trigger whose new table is fresh'
--;
create function suanbu_adopt(wanted text) returns void language plpgsql
set search_path = pg_catalog, public, pg_temp set timezone = 'UTC' set bytea_output = 'hex' set suanbu.city = '*' as $$
begin
    execute format('insert into public.adopted (place, seq, said)
        select %L, (select coalesce(max(seq), 0) from public.audit), public.suanbu_row(to_jsonb(t)) from public.%I t',
        wanted, wanted);
end $$
--;
comment on function suanbu_adopt(text) is
'keeps all rows of a table as they are found: for a migration that puts a table, or a column that is never null, on record'
--;

-- lines: a tree as in RFC 6962 over the texts that lines_sha256 is made over ------------------------------------------

create table settlement_line_group (
    settlement text not null constraint settlement_line_group_settlement_fkey references settlement (id),
    number integer not null,
    first text not null,
    root bytea not null,
    constraint settlement_line_group_pkey primary key (settlement, number)
)
--;
comment on table settlement_line_group is
'subtrees of a settlement''s lines, at most 4096 of one size, by which a line that differs is found'
--;
create function settlement_lines_tree(wanted text) returns text language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
declare
    level bytea[];
    codes text[];
    size bigint := 1;
    kept boolean := false;
begin
    select array_agg(sha256('\x00'::bytea || convert_to(jsonb_build_array(uscc, name, region, outcome, award_fen,
               held_fen, payable_fen, adjustment_fen, line::text, working::text)::text, 'UTF8'))
               order by uscc collate "C"),
           array_agg(uscc order by uscc collate "C")
    into level, codes from public.settlement_line where settlement = wanted;
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
comment on function settlement_lines_tree(text) is 'keeps the subtrees of a settlement''s lines; the root of them all'
--;
create function settlement_event_lines() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
begin
    new.detail := new.detail || jsonb_build_object('lines_root', public.settlement_lines_tree(new.settlement));
    return new;
end $$
--;
-- after settlement_event_apply, which says whether the run is possible at all: triggers go by their names
create trigger settlement_event_lines before insert on settlement_event
for each row when (new.event = 'run') execute function settlement_event_lines()
--;

-- the log of checkpoints: a tree as in RFC 6962 with a leaf for each batch and each row of the audit log --------------

create table tree_tile (
    number bigint not null,
    width integer not null,
    hashes bytea not null,
    root bytea not null,
    constraint tree_tile_pkey primary key (number, width),
    constraint tree_tile_sizes_check check (
        number >= 0 and width between 1 and 256 and length(hashes) = 32 * width and length(root) = 32)
)
--;
comment on table tree_tile is
'the hashes of 256 leaves of the tree that checkpoints sign, fewer where a checkpoint ended, and the root over them'
--;
create table tree_leaf (
    batch bigint not null constraint tree_leaf_batch_fkey references batch (batch)
        constraint tree_leaf_pkey primary key,
    leaf text not null
)
--;
comment on table tree_leaf is
'what the leaf of a batch is made over: its digest, and digests of the rows beside it by which a difference is located'
--;
create function tree_keep(
    numbers bigint[], widths int[], hashes bytea[], roots bytea[], batches bigint[], leaves text[]
) returns void language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    insert into public.tree_tile (number, width, hashes, root)
    select t.number, t.width, t.said, t.root from unnest(numbers, widths, hashes, roots) t(number, width, said, root)
    on conflict do nothing;
    insert into public.tree_leaf (batch, leaf)
    select l.batch, l.said from unnest(batches, leaves) l(batch, said) on conflict do nothing
$$
--;
comment on function tree_keep(bigint[], int[], bytea[], bytea[], bigint[], text[]) is
'keeps what the command line computed of the tree, so that the next checkpoint reads only what is new'
--;
create index audit_checkpoint_idx on audit (seq) where action = 'checkpoint.make'
--;

-- what goes on record where ------------------------------------------------------------------------------------------

create or replace function audit_row() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp set timezone = 'UTC' set bytea_output = 'hex' set suanbu.city = '*' as $$
declare
    said jsonb := '{}';
    mine jsonb := jsonb_build_object(tg_table_name, jsonb_build_array(public.suanbu_row(to_jsonb(new))));
begin
    case tg_table_name
    when 'settlement_event' then
        if new.event = 'run' then
            mine := mine || (select jsonb_build_object('settlement', jsonb_agg(
                public.suanbu_row(to_jsonb(s) - 'status'))) from public.settlement s where s.id = new.settlement);
        elsif new.event = 'lock' then
            said := (select jsonb_build_object('instructions', jsonb_build_object('count', count(*), 'first', min(i.id),
                'last', max(i.id))) from public.payout_instruction i where i.settlement = new.settlement);
        end if;
        perform public.audit_append(new.actor, 'settlement.' || new.event, new.settlement, 'done', new.before, new.after,
            (new.detail || said || jsonb_build_object('event', new.id, 'rows', mine))::text);
    when 'payout_event' then
        perform public.audit_append(new.actor, 'payout.' || new.after, new.instruction::text, 'done', new.before,
            new.after, (new.detail || jsonb_build_object('event', new.id, 'reference', new.reference,
            'moved_fen', new.moved_fen, 'bank_reference', new.bank_reference, 'rows', mine))::text);
    when 'claim_event' then
        perform public.audit_append(new.actor, 'claim.' || new.event, new.claim::text, 'done', null, null,
            (to_jsonb(new) - 'transaction' || jsonb_build_object('rows', mine))::text);
    when 'api_key' then
        perform public.audit_append(public.audit_actor(), 'key.create', new.prefix, 'done', null, 'live',
            (to_jsonb(new) - 'secret_digest' - 'check_digest' || jsonb_build_object('rows', mine))::text);
    when 'api_key_revocation' then
        perform public.audit_append(public.audit_actor(), 'key.revoke',
            (select prefix from public.api_key where id = new.api_key), 'done', 'live', 'revoked',
            jsonb_build_object('rows', mine)::text);
    when 'person' then
        perform public.audit_append(public.audit_actor(), 'person.create', new.name, 'done', null, 'live',
            (to_jsonb(new) - 'password_hash' - 'totp_secret' || jsonb_build_object('rows', mine))::text);
    when 'person_event' then
        if new.result = 'done' then
            mine := mine || public.person_rows(new.name, new.event, new.at);
        end if;
        perform public.audit_append(coalesce(new.actor, public.audit_actor()), 'person.' || new.event, new.name,
            new.result, null, null, (new.detail || jsonb_build_object('rows', mine))::text);
    end case;
    return null;
end $$
--;
create function person_rows(called text, did text, moment timestamptz) returns jsonb language plpgsql stable
set search_path = pg_catalog, public, pg_temp set timezone = 'UTC' set bytea_output = 'hex' as $$
declare
    found_ jsonb := '{}';
begin
    if did in ('password', 'second_factor') then
        found_ := (select jsonb_build_object('person', coalesce(jsonb_agg(public.suanbu_row(to_jsonb(p))), '[]'))
                   from public.person p where p.name = called);
    elsif did in ('login', 'reauthenticate') then
        found_ := (select jsonb_build_object('login', coalesce(jsonb_agg(
                       public.suanbu_row(to_jsonb(l) - 'seen_at')), '[]'))
                   from public.login l join public.person p on p.id = l.person
                   where p.name = called and l.proven_at = moment);
    end if;
    return found_ || (
        select case when count(*) = 0 then '{}' else jsonb_build_object('logout', jsonb_agg(
            public.suanbu_row(to_jsonb(o)))) end
        from public.logout o join public.login l on l.token_digest = o.token_digest
        join public.person p on p.id = l.person where p.name = called and o.at = moment);
end $$
--;
comment on function person_rows(text, text, timestamptz) is
'the rows that an event of a person stands for: what was given, the session that began, the sessions that ended'
--;
do $accounts$
declare
    body text := pg_get_functiondef('audit_account()'::regprocedure);
    old constant text := 'jsonb_build_object(''proposal'', p.id';
    fresh constant text := 'jsonb_build_object(''rows'', jsonb_build_object(tg_table_name, '
        'jsonb_build_array(public.suanbu_row(to_jsonb(new)))), ''proposal'', p.id';
begin
    if length(body) - length(replace(body, old, '')) <> 2 * length(old) then
        raise exception 'audit_account is not what this migration changes';
    end if;
    execute replace(body, old, fresh);
end $accounts$
--;
alter function audit_account() set timezone = 'UTC'
--;
do $payouts$
declare
    routine regprocedure;
    body text;
    mine constant text := ' || jsonb_build_object(''rows'', jsonb_build_object(tg_table_name, '
        'jsonb_build_array(public.suanbu_row(to_jsonb(new))))))::text';
begin
    foreach routine in array array['audit_payout_run()', 'audit_bank_statement()']::regprocedure[] loop
        body := pg_get_functiondef(routine);
        body := replace(body, '(to_jsonb(new) - ''wanted'')::text', '(to_jsonb(new) - ''wanted''' || mine);
        body := replace(body, ' to_jsonb(new)::text', ' (to_jsonb(new)' || mine);
        if (select count(*) from regexp_matches(body, 'suanbu_row', 'g'))
           <> (select count(*) from regexp_matches(body, 'audit_append', 'g')) then
            raise exception '% is not what this migration changes', routine;
        end if;
        execute body;
        execute format('alter function %s set timezone = ''UTC''', routine);
    end loop;
end $payouts$
--;
create constraint trigger record_row after insert on source deferrable initially deferred
for each row execute function record_row()
--;
create constraint trigger record_row after insert on clawback_claim deferrable initially deferred
for each row execute function record_row()
--;
create constraint trigger record_row after insert on archive_sealing deferrable initially deferred
for each row execute function record_row()
--;
create constraint trigger record_row after insert on payout_refusal deferrable initially deferred
for each row execute function record_row()
--;
create trigger record_rows after insert on finding referencing new table as fresh
for each statement execute function record_rows()
--;
create trigger record_rows after insert on settlement_account referencing new table as fresh
for each statement execute function record_rows()
--;
create trigger record_rows after insert on payout_run_item referencing new table as fresh
for each statement execute function record_rows()
--;
create trigger record_rows after insert on bank_statement_line referencing new table as fresh
for each statement execute function record_rows()
--;

-- what was there before ----------------------------------------------------------------------------------------------

do $adopt$
declare
    place text;
begin
    perform set_config('suanbu.city', '*', true);
    foreach place in array array['source', 'api_key', 'api_key_revocation', 'person', 'person_event', 'login', 'logout',
        'account_proposal', 'account_event', 'settlement', 'settlement_event', 'settlement_account', 'finding',
        'payout_instruction', 'payout_event', 'payout_refusal', 'clawback_claim', 'claim_event', 'archive_sealing',
        'payout_rule', 'payout_run', 'payout_run_item', 'payout_run_event', 'payout_file', 'bank_statement',
        'bank_statement_line', 'bank_statement_note']
    loop
        perform suanbu_adopt(place);
    end loop;
    insert into adopted (place, seq, said)
    select 'settlement_line', (select coalesce(max(seq), 0) from audit),
           jsonb_build_object('settlement', s.id, 'lines_root', settlement_lines_tree(s.id)) from settlement s;
    perform set_config('suanbu.city', '', true);
end $adopt$
--;

-- rights -------------------------------------------------------------------------------------------------------------

create trigger adopted_kept before update or delete on adopted for each row execute function suanbu_kept()
--;
create trigger adopted_kept_whole before truncate on adopted execute function suanbu_kept()
--;
create trigger settlement_line_group_kept before update or delete on settlement_line_group
for each row execute function suanbu_kept()
--;
create trigger settlement_line_group_kept_whole before truncate on settlement_line_group execute function suanbu_kept()
--;
create trigger tree_tile_kept before update or delete on tree_tile for each row execute function suanbu_kept()
--;
create trigger tree_tile_kept_whole before truncate on tree_tile execute function suanbu_kept()
--;
create trigger tree_leaf_kept before update or delete on tree_leaf for each row execute function suanbu_kept()
--;
create trigger tree_leaf_kept_whole before truncate on tree_leaf execute function suanbu_kept()
--;
revoke execute on function suanbu_row(jsonb), record_row(), record_rows(), suanbu_adopt(text),
    settlement_lines_tree(text), settlement_event_lines(), person_rows(text, text, timestamptz),
    tree_keep(bigint[], int[], bytea[], bytea[], bigint[], text[]) from public
--;
grant execute on function tree_keep(bigint[], int[], bytea[], bytea[], bigint[], text[]) to suanbu_command
--;
grant select on adopted, settlement_line_group, tree_tile, tree_leaf to suanbu_service, suanbu_reader
