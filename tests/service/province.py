"""A small province for the tests of the service: three users, a hub, an own centre, a dependant, one conflict."""

from __future__ import annotations

from tests.support.api_client import ApiClient, KeyClient
from tests.support.province import register
from tests.support.records import chip, entity, facility, usage, uscc

NORTH, HEFEI, SUPPLIER, KEEPER, UNKNOWN = uscc(11, "341300"), uscc(12), uscc(13), uscc(14), uscc(15)


async def send_province(door: ApiClient) -> KeyClient:
    """Register and push everything; the platform that pushed it."""
    items = {
        "/chips": [chip("unit", tflops_fp16="1000")],
        "/entities": [
            entity(NORTH, name="宿州用户", region="341300"),
            entity(HEFEI, name="=合肥用户"),
            entity(SUPPLIER, name="既用又供单位"),
            entity(KEEPER, name="运营单位", ai_enterprise=False),
        ],
        "/facilities": [
            facility("hub", owners=[{"uscc": KEEPER, "share": "1"}]),
            facility("own", owners=[{"uscc": SUPPLIER, "share": "1"}]),
        ],
    }
    await register(door, items)
    platform = await door.platform("dispatch")
    receipt = await platform.push(
        usage("n1", consumer=NORTH, facility="hub", chip="unit", cards=10, charge_fen=1_000_000),
        usage("h1", consumer=HEFEI, facility="hub", chip="unit", cards=10, charge_fen=500_003),
        usage("h2", consumer=HEFEI, facility="own", chip="unit", cards=3, charge_fen=0),
        usage("h3", consumer=HEFEI, facility="hub", chip="unit", cards=1, charge_fen=90_000, purpose=None),
        usage("s1", consumer=SUPPLIER, facility="hub", chip="unit", cards=9, charge_fen=900_000),
        usage("u1", consumer=UNKNOWN, facility="hub", chip="unit", cards=1, charge_fen=10_000),
        usage("n1", consumer=NORTH, facility="hub", chip="unit", cards=11, charge_fen=1_100_000),
    )
    assert (receipt["accepted"], receipt["conflict"]) == (6, 1)
    return platform
