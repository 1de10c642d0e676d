"""Renders the chart, as its users do."""

import functools
import json
import os
import subprocess
import tempfile
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CHART = HERE.parent / "keyweir"
HELMS = ("helm3", "helm4")
EXAMPLES = sorted((CHART / "ci").glob("*.yaml"))
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
KEYWEIR = Path(os.environ.get("KEYWEIR", TARGET / "debug" / "keyweir"))

MINIMAL = yaml.safe_load((CHART / "ci" / "minimal.yaml").read_text())


def helm(which, *words):
    """Runs Helm; what it printed, with errors, and whether it succeeded."""
    ran = subprocess.run([HERE / ".tools" / which / "helm", *words], capture_output=True, text=True)
    return ran


def merged(base, over):
    """Values on top of values, as Helm merges them."""
    result = dict(base)
    for name, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = merged(result[name], value) if both else value
    return result


def template(values, *words, which="helm4", kube="1.36.0"):
    """`helm template` of these values on top of the minimal ones."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".yaml") as file:
        json.dump(merged(MINIMAL, values), file, ensure_ascii=False)
        file.flush()
        words = ("--kube-version", kube, "--namespace", "ns", "-f", file.name, *words)
        return helm(which, "template", "kw", CHART, *words)


def notes(values):
    """What Helm prints after an installation with these values; Helm 3 shows it only with a cluster."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".yaml") as file:
        json.dump(merged(MINIMAL, values), file, ensure_ascii=False)
        file.flush()
        ran = helm("helm4", "install", "kw", CHART, "--dry-run=client", "--namespace", "ns", "-f", file.name)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.partition("\nNOTES:\n")[2]


@functools.lru_cache(maxsize=None)
def _render(values, words, which, kube):
    ran = template(json.loads(values), *words, which=which, kube=kube)
    assert ran.returncode == 0, ran.stderr
    return [it for it in yaml.safe_load_all(ran.stdout) if it]


def render(values=None, *words, which="helm4", kube="1.36.0"):
    """The objects that these values, on top of the minimal ones, make."""
    return _render(json.dumps(values or {}), words, which, kube)


def refusal(values):
    """What the chart says to values that it does not take."""
    ran = template(values)
    assert ran.returncode != 0, "it was taken"
    return ran.stderr


def one(objects, kind, name="kw-keyweir"):
    found = [it for it in objects if it["kind"] == kind and it["metadata"]["name"] == name]
    assert len(found) == 1, [(it["kind"], it["metadata"]["name"]) for it in objects]
    return found[0]


def pod(objects):
    return one(objects, "Deployment")["spec"]["template"]["spec"]


def container(objects):
    return pod(objects)["containers"][0]
