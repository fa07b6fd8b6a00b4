"""A small province for the tests of the service: three users, a hub, an own centre, a dependant, one conflict."""

from __future__ import annotations

from tests.support.api_client import ApiClient, KeyClient
from tests.support.build_province import Province
from tests.support.province import register
from tests.support.records import chip, uscc

NORTH, HEFEI, SUPPLIER, KEEPER, UNKNOWN = uscc(11, "341300"), uscc(12), uscc(13), uscc(14), uscc(15)
DAY = "2025-09-01"


def province() -> Province:
    """Everything that is registered and sent."""
    made = Province(chips=[chip("unit", tflops_fp16="1000")])
    made.party(NORTH, name="宿州用户", region="341300").party(HEFEI, name="=合肥用户", region="340100")
    made.party(SUPPLIER, name="既用又供单位", region="340100")
    made.party(KEEPER, name="运营单位", region="340100", ai_enterprise=False)
    made.facility("hub", **{KEEPER: "1"}).facility("own", **{SUPPLIER: "1"})
    made.use(NORTH, "hub", 10, 1_000_000, DAY, id="n1").use(HEFEI, "hub", 10, 500_003, DAY, id="h1")
    made.use(HEFEI, "own", 3, 0, DAY, id="h2").use(HEFEI, "hub", 1, 90_000, DAY, id="h3", purpose=None)
    made.use(SUPPLIER, "hub", 9, 900_000, DAY, id="s1").use(UNKNOWN, "hub", 1, 10_000, DAY, id="u1")
    return made.use(NORTH, "hub", 11, 1_100_000, DAY, id="n1")


async def send_province(door: ApiClient) -> KeyClient:
    """Register and push everything; the platform that pushed it."""
    made = province()
    await register(door, made.registry())
    platform = await door.platform("dispatch")
    receipt = await platform.push(*made.usage)
    assert (receipt["accepted"], receipt["conflict"]) == (6, 1)
    return platform
