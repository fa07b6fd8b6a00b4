"""What the registry knows at one batch number, as intake needs it: an immutable value that is cheap to extend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from meter.intake.registry_view.catalogue import Catalogue, DatedCode
from meter.intake.registry_view.parties import Parties


@dataclass(frozen=True, slots=True)
class Registered:
    """Facilities and chips with the days on which a fact rules, and party numbers, as of batch number `version`.

    Made by `of`, and from one another by `extended`; older values stay valid and unchanged.
    """

    version: int
    facilities: Catalogue
    chips: Catalogue
    parties: Parties
    era: int = 0
    """Of the database that it was read from (meter/database/known_database.py)."""

    @classmethod
    def of(
        cls,
        version: int,
        facilities: Iterable[DatedCode] = (),
        chips: Iterable[DatedCode] = (),
        party_codes: Sequence[str] = (),
        party_numbers: Sequence[int] = (),
    ) -> Registered:
        """Make it from plain tables: every fact about facilities and chips in the order recorded, and all parties."""
        parties = Parties.empty().extended(party_codes, party_numbers)
        return cls(version, Catalogue.of(facilities), Catalogue.of(chips), parties)

    def extended(
        self,
        version: int,
        facilities: Iterable[DatedCode] = (),
        chips: Iterable[DatedCode] = (),
        party_codes: Sequence[str] = (),
        party_numbers: Sequence[int] = (),
    ) -> Registered:
        """Return this with what was recorded since. Parties cost what is new.

        A new fact rebuilds its (small) catalogue.
        """
        assert version >= self.version, "what is known never shrinks"
        return Registered(
            version,
            self.facilities.extended(facilities),
            self.chips.extended(chips),
            self.parties.extended(party_codes, party_numbers),
            self.era,
        )
