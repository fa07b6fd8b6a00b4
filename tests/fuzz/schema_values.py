"""Values that a schema of the document describes, with what there really is where a field names something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.fuzz.chance import Chance
from tests.openapi.described import document

Known = Mapping[str, Sequence[Any]]
DEPTH = 6


class Values:
    """Draws values by schema; `known` are the values that there are, by the name of a field or parameter."""

    def __init__(self, chance: Chance, known: Known) -> None:
        self.chance = chance
        self.known = known

    def of(self, schema: Mapping[str, Any], name: str = "", depth: int = 0) -> Any:
        """A value that the schema takes, as far as this draws it; nearly always something that there is."""
        chance = self.chance
        if "$ref" in schema:
            schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return chance.pick(schema["enum"])
        some = schema.get("anyOf") or schema.get("oneOf")
        if some:
            return self.of(chance.pick(some), name, depth)
        kind = schema.get("type", "string")
        if isinstance(kind, list):
            kind = chance.pick(kind)
        if name in self.known and kind in ("string", "integer", "object", "array") and not chance.once_in(8):
            return chance.pick(self.known[name])
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            count = 0 if depth > DEPTH else chance.pick((0, 1, 1, 1, 2, 3))
            return [self.of(schema.get("items", {}), name, depth + 1) for _ in range(count)]
        if kind in ("integer", "number"):
            return chance.pick((schema.get("minimum", 0), 1, 2, 3, 100, schema.get("maximum", 10**6)))
        return {"boolean": chance.once_in(2), "null": None}.get(kind, self._text(schema))

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        needed = schema.get("required", ())
        return {
            name: self.of(one, name, depth + 1)
            for name, one in schema.get("properties", {}).items()
            if (not self.chance.once_in(30) if name in needed else depth <= DEPTH and self.chance.once_in(2))
        }

    def _text(self, schema: Mapping[str, Any]) -> str:
        if "examples" in schema and self.chance.once_in(2):
            return str(self.chance.pick(schema["examples"]))
        return str(self.chance.pick(("x", "2025-09-01", "2025-10-01", "0.2", "1", "2025-09-01T08:00:00+08:00", "00ff")))
