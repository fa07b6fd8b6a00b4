"""Schemathesis over the whole document, against a service of its own: every operation, and walks along its links.

`SUANBU_SCHEMATHESIS` says how many requests each operation gets, and how many walks there are.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import os
import re
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import hypothesis
import pytest
import pytest_asyncio
import schemathesis
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fuzz.scene import Scene
from tests.openapi.described import document
from tests.support.serving import Served, over_http

EXAMPLES = int(os.environ.get("SUANBU_SCHEMATHESIS", "1"))
SEED = int(os.environ.get("SUANBU_FUZZ_SEED", "19"))
STEPS = 8
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
QUIETLY = hypothesis.settings(
    max_examples=EXAMPLES, deadline=None, database=None, phases=[hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck), stateful_step_count=STEPS, print_blob=True,
)  # fmt: skip


def linked() -> dict[str, Any]:
    """The document, with a link from every list, and from what is made, to all that is asked of one of its items."""
    found = copy.deepcopy(document())
    for path in found["paths"]:
        below = re.fullmatch(r"(/v1/[a-z-]+)/\{(\w+)\}.*", path)
        if below is None or below[1] not in found["paths"]:
            continue
        for told in found["paths"][path].values():
            for source, status, place in (("get", "200", "items/0/id"), ("post", "201", "id")):
                answers = found["paths"][below[1]].get(source, {}).get("responses", {})
                if status in answers:
                    answers[status].setdefault("links", {})[f"to_{told['operationId']}"] = {
                        "operationId": told["operationId"], "parameters": {below[2]: f"$response.body#/{place}"},
                    }  # fmt: skip
    return found


@pytest_asyncio.fixture(scope="module")
async def scene(server: Served, database: str) -> AsyncIterator[Scene]:
    """A service in the middle of its life, in a process of its own."""
    async with over_http(server.url, database) as door:
        yield await Scene.of(door)


def call_with(scene: Scene, server: Served, seen: Counter[int]) -> Any:
    """Make the function that sends a request with the key of one role after the other, and judges the answer."""
    keys = itertools.cycle(scene.keys[-20:])

    def call(case: Any) -> Any:
        headers = {"Prefer": "respond-async"}
        if seen.total() % 10:  # else with what is drawn for it, or nothing
            case.headers.pop("Authorization", None)
            headers["Authorization"] = f"Bearer {next(keys).key}"
        answer = case.call(base_url=server.url, headers=headers, timeout=60)
        seen[answer.status_code] += 1
        told_to_wait = answer.status_code == 503 and "retry-after" in answer.headers
        if not told_to_wait:
            case.validate_response(answer, checks=CHECKS)
        return answer

    return call


@pytest.mark.timeout(3600)
def test_every_operation_answers_what_the_document_allows(scene: Scene, server: Served) -> None:
    seen: Counter[int] = Counter()
    call = call_with(scene, server, seen)
    schema: Any = schemathesis.openapi.from_dict(document())
    operations = [one.ok() for one in schema.get_all_operations()]
    for operation in operations:
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):

            @hypothesis.seed(SEED)
            @QUIETLY
            @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
            def every(case: Any) -> None:
                call(case)

            with contextlib.suppress(Unsatisfiable):  # where nothing can be asked for wrongly
                every()
    print(seen)
    assert seen.total() >= len(operations) * EXAMPLES
    assert seen[200] > seen.total() / 10


@pytest.mark.timeout(3600)
def test_no_walk_along_the_links_ends_in_a_fault(scene: Scene, server: Served) -> None:
    seen: Counter[int] = Counter()
    call = call_with(scene, server, seen)
    schema = schemathesis.openapi.from_dict(linked())
    schema.config.update(base_url=server.url)
    machine: Any = schema.as_state_machine()

    class Walk(machine):  # type: ignore[misc]
        def call(self, case: Any, **_: Any) -> Any:
            return call(case)

        def validate_response(self, response: Any, case: Any, **_: Any) -> None:
            assert response.status_code < 500 or response.status_code == 503, case.as_curl_command()

    Walk.run(settings=hypothesis.settings(QUIETLY, max_examples=EXAMPLES * 5))
    print(seen)
    assert seen.total() > EXAMPLES * STEPS
    assert server.peak_bytes() < 2 * 2**30
