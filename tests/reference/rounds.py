"""The rounds as a plain table: docs/rules.md, section 1, and what else depends on the round."""

from dataclasses import dataclass

from tests.reference.days import day_from_text

# 皖北 (EXT list of R-NORTH): seats by the first digits of their region.
NORTH_SIX = ("3403", "3404", "3406", "3412", "3413", "3416")
NORTH_FOUR_MORE = ("341125", "341126", "341182", "341522")

DEFAULT_READINGS = {
    "net_effect": "proportional",
    "supply_owner": "equity_group",
    "self_test": "facility",
    "hold_below_external_share": "0.10",
    "related": "0.25",
    "purpose_missing": "hold",
    "uplift": "off",
    "north_places": "six",
    "rounding": "floor",
    "filter_order": "filter_then_net",
}  # spend_basis: the round's


@dataclass(frozen=True)
class Round:
    """One row of the table; the window is half-open in local days."""

    first_day: int
    end_day: int
    purposes: tuple[str, ...] | None  # None: any, may be null
    facility_in_anhui: bool
    user_in_anhui: bool
    kinds: tuple[str, ...]
    general_ai: bool
    evidence: tuple[str, ...]
    spend_basis: str

    @property
    def days(self) -> range:
        """All local days of the window."""
        return range(self.first_day, self.end_day)


ROUNDS = {
    "anhui-2024-1": Round(
        first_day=day_from_text("2023-01-01"),
        end_day=day_from_text("2024-06-16"),
        purposes=None,
        facility_in_anhui=True,
        user_in_anhui=True,
        kinds=("enterprise", "university", "research_institute", "new_rnd_institution"),
        general_ai=True,
        evidence=("contract", "invoice"),
        spend_basis="least_evidenced",
    ),
    "anhui-2025": Round(
        first_day=day_from_text("2024-09-15"),
        end_day=day_from_text("2025-08-16"),
        purposes=("research",),
        facility_in_anhui=False,
        user_in_anhui=False,
        kinds=("enterprise", "university", "research_institute"),
        general_ai=False,
        evidence=(),
        spend_basis="settled",
    ),
    "anhui-2026": Round(
        first_day=day_from_text("2025-08-16"),
        end_day=day_from_text("2026-04-16"),
        purposes=("research",),
        facility_in_anhui=True,
        user_in_anhui=True,
        kinds=("enterprise", "university", "research_institute"),
        general_ai=True,
        evidence=(),
        spend_basis="settled",
    ),
}


def is_north(region: str, north_places: str) -> bool:
    """Whether a seat lies in northern Anhui under the reading `north_places`."""
    places = NORTH_SIX if north_places == "six" else NORTH_SIX + NORTH_FOUR_MORE
    return region.startswith(places)
