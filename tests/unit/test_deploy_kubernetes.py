"""The manifests fit Kubernetes' own schemas, and each other."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

BASE = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes" / "base"
VERSION = "1.32"


def written():
    kustomization = yaml.safe_load((BASE / "kustomization.yaml").read_text("utf-8"))
    return [
        one
        for name in kustomization["resources"]
        for one in yaml.safe_load_all((BASE / name).read_text("utf-8"))
    ]


def workloads():
    found = [one for one in written() if one["kind"] in {"StatefulSet", "Job"}]
    jobs = [one["spec"]["jobTemplate"] for one in written() if one["kind"] == "CronJob"]
    names = [one["metadata"]["name"] for one in written() if one["kind"] == "CronJob"]
    return {one["metadata"]["name"]: one for one in found} | dict(zip(names, jobs, strict=True))


@pytest.mark.parametrize(
    "one", written(), ids=lambda one: f"{one['kind']}-{one['metadata']['name']}"
)
def test_every_manifest_fits_the_schema(one):
    validator = pytest.importorskip(
        "kubernetes_validate", reason="no schemas of Kubernetes here: make setup"
    )

    validator.validate(one, VERSION, strict=True)


def test_kustomize_builds_it():
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("no kubectl on this machine")
    done = subprocess.run(
        [kubectl, "kustomize", str(BASE)], capture_output=True, text=True, timeout=60, check=False
    )

    assert 0 == done.returncode, done.stderr
    kinds = [one["kind"] for one in yaml.safe_load_all(done.stdout)]
    assert {"StatefulSet", "PodDisruptionBudget", "NetworkPolicy", "Secret"} <= set(kinds)


def test_there_are_as_many_producers_as_shards():
    kustomization = yaml.safe_load((BASE / "kustomization.yaml").read_text("utf-8"))
    (shards,) = [one for one in kustomization["configMapGenerator"] if one["name"] == "shards"]

    assert [f"SHARDS={workloads()['producers']['spec']['replicas']}"] == shards["literals"]


def test_every_pod_is_locked_up():
    for name, one in workloads().items():
        pod = one["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"], name
        assert "RuntimeDefault" == pod["securityContext"]["seccompProfile"]["type"], name
        assert pod["automountServiceAccountToken"] is False, name
        for container in pod["containers"]:
            locked = container["securityContext"]
            assert locked["readOnlyRootFilesystem"], name
            assert not locked["allowPrivilegeEscalation"], name
            assert ["ALL"] == locked["capabilities"]["drop"], name
            assert container["resources"]["limits"]["memory"], name


def test_workers_keep_their_name_and_their_state():
    worker = workloads()["workers"]["spec"]
    (container,) = worker["template"]["spec"]["containers"]

    assert "--worker=$(POD_NAME)" in container["command"]
    assert "--keep-membership" in container["command"]
    assert ["state"] == [one["metadata"]["name"] for one in worker["volumeClaimTemplates"]]


def test_probes_ask_what_a_restart_could_cure():
    for name in ("producers", "workers"):
        (container,) = workloads()[name]["spec"]["template"]["spec"]["containers"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert {"path": "/health", "port": "metrics"} == container[probe]["httpGet"]


def test_what_runs_on_is_not_emptied_all_at_once():
    budgets = {one["metadata"]["name"] for one in written() if one["kind"] == "PodDisruptionBudget"}

    assert {one["metadata"]["name"] for one in written() if one["kind"] == "StatefulSet"} == budgets


def test_days_are_closed_at_two_in_the_morning_one_run_at_a_time():
    (job,) = [one["spec"] for one in written() if one["kind"] == "CronJob"]
    (container,) = job["jobTemplate"]["spec"]["template"]["spec"]["containers"]

    assert ("0 2 * * *", "Europe/Berlin") == (job["schedule"], job["timeZone"])
    assert "Forbid" == job["concurrencyPolicy"]
    assert ["chartfeed", "day", "close"] == container["command"]
