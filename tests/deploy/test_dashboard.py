"""The Grafana dashboards: made from their declaration, Chinese titles, and only queries that can have an answer."""

from __future__ import annotations

import json
import re
import runpy
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.measured import series
from tests.deploy.promql import named

FOLDER = Path(__file__).parents[2] / "deploy" / "grafana"
DASHBOARDS: dict[str, dict[str, Any]] = {
    path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))
}
QUERIES = [
    (panel["title"], target["expr"])
    for dashboard in DASHBOARDS.values()
    for panel in dashboard["panels"]
    for target in panel.get("targets", [])
]
HAN = re.compile(r"[\u4e00-\u9fff]")


def expressions(text: str) -> str:
    """The expression with Grafana's own variables filled in."""
    return text.replace("$__rate_interval", "1m").replace("$source", ".*")


def test_the_files_are_what_the_declaration_makes() -> None:
    made = runpy.run_path(str(FOLDER / "make.py"))["files"]()
    assert made.keys() == DASHBOARDS.keys()
    for name, text in made.items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, "make dashboards"


@pytest.mark.parametrize(("title", "expression"), QUERIES)
def test_every_query_names_metrics_and_labels_that_exist(title: str, expression: str) -> None:
    known, found = series(), named(expressions(expression))
    for metric, labels in found.metrics.items():
        assert metric in known, f"{title}: {metric} is measured nowhere"
        assert labels <= known[metric], f"{title}: {metric} has no label {labels - known[metric]}"
    assert found.grouped <= set().union(*(known[metric] for metric in found.metrics)), title


def test_counters_and_histograms_are_never_shown_raw() -> None:
    for title, expression in QUERIES:
        for metric in named(expressions(expression)).metrics:
            if metric.endswith(("_total", "_bucket", "_sum", "_count")):
                assert re.search(rf"\b(rate|increase)\({metric}\b", expression), title


@pytest.mark.parametrize("name", DASHBOARDS)
def test_variables_ask_for_labels_that_exist(name: str) -> None:
    for variable in DASHBOARDS[name]["templating"]["list"]:
        if variable["type"] == "query":
            metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"]).groups()  # type: ignore[union-attr]
            assert label in series()[metric]
            assert variable["query"]["query"] == variable["definition"]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_the_shape_is_a_dashboard(name: str) -> None:
    dashboard = DASHBOARDS[name]
    assert dashboard["timezone"] == "Asia/Shanghai"
    assert isinstance(dashboard["schemaVersion"], int)
    assert "id" not in dashboard, "an id of one installation"
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for panel in dashboard["panels"]:
        assert HAN.search(panel["title"]), panel["title"]
        if panel["type"] == "row":
            continue
        assert panel["type"] in ("stat", "timeseries")
        assert HAN.search(panel["description"])
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["targets"]
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)


def test_dashboards_have_names_of_their_own() -> None:
    assert len({dashboard["uid"] for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_fit_the_grid_and_do_not_overlap(name: str) -> None:
    boxes = [panel["gridPos"] for panel in DASHBOARDS[name]["panels"]]
    for box in boxes:
        assert box["w"] > 0
        assert box["h"] > 0
        assert 0 <= box["x"] <= 24 - box["w"]
    for a, b in combinations(boxes, 2):
        apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        assert apart or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"], (a, b)


def test_everything_that_is_measured_is_shown_or_watched() -> None:
    alerts = (FOLDER.parent / "alerts.yml").read_text(encoding="utf-8")
    asked = {metric for _, expression in QUERIES for metric in named(expressions(expression)).metrics}
    measured = {re.sub(r"_(total|sum|count|bucket)$", "", name) for name in series()}
    shown = {re.sub(r"_(total|sum|count|bucket)$", "", name) for name in asked}
    unseen = {name for name in measured - shown if not re.search(rf"\b{name}(_total|_sum|_count|_bucket)?\b", alerts)}
    assert unseen == set(), "nobody sees it: show it on a dashboard, or take it away"
