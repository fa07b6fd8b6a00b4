"""One JSON text to the value it states, exactly: repeats, number texts and order kept, nothing converted."""

import json

from meter.intake.codes import Code, RecordRefused
from meter.intake.record.usage_record import Number, Pairs, Value

DECODER = json.JSONDecoder(object_pairs_hook=Pairs, parse_int=Number, parse_float=Number, parse_constant=Number)


def value_of_json(text: bytes) -> Value:
    """Return the value of one JSON text in UTF-8; raises `RecordRefused` with bad_utf8 or not_json.

    NaN and the infinities are read as numbers, so that the record is refused for the field's type as in every format.
    The caller bounds depth and size.
    """
    try:
        value: Value = DECODER.decode(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise RecordRefused(Code.BAD_UTF8, f"byte {error.start} of the record is not valid UTF-8") from None
    except json.JSONDecodeError as error:
        raise RecordRefused(Code.NOT_JSON, f"{error.msg} at character {error.pos} of the record") from None
    return value
