"""The manifests fit Kubernetes' own schemas, and each other."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes"
BASE = FOLDER / "base"
VERSION = "1.32"


def written():
    kustomization = yaml.safe_load((BASE / "kustomization.yaml").read_text("utf-8"))
    return [
        one
        for name in kustomization["resources"]
        for one in yaml.safe_load_all((BASE / name).read_text("utf-8"))
    ]


def workloads():
    found = [one for one in written() if one["kind"] in {"StatefulSet", "Deployment", "Job"}]
    jobs = [one["spec"]["jobTemplate"] for one in written() if one["kind"] == "CronJob"]
    names = [one["metadata"]["name"] for one in written() if one["kind"] == "CronJob"]
    return {one["metadata"]["name"]: one for one in found} | dict(zip(names, jobs, strict=True))


def pods():
    return {name: one["spec"]["template"]["spec"] for name, one in workloads().items()}


def shown(secret):
    """Give the workloads that mount a secret."""
    return {name for name, pod in pods().items() if secret in secrets_of(pod)}


def secrets_of(pod):
    whole = {one["secret"]["secretName"] for one in pod["volumes"] if "secret" in one}
    parts = [
        source for one in pod["volumes"] for source in one.get("projected", {}).get("sources", ())
    ]
    return whole | {source["secret"]["name"] for source in parts}


def configuration_of(pod):
    """Give the name of the file in `config` that a pod is told to read."""
    (container,) = pod["containers"]
    (path,) = [one["value"] for one in container["env"] if one["name"] == "CHARTFEED_CONFIG"]
    return Path(path).name


def generated(kind):
    kustomization = yaml.safe_load((BASE / "kustomization.yaml").read_text("utf-8"))
    return {one["name"]: one for one in kustomization[f"{kind}Generator"]}


@pytest.mark.parametrize(
    "one", written(), ids=lambda one: f"{one['kind']}-{one['metadata']['name']}"
)
def test_every_manifest_fits_the_schema(one):
    validator = pytest.importorskip(
        "kubernetes_validate", reason="no schemas of Kubernetes here: make setup"
    )

    validator.validate(one, VERSION, strict=True)


@pytest.mark.parametrize(
    ("folder", "among"),
    [
        ("base", {"StatefulSet", "Deployment", "PodDisruptionBudget", "NetworkPolicy", "Secret"}),
        ("monitoring", {"PodMonitor"}),
    ],
)
def test_kustomize_builds_it(folder, among):
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("no kubectl on this machine")
    done = subprocess.run(
        [kubectl, "kustomize", str(FOLDER / folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert 0 == done.returncode, done.stderr
    found = list(yaml.safe_load_all(done.stdout))
    assert among <= {one["kind"] for one in found}
    # A secret that is generated has a hash, and who mounts it has to be told.
    made = {one["metadata"]["name"] for one in found if one["kind"] == "Secret"}
    for one in found:
        if one["kind"] in {"StatefulSet", "Deployment", "Job"}:
            asked = secrets_of(one["spec"]["template"]["spec"])
            assert asked - {"kafka-ca", "console-tls"} <= made


def test_the_practices_password_is_shown_to_what_reads_them():
    assert {"producers", "console"} == shown("sqlserver")


def test_every_component_logs_in_as_itself_and_is_shown_no_other_password():
    own = {"admin", "producer", "stream", "operator"}
    acting = {
        "producers": "producer",
        "workers": "stream",
        "topics": "admin",
        "day-close": "operator",
        "console": "operator",
    }

    assert acting == {name: Path(configuration_of(pod)).stem for name, pod in pods().items()}
    for name, pod in pods().items():
        assert {acting[name]} == own & secrets_of(pod), name
    assert {"producers", "workers"} == shown("metrics")
    assert {"console"} == shown("console-tls")


def test_what_a_configuration_names_is_mounted():
    listed = {Path(one).name for one in generated("configMap")["chartfeed"]["files"]}
    for name, pod in pods().items():
        file = configuration_of(pod)
        assert file in listed
        text = (BASE / "config" / file).read_text("utf-8")
        named = set(re.findall(r"/run/secrets/chartfeed/(\S+)", text))
        if name == "day-close":
            # It shares its file with the console, which looks into the practices.
            named.discard("sqlserver-password")
        assert named <= keys_of(pod), name


def keys_of(pod):
    """Give the files in the folder of secrets: those of the examples, and the CA."""
    found = set()
    for volume in pod["volumes"]:
        for source in volume.get("projected", {}).get("sources", ()):
            secret = source["secret"]
            if "items" in secret:
                found |= {item["path"] for item in secret["items"]}
            else:
                (example,) = generated("secret")[secret["name"]]["envs"]
                lines = (BASE / example).read_text("utf-8").splitlines()
                found |= {line.partition("=")[0] for line in lines}
    return found


def test_topics_are_not_in_the_way_of_the_next_apply():
    """A Job's template can't be changed, and this one names hashes and a tag."""
    (job,) = [one for one in written() if one["kind"] == "Job"]

    assert job["spec"]["ttlSecondsAfterFinished"] <= 300
    page = (FOLDER.parents[1] / "docs/deployment.md").read_text("utf-8")
    deleting = page.index("delete job topics --ignore-not-found")
    assert deleting < page.index("kubectl apply --server-side -k")


def test_one_console_is_reached_by_tls_and_keeps_its_folder():
    one = workloads()["console"]["spec"]
    (container,) = one["template"]["spec"]["containers"]
    config = yaml.safe_load((BASE / "config" / "operator.yml").read_text("utf-8"))
    mounted = {at["mountPath"]: at["name"] for at in container["volumeMounts"]}
    claims = {
        volume["name"]
        for volume in one["template"]["spec"]["volumes"]
        if "persistentVolumeClaim" in volume
    }

    assert (1, "Recreate") == (one["replicas"], one["strategy"]["type"])
    assert mounted[config["console"]["folder"].rstrip("/")] in claims
    folder = next(path for path, name in mounted.items() if name == "tls")
    assert f"--certificate={folder}/tls.crt" in container["command"]
    assert f"--key={folder}/tls.key" in container["command"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = container[probe]["httpGet"]
        assert ("HTTPS", "/sign-in") == (asked["scheme"], asked["path"])
        assert [{"name": "Host", "value": "localhost"}] == asked["httpHeaders"]
    (service,) = [
        x for x in written() if x["kind"] == "Service" and "console" == x["metadata"]["name"]
    ]
    assert container["ports"][0]["name"] == service["spec"]["ports"][0]["targetPort"]


def test_metrics_are_scraped_under_the_names_that_the_alerts_know():
    monitors = yaml.safe_load_all((FOLDER / "monitoring/podmonitors.yaml").read_text("utf-8"))
    serving = {
        name
        for name, pod in pods().items()
        for port in pod["containers"][0].get("ports", ())
        if port["name"] == "metrics"
    }
    selected = set()
    for monitor in monitors:
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        (job,) = [
            one["replacement"] for one in endpoint["relabelings"] if "job" == one["targetLabel"]
        ]
        assert re.fullmatch("chartfeed-.*", job)
        token = endpoint["authorization"]["credentials"]
        secret = generated("secret")[token["name"]]
        assert secret["options"]["disableNameSuffixHash"]
        assert (BASE / secret["envs"][0]).read_text("utf-8").startswith(f"{token['key']}=")
        selected.add(monitor["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"])

    assert serving == selected


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


def test_days_are_closed_at_a_quarter_past_three_one_run_at_a_time():
    (job,) = [one["spec"] for one in written() if one["kind"] == "CronJob"]
    (container,) = job["jobTemplate"]["spec"]["template"]["spec"]["containers"]

    assert ("15 3 * * *", "Europe/Berlin") == (job["schedule"], job["timeZone"])
    assert "Forbid" == job["concurrencyPolicy"]
    assert ["chartfeed", "day", "close"] == container["command"]
