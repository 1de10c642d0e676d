"""Pods: how they end, what they may do, where they run."""

import pytest

from chart import container, one, pod, render


def test_a_new_kubernetes_sleeps_by_itself_an_old_one_by_the_program():
    assert container(render(kube="1.30.0"))["lifecycle"]["preStop"] == {"sleep": {"seconds": 5}}
    assert container(render(kube="1.30.2-gke.1"))["lifecycle"]["preStop"] == {"sleep": {"seconds": 5}}
    old = container(render(kube="1.29.9"))["lifecycle"]["preStop"]
    assert old == {"exec": {"command": ["/bin/keyweir", "sleep", "5"]}}


def test_no_sleep_no_hook():
    assert "lifecycle" not in container(render({"shutdown": {"preStopSeconds": 0}}))


@pytest.mark.parametrize("shutdown, seconds", [({}, 133), ({"preStopSeconds": 1, "delaySeconds": 2, "drainSeconds": 3}, 11)])
def test_grace_is_all_that_an_end_takes(shutdown, seconds):
    assert pod(render({"shutdown": shutdown}))["terminationGracePeriodSeconds"] == seconds


def test_the_restricted_standard_is_kept():
    objects = render()
    assert pod(objects)["securityContext"]["runAsNonRoot"] is True
    assert pod(objects)["securityContext"]["runAsUser"] == 65532
    assert pod(objects)["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(objects)["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }
    assert pod(objects)["automountServiceAccountToken"] is False
    test = one(objects, "Pod", "kw-keyweir-test")["spec"]
    assert test["containers"][0]["securityContext"] == container(objects)["securityContext"]


def test_what_keeps_a_pod_from_starting_stands_in_its_description():
    assert container(render())["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_probes_ask_the_admin_port():
    asked = container(render())
    paths = [asked[it]["httpGet"]["path"] for it in ("startupProbe", "livenessProbe", "readinessProbe")]
    assert paths == ["/healthz", "/healthz", "/readyz"]
    assert {asked[it]["httpGet"]["port"] for it in ("startupProbe", "livenessProbe", "readinessProbe")} == {"admin"}


def test_a_probe_may_be_another_or_none():
    asked = container(render({"livenessProbe": {"exec": {"command": ["/bin/keyweir", "healthcheck"]}}, "startupProbe": None}))
    assert asked["livenessProbe"] == {
        "exec": {"command": ["/bin/keyweir", "healthcheck"]}, "periodSeconds": 10, "timeoutSeconds": 3, "failureThreshold": 3,
    }
    assert "startupProbe" not in asked and asked["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_probes_and_the_test_ask_over_tls_where_operators_do():
    plain = render()
    objects = render({"admin": {"tls": {"enabled": True, "existingSecret": "s"}}})
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert "scheme" not in container(plain)[probe]["httpGet"]
        assert container(objects)[probe]["httpGet"]["scheme"] == "HTTPS"
    test = one(objects, "Pod", "kw-keyweir-test")["spec"]
    assert "--admin-ca=/etc/keyweir/admin-ca/ca.crt" in test["containers"][0]["args"]
    assert test["volumes"][0]["secret"]["secretName"] == "s"
    assert "volumes" not in one(plain, "Pod", "kw-keyweir-test")["spec"]
    alone = render({"admin": {"tls": {"enabled": True, "existingSecret": "s", "caKey": ""}}})
    assert not [it for it in alone if it["kind"] == "Pod"]


def test_an_autoscaler_alone_sets_replicas():
    assert one(render(), "Deployment")["spec"]["replicas"] == 1
    assert "replicas" not in one(render({"autoscaling": {"enabled": True}}), "Deployment")["spec"]


def test_spreading_selects_this_release():
    for constraints in ([], [{"maxSkew": 2, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule"}]):
        for it in pod(render({"topologySpreadConstraints": constraints}))["topologySpreadConstraints"]:
            assert it["labelSelector"]["matchLabels"]["app.kubernetes.io/instance"] == "kw"


def test_a_digest_beats_a_tag():
    digest = "sha256:" + "a" * 64
    assert container(render({"image": {"tag": "1", "digest": digest}}))["image"] == f"keyweir@{digest}"
    assert container(render({"image": {"tag": "1"}}))["image"] == "keyweir:1"
    assert container(render())["image"] == "keyweir:0.1.0"


def test_a_disruption_budget_is_one_pod_unless_said():
    budget = lambda values, **more: one(render({"podDisruptionBudget": {"enabled": True, **values}}, **more), "PodDisruptionBudget")["spec"]
    assert budget({})["maxUnavailable"] == 1
    assert budget({"maxUnavailable": "30%"})["maxUnavailable"] == "30%"
    assert budget({})["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert "unhealthyPodEvictionPolicy" not in budget({}, kube="1.26.0")


@pytest.mark.parametrize("kube, budget, scaler", [
    ("1.20.0", "policy/v1beta1", "autoscaling/v2beta2"),
    ("1.22.9", "policy/v1", "autoscaling/v2beta2"),
    ("1.23.1-eks.2", "policy/v1", "autoscaling/v2"),
])
def test_an_old_kubernetes_gets_the_versions_that_it_has(kube, budget, scaler):
    objects = render({"podDisruptionBudget": {"enabled": True}, "autoscaling": {"enabled": True}}, kube=kube)
    assert one(objects, "PodDisruptionBudget")["apiVersion"] == budget
    assert one(objects, "HorizontalPodAutoscaler")["apiVersion"] == scaler
