"""Alerts and dashboard ask for metrics that there are, in expressions that Prometheus takes."""

import json
import re
import subprocess

from chart import CHART, HERE, ROOT, one, render

ALERTS = CHART / "files" / "alerts.yaml"
DASHBOARD = CHART / "files" / "dashboard.json"
NAME = re.compile(r"\bkeyweir_[a-z_]+")


def documented():
    return set(re.findall(r"^\| `(keyweir_\w+)`", (ROOT / "docs" / "METRICS.md").read_text(), re.M))


def base(name):
    return re.sub(r"_(bucket|sum|count)$", "", name)


def test_prometheus_takes_the_alerts():
    ran = subprocess.run([HERE / ".tools" / "promtool", "check", "rules", ALERTS], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_alerts_on_reloads_fire_when_they_should():
    ran = subprocess.run([HERE / ".tools" / "promtool", "test", "rules", HERE / "alerts.yaml"], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_only_documented_metrics_are_asked_for():
    used = set(NAME.findall(ALERTS.read_text() + DASHBOARD.read_text()))
    assert used and {base(it) for it in used} <= documented()


def test_prometheus_takes_the_dashboard(tmp_path):
    expressions = [target["expr"] for panel in json.loads(DASHBOARD.read_text())["panels"] for target in panel["targets"]]
    rules = [{"record": "a", "expr": it.replace("$__rate_interval", "5m")} for it in expressions]
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    ran = subprocess.run([HERE / ".tools" / "promtool", "check", "rules", "--lint=none", file], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_they_arrive_whole():
    objects = render({"metrics": {"prometheusRule": {"enabled": True}, "dashboard": {"enabled": True}}})
    assert len(one(objects, "PrometheusRule")["spec"]["groups"][0]["rules"]) >= 5
    assert json.loads(one(objects, "ConfigMap", "kw-keyweir-dashboard")["data"]["keyweir.json"]) == json.loads(DASHBOARD.read_text())


def test_every_alert_is_in_the_operations_guide():
    guide = (ROOT / "docs" / "operations.md").read_text()
    for alert in re.findall(r"alert: (\w+)", ALERTS.read_text()):
        assert f"`{alert}`" in guide, alert
