"""One portion of a list: items, and the cursor of the next portion."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, create_model

from api.schemas.base import Answer

Next = Annotated[str | None, Field(examples=["MQ"], description="The cursor of the next portion; null in the last.")]


def page_model(item: type[Answer], name: str | None = None) -> type[Answer]:
    """Make the model of a portion of such items."""
    return create_model(
        name or f"{item.__name__}Page",
        __base__=Answer,
        __doc__=f"A portion of a list of {item.__name__}.",
        items=(list[item], ...),  # type: ignore[valid-type]  # the item is known when the model is made
        next=(Next, ...),
    )
