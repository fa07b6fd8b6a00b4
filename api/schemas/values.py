"""The values that bodies and answers are made of, each with its pattern, its limits and an example."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from meter.intake.limits import TEXT_CHARACTERS

_FIRST, _SECOND = "91340100MA0000001K", "91340100MA0000999Q"


def value(kind: Any, example: Any, description: str = "", **schema: Any) -> Any:
    """Make a type of a value, as the document shows it; the limits are checked where the value is read."""
    extra = schema or None
    return Annotated[kind, Field(examples=[example], description=description or None, json_schema_extra=extra)]


Uscc = value(str, _FIRST, "Unified social credit code (GB 32100-2015).", minLength=18, maxLength=18)
OwnerUscc = value(str, _SECOND, "Unified social credit code (GB 32100-2015).", minLength=18, maxLength=18)
RecordId = value(str, "e1", "Unique for ever within the source.", pattern="^[A-Za-z0-9._:-]{1,64}$")
Identifier = value(str, "hf-01", "An id in the registry.", pattern="^[A-Za-z0-9._:-]{1,64}$")
Chip = value(str, "card-a", "An accelerator model in the registry.", pattern="^[A-Za-z0-9._:-]{1,64}$")
FacilityName = value(str, "hf-01", minLength=1, maxLength=TEXT_CHARACTERS)
ChipName = value(str, "card-a", minLength=1, maxLength=TEXT_CHARACTERS)
Source = value(str, "dispatch", "The source that a key names.")
Region = value(str, "340100", "A code of GB/T 2260.", pattern="^[0-9]{6}$")
City = value(str, "340100", "A city by its code of GB/T 2260.", pattern="^[0-9]{4}00$")
Day = value(str, "2025-09-01", "A local day (Asia/Shanghai).", format="date")
Instant = value(str, "2025-09-01T08:00:00+08:00", "RFC 3339 with an offset.", format="date-time")
Fen = value(int, 12_000_000, "Money in whole fen, without VAT.")
Count = value(int, 1, minimum=0)
Batch = value(int, 4711, "The number of a batch in the journal.", minimum=0)
Quantity = value(
    str, "7/36", "An exact quantity: a decimal without trailing zeros where it is finite, else a reduced fraction.",
    pattern=r"^-?[0-9]+(\.[0-9]*[1-9]|/[1-9][0-9]*)?$",
)  # fmt: skip
DecimalText = value(str, "0.25", "An exact decimal.", pattern=r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,9})?$")
Digest = value(
    str, "sm3:66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
    "Algorithm and hexadecimal digest.", pattern="^[a-z0-9/]+:[0-9a-f]+$",
)  # fmt: skip
Sha256 = value(str, "605850f2c49b05c47840606113d6dc7b98a756f4bd452c69bf048741b3955b96", pattern="^[0-9a-f]{64}$")
ActorName = value(str, "key:finance", "Who: a key's holder or a person, by name.")
SettlementId = value(str, "anhui-2026-0001")
RoundId = value(str, "anhui-2026")
PositiveNumber = value(int, 7, minimum=1, maximum=2**63 - 1)
Note = value(str, "复核无误", "A reason or remark.", maxLength=4000)
Name = value(str, "示例科技有限公司")
Truth = value(bool, True)
