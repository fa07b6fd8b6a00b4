-- A payment list is handed out under somebody's name. Statements end with a line of their own: --;

create function payment_list_noted(wanted bigint, kind text, payments int) returns bigint
language plpgsql security definer set search_path = pg_catalog, public, pg_temp set suanbu.city = '*' as $$
begin
    if public.payout_run_status(wanted) <> 'released' then
        perform public.suanbu_refuse('no_such_run', format('there is no released payout run %s', wanted));
    end if;
    return public.audit_append(public.suanbu_actor(), 'payment_list.export', wanted::text, 'done', null, null,
        jsonb_build_object('kind', kind, 'payments', payments)::text);
end $$
--;
comment on function payment_list_noted(bigint, text, int) is
'writes into the audit log that a list with accounts in plain is handed out'
--;
grant execute on function payment_list_noted(bigint, text, int), settlement_due(text, bigint, bigint) to suanbu_service
