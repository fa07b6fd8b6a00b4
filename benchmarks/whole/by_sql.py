"""The peer of a whole run: the same lines by SQL, and stored as the service stores them, in a table that lasts."""

from __future__ import annotations

from benchmarks.settlement.sql import settle_by_sql
from settlement.inputs.frames import Inputs
from settlement.rounds import Round

STORED = (
    "stored",
    """
    create table stored (
        settlement text not null, uscc text not null, name text not null, region text, outcome text not null,
        award_fen bigint not null, held_fen bigint not null, payable_fen bigint not null, line json not null,
        working json not null, primary key (settlement, uscc)
    );
    insert into stored
    select 'anhui-2026-0001', l.uscc, coalesce(e.name, ''), e.region,
        case when l.award_fen > 0 then 'payable' when l.held_fen > 0 then 'held' else 'nothing' end,
        l.award_fen::bigint, l.held_fen::bigint, l.award_fen::bigint,
        json_build_object('uscc', l.uscc, 'name', e.name, 'region', e.region, 'consumed', l.consumed,
            'supplied', l.supplied, 'group_consumed', l.g_consumed, 'group_supplied', l.g_supplied,
            'award_fen', l.award_fen, 'held_fen', l.held_fen, 'payable_fen', l.award_fen),
        json_build_object('consumed', c.consumed, 'released', c.released_consumed, 'charges', c.charges,
            'released_charges', c.released_charges, 'all_charges', c.all_charges, 'supplied', l.supplied,
            'group_consumed', l.g_consumed, 'group_supplied', l.g_supplied, 'award_fen', l.award_fen)
    from line l join parties p on p.uscc = l.uscc left join entity_facts e on e.party = p.party
        left join consumption c on c.consumer = p.party;
    """,
)


async def settled_and_stored(url: str, inputs: Inputs, of_round: Round) -> float:
    """Return the seconds that SQL takes for the lines and for storing them, from loaded and analysed tables."""
    seconds, _, lines = await settle_by_sql(url, inputs, of_round, [STORED])
    assert lines.height, "SQL settled nothing"
    return seconds
