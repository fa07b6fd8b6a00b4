"""Received: from the bytes of a request to checked columns.

In: a body, its content type and encoding, what the registry knows (`Registered`), the number of the source.
Out: `Received`: the well-formed records the registry can place, as columns; a `Refusal` with a stable code for every
other record; or `BodyError` when the body is not a batch at all.
Always: the same bytes give the same answer, in every format alike; nothing is coerced or rounded; one bad record never
stops its batch; memory and time are bounded whatever is sent.

It does not own: dedupe, conflicts and whether a corrected record exists (the journal), the registry's facts
(`meter/registry`), HTTP, keys, and what a record is worth.
"""

from meter.intake.codes import BODY_MEANING, MEANING, BodyCode, BodyError, Code, Meaning
from meter.intake.columns import RECORD
from meter.intake.receive import receive, receive_records
from meter.intake.received import CODES, Received, Refusal
from meter.intake.registry_view.catalogue import DatedCode
from meter.intake.registry_view.registered import Registered
from meter.intake.warm_up import warm_up

__all__ = [
    "BODY_MEANING",
    "CODES",
    "MEANING",
    "RECORD",
    "BodyCode",
    "BodyError",
    "Code",
    "DatedCode",
    "Meaning",
    "Received",
    "Refusal",
    "Registered",
    "receive",
    "receive_records",
    "warm_up",
]
