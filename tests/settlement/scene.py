"""One province in which nearly everything happens at once, for tests of steps, digests, comparisons and intervals."""

from tests.support.build_province import Province


def busy_province(**order: object) -> Province:
    """Joint venture, group sold inside the window, holds, exclusions, evidence, refusals, an earlier settlement."""
    world = Province(order={"rate": "0.17", **order}, settled={"p1": 900, "p8": 3})
    world.party("p1", "p2", "p3", "p4", "p9").party("p5", region="341300").party("p6", ai_enterprise=None)
    world.party("p7", independent_legal_person=False)
    world.facility("hub", p9="1").facility("jv", p1="0.55", p2="0.3", p3="0.15").facility("own", p4="1")
    world.facility("away", p9="1", _region="110100")
    world.holds("p1", "p4", "0.4", None, "2025-12-01").holds("p5", "p4", "0.5", "2025-12-01").holds("p2", "p1", "0.26")
    for number, party in enumerate(("p1", "p2", "p3", "p5", "p6", "p7")):
        world.use(party, "hub", 37 + number, 98765 + 7 * number).use(party, "hub", 11, 1234, day="2026-01-20")
    world.use("p1", "jv", 20, 777).use("p2", "jv", 30, 999).use("p3", "jv", 3, 555).use("p4", "own", 90, 4321)
    world.use("p9", "own", 5, 0, day="2025-10-10").use("p9", "own", 4, 0, day="2025-12-10")
    world.use("p1", "hub", 13, 5555, purpose=None).use("p2", "away", 6, 100).use(
        "p3", "hub", 9, 876, purpose="commercial"
    )
    world.use("p5", "hub", 2, 31, via_platform=False)
    world.paper("p1", "invoice", 70000).paper("p1", "public_support", 3001).paper("p3", "contract", 10**6)
    return world
