"""Alerts and dashboard ask for metrics that there are, in expressions that Prometheus takes."""

import contextlib
import json
import os
import re
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import yaml

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


def test_alerts_fire_when_they_should_and_not_otherwise():
    ran = subprocess.run([HERE / ".tools" / "promtool", "test", "rules", HERE / "alerts.yaml"], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_alert_is_tried():
    tried = (HERE / "alerts.yaml").read_text()
    for alert in re.findall(r"alert: (\w+)", ALERTS.read_text()):
        assert f'alertname="{alert}"' in tried, alert


def test_prometheus_takes_the_metrics_of_a_gateway(tmp_path):
    policy = tmp_path / "keys.toml"
    policy.write_text(
        '[gateway]\nlisten = ["127.0.0.1:0"]\nadmin = "127.0.0.1:0"\n'
        '[[provider]]\nid = "p"\ndialect = "anthropic"\nbase_url = "http://127.0.0.1:9"\n'
        '[[account]]\nid = "a"\nprovider = "p"\n[[account.limit]]\nrequests_per_minute = 60\n'
        '[[account.key]]\nid = "k"\nsecret = "sk-ant-api03-Qx7vJ2mWcR9tYb4LsKd8ZfHn"\n'
    )
    policy.chmod(0o600)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    command = [target / "debug" / "keyweir", "--log-format", "json", "serve", "--access-log", "off", "--policy", policy]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as gateway:
        try:
            addresses = {}
            for line in gateway.stderr:
                if not line.startswith("{"):
                    continue  # what is doubtful of the policy is told before the log begins
                told = json.loads(line)
                addresses[told["message"]] = told.get("address")
                if "listening for operators" in addresses and "listening" in addresses:
                    break
            body = json.dumps({"model": "claude-a", "max_tokens": 1, "messages": []}).encode()
            headers = {"anthropic-version": "2023-06-01", "content-type": "application/json", "x-keyweir-patience": "0"}
            asked = urllib.request.Request(f"http://{addresses['listening']}/v1/messages", body, headers)
            with contextlib.suppress(urllib.error.HTTPError):
                urllib.request.urlopen(asked)
            with urllib.request.urlopen(f"http://{addresses['listening for operators']}/metrics") as page:
                metrics = page.read().decode()
        finally:
            gateway.terminate()
            gateway.stderr.read()
    assert "keyweir_budget_utilization_ratio{" in metrics
    ran = subprocess.run([HERE / ".tools" / "promtool", "check", "metrics"], input=metrics, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_only_documented_metrics_are_asked_for():
    used = set(NAME.findall(ALERTS.read_text() + DASHBOARD.read_text()))
    assert used and {base(it) for it in used} <= documented()


def test_whatever_waits_is_seen_on_the_dashboard():
    """A queue that no panel shows is an incident that nobody finds."""
    shown = {base(it) for it in NAME.findall(DASHBOARD.read_text())}
    queues = {it for it in documented() if "_waiting_" in it and not it.endswith("_by_class")}
    assert queues and queues <= shown


def expressions():
    rules = [rule["expr"] for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    return rules + [target["expr"] for panel in json.loads(DASHBOARD.read_text())["panels"] for target in panel["targets"]]


def test_they_ask_for_labels_and_values_that_there_are():
    page = (ROOT / "docs" / "METRICS.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", page, re.M)
    labels = {name: set(re.findall(r"`(\w+)`", told)) for name, told in rows}
    told = set(re.findall(r"`([a-z_0-9]+)`", page))
    of_prometheus = {"namespace", "pod", "job", "instance", "le"}
    selectors = 0
    for expression in expressions():
        for name, inside in re.findall(r"\b(\w+)\{([^}]*)\}", expression):
            for label, how, value in re.findall(r'(\w+)(=~|!~|=|!=)"([^"]*)"', inside):
                selectors += 1
                assert label in labels[base(name)] | of_prometheus, f"{name} has no label {label}"
                if value.startswith("$"):
                    continue
                for one in value.split("|") if "~" in how and "(" not in value else [value]:
                    assert any(re.fullmatch(one, it) for it in told), f"{name}: {label} is never {one}"
        grouped = {it for by in re.findall(r"\bby \(([^)]*)\)", expression) for it in re.split(r", *", by)}
        there = set().union(*(labels.get(base(name), set()) for name in re.findall(r"\b\w+", expression)))
        assert grouped <= there | of_prometheus, expression
    assert selectors > 50


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


def test_every_alert_leads_to_its_paragraph_of_the_operations_guide():
    headings = {it.lower() for it in re.findall(r"^### (\w+)$", (ROOT / "docs" / "operations.md").read_text(), re.M)}
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{rule['alert'].lower()}"
            assert rule["alert"].lower() in headings, rule["alert"]


def test_the_guide_may_be_published_elsewhere():
    guide = "https://wiki.example/keyweir"
    values = {"metrics": {"prometheusRule": {"enabled": True, "runbookUrl": guide}}}
    rules = one(render(values), "PrometheusRule")["spec"]["groups"][0]["rules"]
    assert rules[0]["annotations"]["runbook_url"] == f"{guide}#{rules[0]['alert'].lower()}"


def endpoint(values):
    return one(render(values), "PodMonitor", "kw-keyweir")["spec"]["podMetricsEndpoints"][0]


def test_prometheus_asks_over_tls_where_operators_do():
    tls = {"tls": {"enabled": True, "existingSecret": "s", "clientCaSecret": "c"}}
    shown = {"cert": {"secret": {"name": "p", "key": "tls.crt"}}, "keySecret": {"name": "p", "key": "tls.key"}}
    monitor = lambda told: {"metrics": {"podMonitor": {"enabled": True, "tlsConfig": told}}, "admin": tls}
    assert "scheme" not in endpoint({"metrics": {"podMonitor": {"enabled": True}}})
    asked = endpoint(monitor(shown))
    assert asked["scheme"] == "https"
    assert asked["tlsConfig"] == {
        "ca": {"secret": {"name": "s", "key": "ca.crt"}}, "serverName": "kw-keyweir-admin.ns.svc", **shown,
    }
    anybody = {"insecureSkipVerify": True, **shown}
    assert endpoint(monitor(anybody))["tlsConfig"] == anybody


def test_prometheus_shows_the_admin_token_where_there_is_one():
    token = {"credentials": {"name": "keyweir-admin", "key": "token"}}
    monitor = {"enabled": True, "authorization": token}
    objects = render({"metrics": {"podMonitor": monitor}})
    endpoint = one(objects, "PodMonitor", "kw-keyweir")["spec"]["podMetricsEndpoints"][0]
    assert endpoint["authorization"] == token
