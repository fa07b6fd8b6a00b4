-- Accounts that people enter: whoever keeps the registry proposes one for an entity, and it waits for an approver like
-- one that the entity proposes for itself. Run as suanbu_owner. Statements end with a line of their own: --;

create or replace function account_proposal_apply() returns trigger language plpgsql security definer
set search_path = pg_catalog, public, pg_temp as $$
declare
    company record;
    shown record;
begin
    if new.batch is null then
        select * into shown from public.suanbu_shown();
        if shown.actor like 'person:%' and 'registry:write' = any (shown.scopes) and shown.city is null then
            new.actor := shown.actor;
        else
            select * into company from public.suanbu_company();
            if company.uscc is null or not company.fresh
               or not exists (select from public.party p where p.id = new.party and p.uscc = company.uscc) then
                perform public.suanbu_refuse('no_such_fact', 'an account is proposed by a fact of the registry that '
                    'states it, by a person who keeps the registry, or by the entity itself, with proof');
            end if;
            new.actor := company.actor;
        end if;
    else
        select public.batch_actor(b.key_name) into new.actor
        from public.entity_fact f join public.batch b on b.batch = f.batch
        where f.batch = new.batch and f.ordinal = new.ordinal and f.party = new.party and f.bank_account = new.account
        and f.valid_from is not distinct from new.valid_from and f.valid_to is not distinct from new.valid_to;
        if not found then
            perform public.suanbu_refuse('no_such_fact', 'an account is proposed by a fact of the registry that '
                'states it, by a person who keeps the registry, or by the entity itself, with proof');
        end if;
    end if;
    new.at := public.suanbu_now();
    new.digest := 'sha256:' || encode(sha256(convert_to(new.account, 'UTF8')), 'hex');
    return new;
end $$
--;
comment on column account_proposal.batch is 'of the fact that states it; null where a person or the entity proposed it'
