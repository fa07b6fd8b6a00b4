"""What all bodies and all answers have in common, and how an example follows from their fields."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

REFERENCE = "#/components/schemas/{model}"
POINTER = "x-model"  # becomes a reference when the document is put together


class Body(BaseModel):
    """A JSON object that is sent to us: strict, and no field but those that are named."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, populate_by_name=False)

    def stated(self) -> dict[str, Any]:
        """Return the fields that were given, by their names on the wire."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class Answer(BaseModel):
    """A JSON object that we send. A client takes fields that are added later; our tests take none that is not named."""

    model_config = ConfigDict(frozen=True)


class DescribedBy:
    """Marks a value that is shown as a model in the document and checked elsewhere, with codes of its own."""

    def __init__(self, model: type[BaseModel]) -> None:
        self.model = model

    def __get_pydantic_json_schema__(self, _: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Point at the model in place of the value."""
        assert handler is not None
        return {POINTER: self.model.__name__}


def pointed_at(kind: Any) -> set[type[BaseModel]]:
    """Return the models that DescribedBy marks anywhere in a model or type."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        parts = [part for field in kind.model_fields.values() for part in (field.annotation, *field.metadata)]
    else:
        parts = [*typing.get_args(kind), *getattr(kind, "__metadata__", ())]
    found = {part.model for part in parts if isinstance(part, DescribedBy)}
    return found.union(*(pointed_at(part) for part in parts if not isinstance(part, (DescribedBy, FieldInfo, str))))


def example_of(kind: Any) -> Any:
    """Return an example of a model or type: what its fields give as examples, put together."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {
            field.alias or name: _of_field(field)
            for name, field in kind.model_fields.items()
            if field.is_required() or _given(field) is not None
        }
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        for part in kind.__metadata__:
            if isinstance(part, DescribedBy):
                return example_of(part.model)
            if isinstance(part, FieldInfo) and part.examples:
                return part.examples[0]
        return example_of(arguments[0])
    if origin is typing.Literal:
        return arguments[0]
    if origin in (typing.Union, types.UnionType):
        return example_of(arguments[0])
    if origin is list:
        return [example_of(arguments[0])]
    if origin in (dict, Mapping):
        return {}
    return {str: "text", int: 1, bool: True, type(None): None}[kind]


def _given(field: FieldInfo) -> Any:
    return field.examples[0] if field.examples else None


def _of_field(field: FieldInfo) -> Any:
    if field.examples:
        return field.examples[0]
    for part in field.metadata:
        if isinstance(part, DescribedBy):
            return example_of(part.model)
    return example_of(field.annotation)
