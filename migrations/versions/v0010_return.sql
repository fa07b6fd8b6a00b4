-- who reviewed or ran it does not send it back either: the approver is a third
insert into settlement_transition (event, before, after)
values ('return', 'reviewed', 'returned'), ('return', 'approved', 'returned')
--;
do $again$
declare
    body text := pg_get_functiondef('settlement_event_apply()'::regprocedure);
    change text[];
begin
    -- four lines of it, as they stand, whatever else was changed in it since
    foreach change slice 1 in array array[
        ['new.event in (''review'', ''approve'', ''publish'', ''ruling'', ''lock'')',
         'new.event in (''review'', ''return'', ''approve'', ''publish'', ''ruling'', ''lock'')'],
        ['new.event in (''approve'', ''lock'') and exists',
         'new.event in (''return'', ''approve'', ''lock'') and exists'],
        ['when ''review'' then s.status end;',
         'when ''review'' then s.status when ''return'' then ''returned'' end;'],
        ['    if new.event = ''review'' then' || chr(10),
         '    if new.event = ''return'' and coalesce(new.detail ->> ''note'', '''') = '''' then' || chr(10)
         || '        perform suanbu_refuse(''note_missing'', ''a return says why'');' || chr(10)
         || '    end if;' || chr(10) || '    if new.event = ''review'' then' || chr(10)]
    ] loop
        if position(change[1] in body) = 0 then
            raise exception 'settlement_event_apply is not what this migration changes: %', change[1];
        end if;
        body := replace(body, change[1], change[2]);
    end loop;
    execute body;
end $again$
