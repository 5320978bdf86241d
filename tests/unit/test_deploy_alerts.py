"""Alerts and dashboard speak of metrics that exist, and every alert has its chapter."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from chartfeed.metrics import Disk
from chartfeed.stream import _Collector
from producers.capture.metrics import METRICS, STATES
from stream_app.sink.sink import Report as SinkReport
from stream_app.worker.counts import Counts
from stream_app.worker.filing import Counts as Filed
from stream_app.worker.worker import Report

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "chartfeed.json"


class IdleWorker:
    def report(self):
        return Report({0: Counts()}, Filed(), {"chartfeed.services": 0})


class IdleSink:
    def report(self):
        return SinkReport((), 0, None, None)

    def claims(self, _day):
        return None


def told():
    """Give the names of all metrics that our processes tell."""
    worker: Any = IdleWorker()
    sink: Any = IdleSink()
    families: list[Any] = [metric.family() for metric in METRICS]
    families += [*_Collector(worker, sink).collect(), *Disk({}).collect()]
    return {
        name
        for family in families
        for name in [family.name + ("_total" if family.type == "counter" else "")]
    }


def rules():
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions():
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return [*(rule["expr"] for rule in rules()), *shown]


def test_every_metric_that_is_asked_for_is_told_by_the_code():
    asked = {name for text in expressions() for name in re.findall(r"chartfeed_\w+", text)}

    assert len(asked) > 10
    assert set() == asked - told()


def test_every_state_that_is_asked_for_is_one():
    asked = {
        state
        for text in expressions()
        for found in re.findall(r'state=~?"([^"]*)"', text)
        for state in found.split("|")
    }

    assert "drift" in asked
    assert set() == asked - set(STATES)


def test_every_alert_has_a_summary_and_a_chapter_in_the_runbook():
    chapters = re.findall(
        r"^### (\w+)$", (ROOT / "docs/deployment.md").read_text("utf-8"), re.MULTILINE
    )
    for rule in rules():
        page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert "docs/deployment.md" == page
        assert anchor in {chapter.lower() for chapter in chapters}, rule["alert"]
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in {"warning", "critical"}


def test_the_line_that_sets_the_runbooks_address_reaches_every_alert(tmp_path):
    page = (ROOT / "docs/deployment.md").read_text("utf-8")
    (line,) = re.findall(r"^sed -i .* deploy/prometheus/rules\.yml$", page, re.MULTILINE)
    copy = tmp_path / "rules.yml"
    shutil.copy(RULES, copy)
    done = line.replace("deploy/prometheus/rules.yml", str(copy))
    subprocess.run(["sh", "-c", done], check=True, timeout=10)
    found = yaml.safe_load(copy.read_text("utf-8"))["groups"]
    addresses = [rule["annotations"]["runbook_url"] for group in found for rule in group["rules"]]

    assert len(rules()) == len(addresses)
    assert all(address.startswith("https://") for address in addresses)


def test_freshness_per_center_comes_first_on_the_dashboard():
    first = json.loads(DASHBOARD.read_text("utf-8"))["panels"][0]

    assert (0, 0) == (first["gridPos"]["x"], first["gridPos"]["y"])
    assert "chartfeed_capture_lag_seconds" in first["targets"][0]["expr"]


def test_panels_do_not_lie_on_each_other():
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not taken & cells, panel["title"]
        taken |= cells


@pytest.mark.parametrize(
    "command",
    [
        ("check", "rules", "rules.yml"),
        ("test", "rules", "rules_test.yml"),
        ("check", "config", "--syntax-only", "prometheus.yml"),
    ],
)
def test_promtool_finds_nothing_wrong(command):
    tool = shutil.which("promtool", path=f"{ROOT}/.chartfeed/tools") or shutil.which("promtool")
    if tool is None:
        pytest.skip("no promtool on this machine: bash deploy/tools.sh brings it")
    done = subprocess.run(
        [tool, *command], cwd=RULES.parent, capture_output=True, text=True, timeout=60, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr
