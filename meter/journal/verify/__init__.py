"""Verifying the journal: everything its digests cover, recomputed from what the database holds."""
