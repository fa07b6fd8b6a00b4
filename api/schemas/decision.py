"""Decisions about a settlement: what each of them carries."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.base import Body
from api.schemas.values import Note
from settlement.rounds.readings import NOTICE_DAYS_MAX

City = Annotated[str | None, Field(examples=["340100"], description="Left out: all cities.")]


class Remark(Body):
    """Nothing but a note."""

    note: Annotated[Note | None, Field(examples=["材料齐全"])] = None


class Review(Body):
    """A city's lines pass, or the settlement is returned; to return it needs a note."""

    city: City = None
    decision: Annotated[Literal["pass", "return"] | None, Field(examples=["pass"])] = None
    note: Note | None = None


class Return(Body):
    """Why an approver sends a settlement back."""

    note: Annotated[Note | None, Field(examples=["请核对芜湖的设施容量"])] = None


class Approval(Body):
    """The digest, where given, must be the settlement's."""

    note: Note | None = None
    digest: Annotated[str | None, Field(examples=["sm3:260785b918ad1893"])] = None


class Publication(Body):
    """Whole days of the public notice; left out: the order's."""

    days: Annotated[int | None, Field(examples=[7], json_schema_extra={"minimum": 0, "maximum": NOTICE_DAYS_MAX})] = (
        None
    )
    note: Note | None = None


class Objection(Body):
    """An objection (异议): against whom, why, and by whom it was raised."""

    uscc: Annotated[str | None, Field(examples=["91340100MA0000001K"])] = None
    note: Annotated[Note | None, Field(examples=["对使用量有异议"])] = None
    by: Annotated[str | None, Field(examples=["示例单位"], description="Who raised it.")] = None


class Ruling(Body):
    """What becomes of an objection, with the reason."""

    decision: Annotated[Literal["dismissed", "upheld"] | None, Field(examples=["dismissed"])] = None
    note: Annotated[Note | None, Field(examples=["经核对无误"])] = None
