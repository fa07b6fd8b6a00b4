"""The columns of checked records as one numpy structured array, and the places of their texts."""

import numpy as np

# One row a record. Native byte order and aligned, so that kernels and plain column expressions are both fast; the
# journal turns columns into its own big-endian rows.
RECORD = np.dtype(
    [
        ("index", "i4"),  # position of the record in its body
        ("consumer", "i4"),  # party number, -1 where the code is not yet known; 0 in a void
        ("facility", "i4"),  # registry numbers; 0 in a void
        ("chip", "i4"),
        ("millicards", "i8"),
        ("started", "i8"),  # epoch seconds
        ("ended", "i8"),
        ("charge_fen", "i8"),
        ("order_digest", "i8"),  # 0 where absent
        ("evidence_digest", "i8"),
        ("event_source", "i8"),  # of an event, which source it states (`digests.mark_of_source`); else 0
        ("key", "u1", (16,)),
        ("corrects", "u1", (16,)),  # the key of what is corrected, zeros where nothing is
        ("consumer_code", "u1", (18,)),  # the USCC; zeros in a void
        ("purpose", "i1"),  # 0 not stated, 1 research, 2 commercial
        ("via_platform", "?"),
        ("action", "i1"),  # 0 record, 1 replace, 2 void
    ],
    align=True,
)

# Where the texts of a record lie. Lengths are in bytes, -1 where a text is absent.
PLACE = np.dtype(
    [
        ("start", "i8"),  # of the record itself, in the decoded body
        ("end", "i8"),
        ("id", "i8"),
        ("corrects", "i8"),
        ("order", "i8"),
        ("evidence", "i8"),
        ("event_source", "i8"),
        ("id_length", "i4"),
        ("corrects_length", "i4"),
        ("order_length", "i4"),
        ("evidence_length", "i4"),
        ("event_source_length", "i4"),
        ("fast", "?"),  # accepted by a kernel; else it goes to the authority
    ],
    align=True,
)
TEXTS = ("id", "corrects", "order", "evidence", "event_source")  # the texts that have a place
