"""Every advisory lock of the service: two jobs that must not wait for each other have two numbers.

PostgreSQL knows these locks by number only, in every database apart. A number that is in use is never given to another
job, not even when its own is gone: processes of two versions may run side by side. Functions in the database hold some
of them under the same numbers, so changing one of those is a migration.
"""

from __future__ import annotations

from enum import IntEnum, unique


@unique
class AdvisoryLock(IntEnum):
    """What whoever holds the lock is doing; in SQL text, `{AdvisoryLock.SEALING}` is its number."""

    APPENDING = 0x5AB0  # a batch to the journal: batch numbers follow the order of commits
    ROLLING_UP = 0x5AB1  # the next block of batches
    NUMBERING_SOURCES = 0x5AB2
    MIGRATING = 0x5AB3
    NUMBERING_SETTLEMENTS = 0x5AB4
    AUDITING = 0x5AB8  # a row of the audit log; taken by the function audit_append
    LOGGING_IN = 0x5AB9  # under one name: the second key is a hash of the name
    SEALING = 0x5ABA  # months of the journal into the archive
    COUNTING_KEYS = 0x5ABB  # of one holder, before one more is added
    SUMMARIZING = 0x5ABC  # the journal's index of page ranges; taken by the function summarize_journal
    NUMBERING_PAYMENTS = 0x5ABD  # a settlement's instructions; taken by the function payout_numbered
