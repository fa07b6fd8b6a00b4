"""The limits of intake, each stated once (docs/contract.md, section 1; what a row of the journal can hold)."""

from meter.days import DAY_SECONDS

BODY_BYTES = 32 * 1024 * 1024  # decoded
BATCH_RECORDS = 10_000
RECORD_BYTES = 1024 * 1024  # a longer record is refused without being parsed
DEPTH_LEVELS = 64  # of brackets; a record needs two
RECORD_VALUES = 2_000  # commas and colons outside strings; a record needs 27
TEXT_CHARACTERS = 64  # id, facility, chip, order
EVIDENCE_CHARACTERS = 128
TIME_CHARACTERS = 64  # an RFC 3339 instant with more fraction digits than anyone needs
MILLICARDS = 10**9
CHARGE_FEN = 10**15
FIRST_SECOND = 946_684_800  # 2000-01-01T00:00:00Z
END_SECOND = 4_102_444_800  # 2100-01-01T00:00:00Z, exclusive
# What a record costs later, it costs for every day it touches: 10,000 of the longest are a million rows of the rollup.
SPAN_SECONDS = 100 * DAY_SECONDS
DETAIL_CHARACTERS = 80  # of a value shown back in a detail
