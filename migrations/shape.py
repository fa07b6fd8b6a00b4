"""All tables of all stores, gathered: what the migrations must add up to."""

import api.auth.tables
import api.queue.tables
import meter.archive.tables
import meter.audit.tables
import meter.journal.tables
import meter.registry.entries.tables
import meter.registry.tables
import meter.rollup.tables
import settlement.store.company_tables
import settlement.store.payout_tables
import settlement.store.record_tables
import settlement.store.tables
from meter.database.metadata import METADATA

__all__ = ["METADATA"]

assert {
    api.auth.tables.api_key,
    api.queue.tables.job,
    meter.archive.tables.archive_sealing,
    meter.audit.tables.audit,
    meter.journal.tables.entry,
    meter.registry.tables.entity_fact,
} <= set(METADATA.tables.values())
assert {
    meter.registry.entries.tables.registry_entry,
    meter.rollup.tables.rollup,
    settlement.store.payout_tables.payout_run,
    settlement.store.record_tables.adopted,
    settlement.store.tables.settlement,
} <= set(METADATA.tables.values())
