"""Compose file and Kubernetes manifests: their schemas accept them, and what they run and mount is there."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from meter.database.roles import sql_for
from tests.deploy.test_units import HERE, understood
from tests.support.debian import program

DEPLOY = HERE / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
MANIFESTS = DEPLOY / "kubernetes" / "suanbu.yaml"
SECRETS = {"DATABASE_PASSWORD": "one", "POSTGRES_PASSWORD": "two", "GRAFANA_PASSWORD": "three"}
KUBERNETES = ("1.28", "1.30", "1.33")
THEIR_OWNERS = {"payout.toml", "payout.key", "probe.key"}
"""Files that whoever pays or watches makes: they are in no repository."""


def composed(**environment: str) -> subprocess.CompletedProcess[str]:
    """What docker-compose makes of the file."""
    return subprocess.run(
        [program("docker-compose", "docker-compose"), "-f", COMPOSE, "--profile", "*", "config"],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    done = composed(**SECRETS)
    assert done.returncode == 0, done.stderr
    return dict(yaml.safe_load(done.stdout)["services"])


def test_the_whole_of_it_is_there(services: dict[str, Any]) -> None:
    assert set(services) == {"postgres", "suanbu", "jobs", "payout", "probe", "prometheus", "grafana"}
    assert services["suanbu"]["environment"]["DATABASE_URL"] == "postgresql://suanbu_login:one@postgres/suanbu"


@pytest.mark.parametrize("missing", SECRETS)
def test_nothing_starts_without_its_passwords(missing: str) -> None:
    done = composed(**{name: value for name, value in SECRETS.items() if name != missing})
    assert done.returncode != 0
    assert missing in done.stderr


@pytest.mark.parametrize("service", ["suanbu", "jobs", "payout", "probe"])
def test_a_service_of_ours_runs_a_command_that_there_is_and_may_do_little(
    services: dict[str, Any], service: str
) -> None:
    made = services[service]
    binary, *words = made["command"]
    assert binary == "suanbu"
    assert understood(words)
    assert made["read_only"]
    assert made["cap_drop"] == ["ALL"]


def test_every_image_is_pinned_and_every_file_that_is_mounted_is_there(services: dict[str, Any]) -> None:
    for name, made in services.items():
        _, colon, tag = made["image"].rpartition(":")
        assert colon, name
        assert tag[:1].isdigit() or tag[:1] == "v", name
        for mount in made.get("volumes", ()):
            source = Path(str(mount).split(":", maxsplit=1)[0])
            assert not source.is_absolute() or source.exists() or source.name in THEIR_OWNERS, mount


def test_the_roles_are_those_of_the_code() -> None:
    assert (DEPLOY / "compose" / "roles.sql").read_text(encoding="utf-8") == sql_for("suanbu_login")


def test_prometheus_accepts_its_file(tmp_path: Path) -> None:
    for name in ("compose/prometheus.yml", "alerts.yml"):
        (tmp_path / Path(name).name).write_bytes((DEPLOY / name).read_bytes())
    checked = subprocess.run(
        [program("promtool", "prometheus"), "check", "config", tmp_path / "prometheus.yml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr + checked.stdout


def manifests() -> Iterator[dict[str, Any]]:
    """The documents of the manifests."""
    yield from yaml.safe_load_all(MANIFESTS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_accepts_the_manifests(version: str) -> None:
    for document in manifests():
        kubernetes_validate.validate(document, version, strict=True)


def test_a_field_that_kubernetes_does_not_know_is_noticed() -> None:
    broken = next(manifests())
    broken["spec"]["selectr"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, KUBERNETES[0], strict=True)


def test_a_pod_runs_a_command_that_there_is_and_may_do_little() -> None:
    pods = [one["spec"]["template"]["spec"] for one in manifests() if one["kind"] == "Deployment"]
    assert len(pods) == 4
    for pod in pods:
        (container,) = pod["containers"]
        binary, *words = container["command"]
        assert binary == "suanbu"
        assert understood([str(word) for word in words])
        assert pod["securityContext"]["runAsNonRoot"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        mounts = {one["name"] for one in container["volumeMounts"]}
        assert mounts == {one["name"] for one in pod["volumes"]}
