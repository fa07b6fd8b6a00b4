"""The page of the reference shows of every operation what the document says: parameters, bodies, answers, examples."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest

from api.console.pages.documentation import _page
from tests.openapi.described import document, operations

SHOWN = {
    (found[1], found[2]): unescape(section)
    for section in "".join(_page(document())).split("<details>")
    if (found := re.match(r"<summary><code>([A-Z]+) ([^<]+)</code>", section))
}
"""What the page says of each operation, by method and path."""
TYPES = {
    found[1]: unescape(section)
    for section in "".join(_page(document())).split("<details>")
    if (found := re.match(r"<summary><code>([A-Z]\w+)</code>", section))
}


def test_every_operation_and_every_type_is_on_the_page() -> None:
    assert set(SHOWN) == {(method, path) for method, path, _ in operations()}
    assert set(TYPES) == set(document()["components"]["schemas"])


@pytest.mark.parametrize(("method", "path"), SHOWN, ids=[" ".join(one) for one in SHOWN])
def test_an_operation_is_shown_with_all_that_is_said_of_it(method: str, path: str) -> None:
    page, told = SHOWN[method, path], document()["paths"][path][method.lower()]
    assert re.sub("`", "", told["summary"]) in re.sub("</?code>", "", page)
    for parameter in told["parameters"]:
        assert f"<code>{parameter['name']}</code></td><td>{parameter['in']}" in page
    bodies = [told["requestBody"]["content"]] if "requestBody" in told else []
    assert ("<h4>Body</h4>" in page) == bool(bodies)
    for status, said in told["responses"].items():
        assert f"<h4>{status}</h4>" in page
        for code in said["content"].get("application/problem+json", {}).get("examples", {}):
            assert code in page, f"{status} {code}"
        if status.startswith("2"):
            bodies.append(said["content"])
    for content in bodies:
        for media_type, one in content.items():
            assert f"<code>{media_type}</code>" in page
            if "example" in one:
                example = one["example"]
                wanted = example if isinstance(example, str) else json.dumps(example, ensure_ascii=False, indent=2)
                assert f"<pre>{wanted}</pre>" in page


@pytest.mark.parametrize("name", TYPES)
def test_a_type_is_shown_with_all_its_fields(name: str) -> None:
    fields = document()["components"]["schemas"][name].get("properties", {})
    assert re.findall(r"<tr><td><code>(\w+)</code>", TYPES[name]) == list(fields)
