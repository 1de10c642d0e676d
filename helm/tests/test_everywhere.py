"""What holds for every set of values: it lints, renders alike in both Helms, and is valid."""

import json
import re
import tempfile

import kubernetes_validate
import pytest
import yaml

from chart import CHART, EXAMPLES, HELMS, helm

FOREIGN = {"PodMonitor", "PrometheusRule", "HTTPRoute"}
SETS = [[it] for it in EXAMPLES] + [[CHART / "ci" / "minimal.yaml", CHART / "values-ha.yaml"]]
names = [" ".join(file.stem for file in files) for files in SETS]


def options(files):
    return [word for file in files for word in ("-f", file)]


def rendered(files, which, kube):
    ran = helm(which, "template", "kw", CHART, "--namespace", "ns", "--kube-version", kube, *options(files))
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize("which", HELMS)
@pytest.mark.parametrize("files", SETS, ids=names)
def test_it_lints(files, which):
    ran = helm(which, "lint", "--strict", CHART, *options(files))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "WARN" not in ran.stdout + ran.stderr and "Fail" not in ran.stdout + ran.stderr


@pytest.mark.parametrize("files", SETS, ids=names)
def test_both_helms_say_the_same(files):
    three, four = (list(yaml.safe_load_all(rendered(files, it, "1.36.0"))) for it in HELMS)
    key = lambda it: (it["kind"], it["metadata"]["name"])
    assert sorted(filter(None, three), key=key) == sorted(filter(None, four), key=key)


@pytest.mark.parametrize("kube", ["1.25.0", "1.29.0", "1.30.0", "1.33.0", "1.37.0"])
@pytest.mark.parametrize("files", SETS, ids=names)
def test_every_object_is_valid(files, kube):
    kinds = set()
    for it in yaml.safe_load_all(rendered(files, "helm4", kube)):
        if it and it["kind"] not in FOREIGN:
            kubernetes_validate.validate(it, kube, strict=True)
            kinds.add(it["kind"])
        if it:
            assert it["metadata"].get("namespace") in ("ns", None)
    assert {"Deployment", "Service", "ConfigMap"} <= kinds


def test_everything_makes_every_kind():
    made = {it["kind"] for it in yaml.safe_load_all(rendered([CHART / "ci" / "everything.yaml"], "helm4", "1.36.0")) if it}
    assert made >= FOREIGN | {
        "ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Ingress", "NetworkPolicy", "Pod",
        "PodDisruptionBudget", "Service", "ServiceAccount",
    }


def test_the_values_for_a_team_need_nothing_but_kubernetes():
    files = [CHART / "ci" / "minimal.yaml", CHART / "values-ha.yaml"]
    made = [it for it in yaml.safe_load_all(rendered(files, "helm4", "1.36.0")) if it]
    assert not {it["kind"] for it in made} & FOREIGN
    assert {it["spec"].get("sessionAffinity") for it in made if it["kind"] == "Service"} <= {"None", None}


def test_two_releases_in_one_namespace_share_no_name():
    def objects(release):
        ran = helm("helm4", "template", release, CHART, "-f", CHART / "ci" / "everything.yaml")
        return {(it["kind"], it["metadata"]["name"]) for it in yaml.safe_load_all(ran.stdout) if it}

    assert not objects("one") & objects("two")


def test_long_names_are_cut_and_stay_valid():
    ran = helm("helm4", "template", "r" * 53, CHART, "-f", CHART / "ci" / "everything.yaml")
    for it in yaml.safe_load_all(ran.stdout):
        assert it is None or len(it["metadata"]["name"]) <= 63


# What YAML takes for something else than text where it is not in quotes.
WORDS = ["null", "true", "on", "123", "1e3", "0x1f", "2024-01-01", "a: b", "#a", "~"]


@pytest.mark.parametrize("word", WORDS)
def test_names_stay_text_whatever_they_look_like(word):
    given = yaml.safe_load((CHART / "ci" / "everything.yaml").read_text())
    if re.fullmatch("[-a-z0-9]+", word):
        given["secrets"] = given["policy"]["existingConfigMaps"] = given["policy"]["existingSecrets"] = [word]
    for table, names in {
        "redis": ["existingSecret", "passwordKey", "caKey", "certKey", "keyKey", "sentinelPasswordKey", "sentinel"],
        "tls": ["existingSecret"],
        "ingress": ["className"],
        "service": ["loadBalancerClass"],
        "serviceAccount": ["name"],
    }.items():
        given[table] |= {name: word for name in names}
    given["admin"]["tls"] |= {"existingSecret": word, "clientCaSecret": word, "caKey": word, "clientCaKey": word}
    given |= {name: word for name in ("priorityClassName", "runtimeClassName", "schedulerName")}
    if word in ("null", "true", "on"):
        given |= {"nameOverride": word, "fullnameOverride": word}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump(given, file)
        file.flush()
        for it in yaml.safe_load_all(rendered([file.name], "helm4", "1.36.0")):
            if it and it["kind"] not in FOREIGN:
                kubernetes_validate.validate(it, "1.36.0", strict=True)


@pytest.mark.parametrize("release", ["123", "a.b"])
def test_a_release_whose_service_could_have_no_such_name_is_told_what_to_do(release):
    ran = helm("helm4", "template", release, CHART, "-f", CHART / "ci" / "minimal.yaml")
    assert "set fullnameOverride" in ran.stderr
    ran = helm("helm4", "template", release, CHART, "-f", CHART / "ci" / "minimal.yaml", "--set", "fullnameOverride=here")
    for it in yaml.safe_load_all(ran.stdout):
        assert it is None or isinstance(it["metadata"]["labels"]["app.kubernetes.io/instance"], str)
