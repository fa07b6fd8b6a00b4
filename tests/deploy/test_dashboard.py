"""The Grafana dashboard: a valid shape, Chinese titles, and only queries that can have an answer."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.measured import series
from tests.deploy.promql import named

PATH = Path(__file__).parents[2] / "deploy" / "grafana" / "suanbu.json"
DASHBOARD: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
HAN = re.compile(r"[\u4e00-\u9fff]")
NEEDED = {
    "suanbu_records_total", "suanbu_batch_seconds_bucket", "suanbu_commit_seconds_bucket", "suanbu_rollup_lag_batches",
    "suanbu_journal_batch", "suanbu_quarantine_records", "suanbu_settlements", "suanbu_payouts", "suanbu_payout_fen",
    "suanbu_http_requests_total", "suanbu_overloaded_total",
}  # fmt: skip


def expressions(text: str) -> str:
    """The expression with Grafana's own variables filled in."""
    return text.replace("$__rate_interval", "1m").replace("$source", ".*")


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


def test_nothing_operators_need_is_missing() -> None:
    shown = {metric for _, expression in QUERIES for metric in named(expressions(expression)).metrics}
    assert shown >= NEEDED


def test_variables_ask_for_labels_that_exist() -> None:
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"]).groups()  # type: ignore[union-attr]
            assert label in series()[metric]
            assert variable["query"]["query"] == variable["definition"]


def test_the_shape_is_a_dashboard() -> None:
    assert DASHBOARD["uid"] == "suanbu"
    assert DASHBOARD["timezone"] == "Asia/Shanghai"
    assert isinstance(DASHBOARD["schemaVersion"], int)
    assert "id" not in DASHBOARD, "an id of one installation"
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    for panel in DASHBOARD["panels"]:
        assert HAN.search(panel["title"]), panel["title"]
    for panel in PANELS:
        assert panel["type"] in ("stat", "timeseries")
        assert HAN.search(panel["title"])
        assert HAN.search(panel["description"])
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["targets"]
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)


def test_panels_fit_the_grid_and_do_not_overlap() -> None:
    boxes = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    for box in boxes:
        assert box["w"] > 0
        assert box["h"] > 0
        assert 0 <= box["x"] <= 24 - box["w"]
    for a, b in combinations(boxes, 2):
        apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        assert apart or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"], (a, b)


def test_everything_that_is_measured_is_shown_or_watched() -> None:
    alerts = (PATH.parents[1] / "alerts.yml").read_text(encoding="utf-8")
    asked = {metric for _, expression in QUERIES for metric in named(expressions(expression)).metrics}
    measured = {re.sub(r"_(total|sum|count|bucket)$", "", name) for name in series()}
    shown = {re.sub(r"_(total|sum|count|bucket)$", "", name) for name in asked}
    unseen = {name for name in measured - shown if not re.search(rf"\b{name}(_total|_sum|_count|_bucket)?\b", alerts)}
    assert unseen == set(), "nobody sees it: show it on the dashboard, or take it away"
