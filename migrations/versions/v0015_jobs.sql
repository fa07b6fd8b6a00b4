-- Jobs change by these functions only: asked for by who acts, taken under a lease with a fence, ended once.
-- Statements end with a line of their own: --;

create function job_scopes(of_kind text) returns text[] language sql immutable
set search_path = pg_catalog, public, pg_temp as $$
    select case of_kind when 'settle' then '{settlement:run}'::text[] when 'lock' then '{settlement:approve}' else '{}' end
$$
--;
comment on function job_scopes(text) is 'what a job may decide on behalf of who asked for it, by its kind'
--;
create function job_ask(wanted text, of_lane text, asked jsonb, joining text, media text, file text, open_max int)
returns bigint
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    who text := public.suanbu_actor();
    bound text := nullif(current_setting('suanbu.city', true), '*');
    found_id bigint;
    shown record;
begin
    select * into shown from public.suanbu_shown();
    if shown.actor is distinct from who or shown.city is not null and shown.city is distinct from bound then
        perform public.suanbu_refuse('actor_unproven', 'a job is asked for by who has shown a key or a session');
    end if;
    if bound = '' or bound is null and coalesce(current_setting('suanbu.city', true), '') <> '*' then
        perform public.suanbu_refuse('nobody', 'a job is asked for by somebody');
    end if;
    if joining <> 'never' then
        select max(id) into found_id from public.job
        where ended_at is null and kind = wanted and asked_by = who and city is not distinct from bound
        and scopes = shown.scopes and parameters = asked and (state = 'queued' or joining = 'open');
        if found_id is not null then
            return found_id;
        end if;
    end if;
    if (select count(*) from public.job where ended_at is null and asked_by = who) >= open_max then
        perform public.suanbu_refuse('too_many_jobs', format('%s jobs of yours are waiting: come back', open_max));
    end if;
    insert into public.job (kind, lane, parameters, asked_by, scopes, fresh, city, media_type, file_name, state, stage, done,
                            attempts, fence, asked_at)
    values (wanted, of_lane, asked, who, shown.scopes, coalesce(shown.fresh, false), bound, media, file, 'queued', '', 0, 0, 0, public.suanbu_now())
    returning id into found_id;
    perform pg_notify('suanbu_jobs', of_lane);
    return found_id;
end $$
--;
comment on function job_ask(text, text, jsonb, text, text, text, int) is
'queues a job of whoever acts, bound to his city; or finds the one that he has asked for already'
--;
create function job_claim(lanes text[], who text, lease_ms int, attempts_max int) returns setof job
language plpgsql security definer set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
declare
    j public.job%rowtype;
begin
    loop
        select * into j from public.job
        where ended_at is null and lane = any(lanes)
        and (state = 'queued' or lease_until < public.suanbu_now())
        order by array_position(lanes, lane), id limit 1 for update skip locked;
        if not found then
            return;
        end if;
        delete from public.job_output where job = j.id;
        if j.attempts < attempts_max then
            update public.job set state = 'running', worker = who, attempts = attempts + 1, fence = fence + 1,
                lease_until = public.suanbu_now() + lease_ms * interval '1 millisecond', done = 0, total = null,
                stage = '', started_at = public.suanbu_now()
            where id = j.id returning * into j;
            return next j;
            return;
        end if;
        perform public.job_over(j, 'failed', null, jsonb_build_object('status', 500, 'code', 'job_given_up', 'detail',
            format('its worker was lost %s times, one after another', j.attempts)));
    end loop;
end $$
--;
comment on function job_claim(text[], text, int, int) is
'leases the oldest job that waits, or whose worker is gone, of the first of these lanes that has one'
--;
create function job_over(j job, came_to text, gave jsonb, refused jsonb) returns void
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
declare
    moment timestamptz := greatest(public.suanbu_now(), j.asked_at, j.started_at);
begin
    update public.job set state = came_to, result = gave, error = refused, ended_at = moment, lease_until = null,
        fence = case when came_to = 'cancelled' then fence + 1 else fence end
    where id = j.id;
    insert into public.job_tally as t (kind, state, jobs, waited_ms, worked_ms)
    values (j.kind, came_to, 1, extract(epoch from coalesce(j.started_at, moment) - j.asked_at) * 1000,
            extract(epoch from moment - coalesce(j.started_at, moment)) * 1000)
    on conflict (kind, state) do update set jobs = t.jobs + 1, waited_ms = t.waited_ms + excluded.waited_ms,
        worked_ms = t.worked_ms + excluded.worked_ms;
    perform pg_notify('suanbu_job', j.id::text);
    perform pg_notify('suanbu_job', 'over ' || j.id);
end $$
--;
create function job_held(wanted bigint, at_fence int) returns public.job
language plpgsql set search_path = pg_catalog, public, pg_temp as $$
declare
    j public.job%rowtype;
begin
    select * into j from public.job where id = wanted for update;
    if not found or j.state <> 'running' or j.fence <> at_fence then
        perform public.suanbu_refuse('job_lost', format('job %s is somebody else''s, or over', wanted));
    end if;
    return j;
end $$
--;
create function job_beat(wanted bigint, at_fence int, lease_ms int, at_stage text, so_far bigint, of_all bigint)
returns void language plpgsql security definer set search_path = pg_catalog, public, pg_temp set suanbu.city = '*'
as $$
begin
    perform public.job_held(wanted, at_fence);
    update public.job set lease_until = public.suanbu_now() + lease_ms * interval '1 millisecond', stage = at_stage,
        done = so_far, total = of_all
    where id = wanted;
end $$
--;
comment on function job_beat(bigint, int, int, text, bigint, bigint) is
'a worker is alive, and this far; refused to who was overtaken'
--;
create function job_end(wanted bigint, at_fence int, came_to text, gave jsonb, refused jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
begin
    if came_to not in ('done', 'failed') then
        perform public.suanbu_refuse('job_lost', 'a worker ends its job as done or failed');
    end if;
    perform public.job_over(public.job_held(wanted, at_fence), came_to, gave, refused);
end $$
--;
comment on function job_end(bigint, int, text, jsonb, jsonb) is
'ends a job; in the transaction of what it does, so that neither is there without the other'
--;
create function job_release(wanted bigint, at_fence int, counted boolean) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
declare
    j public.job%rowtype := public.job_held(wanted, at_fence);
begin
    delete from public.job_output where job = wanted;
    update public.job set state = 'queued', lease_until = null, worker = null, attempts = attempts - (not counted)::int, done = 0,
        total = null, stage = '', started_at = null
    where id = wanted;
    perform pg_notify('suanbu_jobs', j.lane);
end $$
--;
comment on function job_release(bigint, int, boolean) is
'a worker that cannot go on hands its job back: as if it had not begun, or as an attempt that counts'
--;
create function job_cancel(wanted bigint) returns boolean
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    j public.job%rowtype;
begin
    -- row security holds here too: who is bound to a city finds its jobs only
    select * into j from public.job where id = wanted and ended_at is null for update;
    if not found then
        return false;
    end if;
    if current_setting('suanbu.city', true) <> '*' and j.asked_by <> public.suanbu_actor() then
        perform public.suanbu_refuse('other_city', 'who is bound to a city cancels what he asked for');
    end if;
    perform public.job_over(j, 'cancelled', null, null);
    return true;
end $$
--;
comment on function job_cancel(bigint) is 'ends a job before it has an effect; false where it has ended already'
--;
create function job_put(wanted bigint, at_fence int, place int, piece bytea) returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
begin
    if not exists (select from public.job where id = wanted and state = 'running' and fence = at_fence) then
        perform public.suanbu_refuse('job_lost', format('job %s is somebody else''s, or over', wanted));
    end if;
    insert into public.job_output (job, fence, seq, bytes) values (wanted, at_fence, place, piece);
    perform pg_notify('suanbu_job', wanted::text);
end $$
--;
create function job_forget(output_minutes int, job_days int) returns void
language sql security definer set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
    delete from public.job_output where job in (
        select id from public.job where ended_at < public.suanbu_now() - output_minutes * interval '1 minute'
        and ended_at > public.suanbu_now() - job_days * interval '1 day' and media_type is not null);
    delete from public.job where ended_at < public.suanbu_now() - job_days * interval '1 day';
$$
--;
comment on function job_forget(int, int) is 'lets go of output that nobody fetched, and of jobs that ended long ago'
--;
create or replace function suanbu_shown(out actor text, out role text, out scopes text[], out city text, out fresh boolean)
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
declare
    proof text[] := string_to_array(coalesce(current_setting('suanbu.proof', true), ''), ':');
    moment timestamptz := clock_timestamp();
begin
    if proof[1] = 'key' and array_length(proof, 1) = 3 then
        select 'key:' || k.name, null, k.scopes, k.city, true into actor, role, scopes, city, fresh
        from public.api_key k
        where k.prefix = proof[2] and not k.signed and k.secret_digest = decode(proof[3], 'hex')
        and (k.expires_at is null or k.expires_at > moment)
        and not exists (select from public.api_key_revocation r where r.api_key = k.id);
    elsif proof[1] = 'signed' and array_length(proof, 1) = 4 then
        -- method, path, digest of the body, seconds since 1970, nonce; a request may take its time once it is let in
        select 'key:' || k.name, null, k.scopes, k.city, true into actor, role, scopes, city, fresh
        from public.api_key k
        where k.prefix = proof[2] and k.signed
        and public.suanbu_hmac(k.secret_digest, decode(proof[4], 'hex')) = decode(proof[3], 'hex')
        and abs(extract(epoch from moment)
                - split_part(convert_from(decode(proof[4], 'hex'), 'UTF8'), E'\n', 4)::numeric) < 3600
        and not exists (select from public.api_key_revocation r where r.api_key = k.id);
    elsif proof[1] = 'session' and array_length(proof, 1) = 2 then
        select 'person:' || p.name, p.role, public.suanbu_scopes_of(p.role), p.city,
               l.totp_step is not null and l.proven_at > moment - interval '10 minutes'
        into actor, role, scopes, city, fresh
        from public.login l join public.person p on p.id = l.person
        where l.token_digest = sha256(decode(proof[2], 'hex')) and l.expires_at > moment
        and l.seen_at > moment - interval '35 minutes'
        and not exists (select from public.logout o where o.token_digest = l.token_digest)
        and not public.person_shut_out(p.name);
    elsif proof[1] = 'job' and array_length(proof, 1) = 3 then
        -- what was shown when the job was asked for, as far as a job of its kind needs it
        select j.asked_by, null, array(select unnest(j.scopes) intersect select unnest(public.job_scopes(j.kind))),
               j.city, j.fresh into actor, role, scopes, city, fresh
        from public.job j where j.id = proof[2]::bigint and j.fence = proof[3]::int and j.state = 'running';
    end if;
end $$
--;
alter table job enable row level security
--;
alter table job force row level security
--;
create policy scope on job using (suanbu_sees(city))
--;
create policy reader on job for select to suanbu_reader using (true)
--;
alter table job_output enable row level security
--;
alter table job_output force row level security
--;
-- a piece is seen by who sees its job
create policy scope on job_output using (exists (select from job j where j.id = job_output.job))
--;
create policy reader on job_output for select to suanbu_reader using (true)
--;
revoke execute on function job_over(job, text, jsonb, jsonb), job_held(bigint, int) from public
--;
grant select on job, job_output to suanbu_service, suanbu_city
--;
grant select on job_tally to suanbu_service, suanbu_reader
--;
grant select on job to suanbu_reader
--;
grant execute on function job_ask(text, text, jsonb, text, text, text, int), job_cancel(bigint)
to suanbu_service, suanbu_city
--;
grant execute on function job_claim(text[], text, int, int), job_beat(bigint, int, int, text, bigint, bigint),
    job_end(bigint, int, text, jsonb, jsonb), job_release(bigint, int, boolean), job_put(bigint, int, int, bytea),
    job_forget(int, int)
to suanbu_service
