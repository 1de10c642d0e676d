"""Where the pods keep what was spent."""

from chart import container, one, pod, render


def volume(objects):
    return next((it for it in pod(objects)["volumes"] if it["name"] == "ledger"), None)


def mounts(objects):
    return {it["name"]: it["mountPath"] for it in container(objects)["volumeMounts"]}


def claims(objects):
    return [it for it in objects if it["kind"] == "PersistentVolumeClaim"]


def test_it_outlives_a_container_by_default():
    objects = render()
    assert volume(objects) == {"name": "ledger", "emptyDir": {"sizeLimit": "1Gi"}}
    assert mounts(objects)["ledger"] == "/var/lib/keyweir"
    assert "--state=/var/lib/keyweir" in container(objects)["args"]
    assert not claims(objects)


def test_there_may_be_none():
    objects = render({"ledger": {"storage": "none"}})
    assert volume(objects) is None and "ledger" not in mounts(objects)
    assert "--state=off" in container(objects)["args"]


CLAIM = {"ledger": {"storage": "claim"}, "strategy": {"type": "Recreate"}}


def test_a_claim_is_made_and_kept():
    objects = render(CLAIM)
    claim = one(objects, "PersistentVolumeClaim", "kw-keyweir-ledger")
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert claim["spec"] == {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    assert volume(objects)["persistentVolumeClaim"] == {"claimName": "kw-keyweir-ledger"}
    assert one(objects, "Deployment")["spec"]["strategy"] == {"type": "Recreate"}


def test_a_claim_is_as_it_is_asked_for():
    asked = {"size": "5Gi", "storageClassName": "fast", "accessModes": ["ReadWriteOncePod"], "annotations": None}
    claim = one(render({**CLAIM, "ledger": {"storage": "claim", "claim": asked}}), "PersistentVolumeClaim", "kw-keyweir-ledger")
    assert "annotations" not in claim["metadata"]
    assert claim["spec"] == {
        "accessModes": ["ReadWriteOncePod"], "storageClassName": "fast", "resources": {"requests": {"storage": "5Gi"}},
    }


def test_a_claim_may_be_there_already():
    objects = render({**CLAIM, "ledger": {"storage": "claim", "existingClaim": "ours"}})
    assert volume(objects)["persistentVolumeClaim"] == {"claimName": "ours"}
    assert not claims(objects)
