"""Which parts count: exclusions, self-use, holds, use outside the scheme (docs/rules.md, sections 3 and 4)."""

from dataclasses import dataclass
from fractions import Fraction

from tests.reference.family import Families
from tests.reference.parts import Part
from tests.reference.rounds import Round

INVESTOR_SHARE = Fraction(1, 4)  # an investor stays an insider from 25%, whatever the reading `related`


@dataclass(frozen=True)
class Judged:
    """A part with what the rules say about it."""

    part: Part
    insider: bool
    in_scheme: bool  # on the platform and not outside the scheme: what netting may look at
    exclusion: str | None
    holds: frozenset[str]

    def eligible(self, released: bool) -> bool:
        """Neither excluded nor held; with the holds released, not excluded."""
        return self.exclusion is None and (released or not self.holds)


def judge(  # noqa: C901 - one rule after the other, as the rules page has them
    parts: list[Part], round_: Round, readings: dict[str, str], families: Families
) -> list[Judged]:
    """Judge the parts of all records inside the window."""
    insiders = [is_insider(part, families) for part in parts]
    used: dict[str, Fraction] = {}
    used_outside: dict[str, Fraction] = {}
    for part, insider in zip(parts, insiders, strict=True):
        if part.via_platform:  # any purpose, any user
            used[part.facility] = used.get(part.facility, Fraction(0)) + part.quantity
            outside = Fraction(0) if insider else part.quantity
            used_outside[part.facility] = used_outside.get(part.facility, Fraction(0)) + outside
    judged = []
    for part, insider in zip(parts, insiders, strict=True):
        exclusion = first_exclusion(part, round_, readings)
        holds: set[str] = set()
        if round_.purposes is not None and part.purpose is None and readings["purpose_missing"] == "hold":
            holds.add("PURPOSE_NOT_STATED")
        in_scheme = part.via_platform
        if part.via_platform and readings["self_test"] == "use_excluded":
            if insider:
                in_scheme = False
                exclusion = exclusion or "SELF_BUILT_SELF_USED"
        elif part.via_platform:
            if used_outside[part.facility] == 0:
                in_scheme = False
                if insider:
                    exclusion = exclusion or "SELF_BUILT_SELF_USED"
            elif insider:
                outside_share = used_outside[part.facility] / used[part.facility]
                if outside_share < Fraction(str(readings["hold_below_external_share"])):
                    holds.add("EXTERNAL_SHARE_BELOW_HOLD_THRESHOLD")
        if exclusion is not None:
            holds = set()  # excluded ones are never held
        judged.append(Judged(part, insider, in_scheme, exclusion, frozenset(holds)))
    return judged


def is_insider(part: Part, families: Families) -> bool:
    """An owner of 25% or more on that day, or related to one."""
    family = families.on(part.day)
    return any(share >= INVESTOR_SHARE and family.related(owner, part.consumer) for owner, share in part.owners)


def first_exclusion(part: Part, round_: Round, readings: dict[str, str]) -> str | None:
    """The first of the exclusions 1 to 4 that fits."""
    if not part.via_platform:
        return "NOT_VIA_PLATFORM"
    if round_.purposes is not None:
        if part.purpose is not None and part.purpose not in round_.purposes:
            return "PURPOSE_NOT_ELIGIBLE"
        if part.purpose is None and readings["purpose_missing"] == "refuse":
            return "PURPOSE_NOT_STATED"
    if round_.facility_in_anhui and not part.region.startswith("34"):
        return "OUT_OF_PROVINCE"
    if not part.intelligent:
        return "NOT_INTELLIGENT_COMPUTE"
    return None
