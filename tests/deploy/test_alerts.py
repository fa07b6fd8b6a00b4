"""The alerts, run by Prometheus' own promtool: none fires where all is well, and each fires on what it is for."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.measured import series
from tests.deploy.promql import named
from tests.support.debian import program

FOLDER = Path(__file__).parents[2] / "deploy"
CONFIGURATION: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
OWN = {"up": {"job", "instance"}}  # what Prometheus adds itself
MINUTES = 60 * 8
SLOW = "SuanbuReviewWaiting"  # fires after days, so it is tried on hours for minutes
DAYS = 9

WELL = {
    'up{job="suanbu",instance="a"}': "1x{n}",
    'suanbu_http_requests_total{route="/v1/usage-records",method="POST",status="200"}': "0+600x{n}",
    "suanbu_overloaded_total": "0x{n}",
    'suanbu_commit_seconds_bucket{le="0.01"}': "0+600x{n}",
    'suanbu_commit_seconds_bucket{le="+Inf"}': "0+600x{n}",
    "suanbu_last_batch_timestamp_seconds": "0+60x{n}",
    "suanbu_last_probe_timestamp_seconds": "0+60x{n}",
    "suanbu_probe_seconds": "1x{n}",
    "suanbu_rollup_lag_batches": "0x{n}",
    'suanbu_records_total{source="p",status="accepted"}': "0+1000x{n}",
    'suanbu_quarantine_records{status="refused",code="unknown_facility"}': "3x{n}",
    'suanbu_payouts{status="failed"}': "0x{n}",
    'suanbu_payout_refusals{code="LEASE_LOST"}': "2x{n}",
    "suanbu_payouts_without_account": "0x{n}",
    'suanbu_payout_oldest_seconds{status="submitted"}': "60x{n}",
    'suanbu_control_total_gaps{source="p"}': "0x{n}",
    "suanbu_last_checkpoint_timestamp_seconds": "0+60x{n}",
    "suanbu_job_oldest_seconds": "0x{n}",
    'suanbu_review_waiting{city="340100"}': "0x{n}",
    'suanbu_logins_refused_total{reason="wrong_password"}': "0x{n}",
    'suanbu_pool_connections{state="used"}': "2x{n}",
    'suanbu_pool_connections{state="idle"}': "8x{n}",
    "suanbu_disk_free_bytes": "100000000000x{n}",
}
# alert -> the series that are otherwise where it must fire
ILL: dict[str, dict[str, str]] = {
    "SuanbuDown": {'up{job="suanbu",instance="a"}': "0x{n}"},
    "SuanbuErrors": {'suanbu_http_requests_total{route="/v1/usage-records",method="POST",status="503"}': "0+30x{n}"},
    "SuanbuOverloaded": {"suanbu_overloaded_total": "0+20x{n}"},
    "SuanbuCommitSlow": {
        'suanbu_commit_seconds_bucket{le="0.01"}': "0x{n}",
        'suanbu_commit_seconds_bucket{le="5"}': "0+600x{n}",
    },
    "SuanbuNothingReceived": {"suanbu_last_batch_timestamp_seconds": "0x{n}"},
    "SuanbuProbeFailing": {"suanbu_last_probe_timestamp_seconds": "0x{n}"},
    "SuanbuProbeSlow": {"suanbu_probe_seconds": "20x{n}"},
    "SuanbuRollupBehind": {"suanbu_rollup_lag_batches": "900x{n}"},
    "SuanbuRefusedRising": {'suanbu_records_total{source="p",status="refused"}': "0+500x{n}"},
    "SuanbuQuarantineLarge": {'suanbu_quarantine_records{status="refused",code="unknown_facility"}': "20000x{n}"},
    "SuanbuPayoutsFailed": {'suanbu_payouts{status="failed"}': "1x{n}"},
    "SuanbuPayoutAnswersRefused": {'suanbu_payout_refusals{code="LEASE_LOST"}': "2+1x{n}"},
    "SuanbuPayoutsWithoutAccount": {"suanbu_payouts_without_account": "2x{n}"},
    "SuanbuPayoutStuck": {'suanbu_payout_oldest_seconds{status="submitted"}': "300000x{n}"},
    "SuanbuControlTotalGaps": {'suanbu_control_total_gaps{source="p"}': "1x{n}"},
    "SuanbuCheckpointOld": {"suanbu_last_checkpoint_timestamp_seconds": "-200000x{n}"},
    "SuanbuJobsWaiting": {"suanbu_job_oldest_seconds": "2000x{n}"},
    "SuanbuReviewWaiting": {'suanbu_review_waiting{city="340100"}': "1x{n}"},
    "SuanbuLoginsRefused": {'suanbu_logins_refused_total{reason="wrong_password"}': "0+10x{n}"},
    "SuanbuPoolExhausted": {'suanbu_pool_connections{state="used"}': "99x{n}"},
    "SuanbuDiskLow": {"suanbu_disk_free_bytes": "1000000000x{n}"},
}  # fmt: skip


def rules() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name in CONFIGURATION["rule_files"]:
        for group in yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))["groups"]:
            found += group["rules"]
    return found


def case(
    name: str, changed: dict[str, str], expression: str, expected: list[dict[str, Any]], hours: bool = False
) -> dict[str, Any]:
    points = DAYS * 24 if hours else MINUTES
    return {
        "name": name,
        "interval": "1h" if hours else "1m",
        "input_series": [
            {"series": one, "values": values.format(n=points)} for one, values in {**WELL, **changed}.items()
        ],
        "promql_expr_test": [
            {"expr": expression, "eval_time": f"{points}{'h' if hours else 'm'}", "exp_samples": expected}
        ],
    }


def fires(name: str, hours: bool = False) -> dict[str, Any]:
    firing = f'count(ALERTS{{alertname="{name}",alertstate="firing"}})'
    return case(name, ILL[name], firing, [{"labels": "{}", "value": 1}], hours)


def promtool(tmp_path: Path, tests: list[dict[str, Any]], every: str = "1m") -> subprocess.CompletedProcess[str]:
    file = tmp_path / "alerts.test.yml"
    written = {"rule_files": [str(FOLDER / "alerts.yml")], "evaluation_interval": every, "tests": tests}
    file.write_text(yaml.safe_dump(written, allow_unicode=True), encoding="utf-8")
    tool = program("promtool", "prometheus")
    return subprocess.run((tool, "test", "rules", file), capture_output=True, text=True, check=False)


def test_no_alert_fires_where_all_is_well(tmp_path: Path) -> None:
    ran = promtool(tmp_path, [case("well", {}, 'count(ALERTS{alertstate="firing"})', [])])
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_each_alert_fires_on_what_it_is_for(tmp_path: Path) -> None:
    assert ILL.keys() == {rule["alert"] for rule in rules()}
    ran = promtool(tmp_path, [fires(name) for name in ILL if name != SLOW])
    assert ran.returncode == 0, ran.stdout + ran.stderr
    ran = promtool(tmp_path, [fires(SLOW, hours=True)], every="1h")
    assert ran.returncode == 0, ran.stdout + ran.stderr


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
    assert len(set(names)) == len(names)


def test_it_scrapes_the_service_and_the_probe() -> None:
    service, probe = CONFIGURATION["scrape_configs"]
    assert service["metrics_path"] == "/metrics"
    assert service["job_name"] == "suanbu"
    assert probe["job_name"] == "suanbu-probe"
    unit = (FOLDER / "systemd" / "suanbu-probe.service").read_text(encoding="utf-8")
    (target,) = probe["static_configs"][0]["targets"]
    assert f"--metrics-port {target.rpartition(':')[2]} " in unit
