"""The document as a judge of real answers: each must be one that its operation says it may give."""

from __future__ import annotations

import copy
import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from api.app import app_of
from api.http.problem import MEDIA_TYPE
from api.settings import Settings

Schema = dict[str, Any]


@functools.cache
def document() -> Schema:
    """The document of the application as it is built."""
    made: Schema = app_of(Settings("postgresql://nowhere")).openapi()
    return json.loads(json.dumps(made))  # type: ignore[no-any-return]


def operations() -> Iterator[tuple[str, str, Schema]]:
    """Every operation: method, path, what is said of it."""
    for path, some in document()["paths"].items():
        for method, told in some.items():
            yield method.upper(), path, told


def objections_to(value: Any, schema: Mapping[str, Any], *, closed: bool = True) -> list[str]:
    """Where a value is not what a schema of the document says; `closed`: no field that it does not name."""
    components = _closed_components() if closed else document()["components"]
    validator = Draft202012Validator({**schema, "components": components})
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]


@functools.cache
def _closed_components() -> Schema:
    """The components, with nothing allowed in their objects that is not named."""
    components = copy.deepcopy(document()["components"])
    for schema in components["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return components  # type: ignore[no-any-return]


@functools.cache
def _patterns() -> list[tuple[str, re.Pattern[str], Schema]]:
    found = []
    for method, path, told in operations():
        pieces = re.split(r"(\{[^}]*\})", path)
        found.append(
            (method, re.compile("".join("[^/]+" if one[:1] == "{" else re.escape(one) for one in pieces)), told)
        )
    return sorted(found, key=lambda one: "[^/]+" in one[1].pattern)  # what is spelled out goes first


def operation_for(method: str, path: str) -> Schema | None:
    """The operation that answers a request, if there is one."""
    for known, pattern, told in _patterns():
        if known == method and pattern.fullmatch(path):
            return told
    return None


def check_answer(answer: httpx.Response) -> str | None:
    """Assert that an answer is one that the document allows; the operation's id, or None where it describes none."""
    told = operation_for(answer.request.method, answer.request.url.path)
    if told is None:
        return None
    here = f"{told['operationId']} {answer.status_code}"
    said = told["responses"].get(str(answer.status_code))
    assert said is not None, f"{here} is not in the document: {answer.text[:300]}"
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    assert media_type in said["content"], f"{here}: {media_type} is not in the document"
    schema = said["content"][media_type]["schema"]
    if media_type == MEDIA_TYPE or media_type == "application/json":
        objections = objections_to(answer.json(), schema)
        assert not objections, f"{here}: {objections[:5]}"
    return str(told["operationId"])
