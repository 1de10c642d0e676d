"""What holds for every set of values: it lints, renders alike in both Helms, and is valid."""

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


def test_two_releases_in_one_namespace_share_no_name():
    def objects(release):
        ran = helm("helm4", "template", release, CHART, "-f", CHART / "ci" / "everything.yaml")
        return {(it["kind"], it["metadata"]["name"]) for it in yaml.safe_load_all(ran.stdout) if it}

    assert not objects("one") & objects("two")


def test_long_names_are_cut_and_stay_valid():
    ran = helm("helm4", "template", "r" * 53, CHART, "-f", CHART / "ci" / "everything.yaml")
    for it in yaml.safe_load_all(ran.stdout):
        assert it is None or len(it["metadata"]["name"]) <= 63
