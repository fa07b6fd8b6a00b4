"""The document says everything about every operation, and only what is true."""

from __future__ import annotations

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from api.auth.roles import SCOPES
from api.http.errors import CODES
from api.http.problem import MEDIA_TYPE
from api.schemas.codes import ITEM_CODES
from meter.registry import body, fields, holdings, items, outcome, record, shapes, store, warnings
from settlement.rounds.reading_table import DEFAULTS, choices
from tests.openapi.described import document, objections_to, operations
from tests.openapi.routes import Route, described_routes

OPERATIONS = {f"{method} {path}": told for method, path, told in operations()}


@pytest.mark.parametrize("route", described_routes(), ids=lambda one: f"{one.method} {one.path}")
def test_every_route_is_described_in_full(route: Route) -> None:
    told = OPERATIONS[f"{route.method} {route.path}"]
    assert re.fullmatch(r"[a-z][a-z0-9_]*", told["operationId"])
    assert told["summary"]
    assert told["tags"]
    assert {(one["in"], one["name"]) for one in told["parameters"]} == {
        *(("path", name) for name in route.in_path),
        *(("query", name) for name in route.in_query),
    }
    for parameter in told["parameters"]:
        assert parameter["schema"].keys() & {"type", "anyOf", "enum"}, parameter
        assert parameter.get("description"), f"{parameter['name']} is not explained"
    successes = [status for status in told["responses"] if status.startswith("2")]
    assert len([status for status in successes if status != "202"]) == 1
    for status in successes:
        for media_type, content in told["responses"][status]["content"].items():
            assert content["schema"]
            assert "example" in content or content["schema"].get("format") == "binary", media_type
    if "202" in successes:
        assert told["responses"]["202"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Job"}
        assert "Location" in told["responses"]["202"]["headers"]
    if route.path.startswith("/v1"):
        assert told["security"] == [{"ApiKey": []}]
        assert told["x-scope"] in SCOPES
    if route.method in ("PUT", "POST") and "requestBody" not in told:
        assert told["operationId"] in (
            "post_quarantine_replay", "post_adjustments", "post_settlement_findings", "post_job_cancel",
        )  # fmt: skip


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_error_of_an_operation_is_in_the_table_of_codes(name: str) -> None:
    responses = OPERATIONS[name]["responses"]
    assert {"400", "500", "default"} <= set(responses)
    for status, said in responses.items():
        if status.startswith("2"):
            continue
        schema = said["content"][MEDIA_TYPE]["schema"]
        assert schema["$ref"] == "#/components/schemas/Problem"
        if status != "default":
            codes = schema["properties"]["code"]["enum"]
            assert codes
            assert set(codes) <= set(CODES)
            assert len(set(codes)) == len(codes)
            assert set(said["content"][MEDIA_TYPE]["examples"]) == set(codes)
    if "503" in responses:
        assert "Retry-After" in responses["503"]["headers"]


def test_ids_of_operations_are_unique() -> None:
    ids = [told["operationId"] for told in OPERATIONS.values()]
    assert len(set(ids)) == len(ids)


def test_no_schema_of_the_document_is_malformed_and_no_enum_names_a_value_twice() -> None:
    waiting: list[Any] = [document()]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            for values in (part.get("enum"), part.get("required")):
                if isinstance(values, list):
                    assert len({str(value) for value in values}) == len(values), values
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    for name, schema in document()["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert re.fullmatch(r"[A-Z][A-Za-z]*", name)
        assert schema.get("description"), f"{name} is not explained"


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_example_is_one_of_what_it_is_an_example_of(name: str) -> None:
    told = OPERATIONS[name]
    contents = [told.get("requestBody", {"content": {}})["content"]]
    contents += [said["content"] for status, said in told["responses"].items() if status.startswith("2")]
    for content in contents:
        for media_type, one in content.items():
            if "example" in one and "json" in media_type:
                assert objections_to(one["example"], one["schema"]) == [], media_type


def test_every_reference_in_the_document_leads_somewhere() -> None:
    components = document()["components"]
    found = [path.split("/")[2:] for path in re.findall(r"'\$ref': '([^']*)'", str(document()))]
    assert len(found) > 100
    assert [(kind, name) for kind, name in found if name not in components[kind]] == []


ITEMS = {
    "Entity": shapes._ENTITY, "Facility": shapes._FACILITY, "ChipRating": shapes._CHIP, "Holding": shapes._HOLDING,
    "Expenditure": shapes._EXPENDITURE, "ControlTotal": shapes._CONTROL_TOTAL,
}  # fmt: skip


@pytest.mark.parametrize("name", ITEMS)
def test_items_of_the_registry_are_described_as_they_are_read(name: str) -> None:
    schema = document()["components"]["schemas"][name]
    assert set(schema["properties"]) == set(ITEMS[name])
    assert set(schema["required"]) == {field for field, one in ITEMS[name].items() if one.required}
    assert schema["additionalProperties"] is False


def test_the_codes_of_items_are_those_that_the_registry_gives() -> None:
    given: set[str] = set()
    for module in (body, fields, holdings, items, outcome, record, shapes, store, warnings):
        assert module.__file__ is not None
        with open(module.__file__) as file:  # noqa: PTH123 - a source as text
            text = file.read()
        given |= set(re.findall(r'(?:Unfit|Broken)\(\s*"(\w+)"', text)) | set(re.findall(r'"(bad_\w+)"', text))
    assert given <= set(ITEM_CODES)


def test_readings_are_described_with_all_their_values() -> None:
    for name in ("Readings", "ReadingsInForce"):
        properties = document()["components"]["schemas"][name]["properties"]
        assert set(properties) == set(DEFAULTS)
        for reading in DEFAULTS:
            said = properties[reading]
            assert tuple((said.get("anyOf") or [said])[0]["enum"]) == tuple(choices(reading))
