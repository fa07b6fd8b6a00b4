"""The Prometheus example: it scrapes our endpoint, and its alerts ask only for what is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.measured import series
from tests.deploy.promql import named

FOLDER = Path(__file__).parents[2] / "deploy"
CONFIGURATION: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
OWN = {"up": {"job", "instance"}}  # what Prometheus adds itself


def rules() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name in CONFIGURATION["rule_files"]:
        for group in yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))["groups"]:
            found += group["rules"]
    return found


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_an_alert_asks_for_what_exists_and_says_what_to_do(rule: dict[str, Any]) -> None:
    known, found = series() | OWN, named(rule["expr"])
    for metric, labels in found.metrics.items():
        assert metric in known
        assert labels <= known[metric]
    assert found.grouped <= set().union(*(known[metric] for metric in found.metrics))
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["for"]
    assert set(rule["annotations"]) == {"summary", "description"}


def test_alerts_have_names_of_their_own() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names) >= 8


def test_it_scrapes_the_service() -> None:
    (job,) = CONFIGURATION["scrape_configs"]
    assert job["metrics_path"] == "/metrics"
    assert job["job_name"] == "suanbu"
