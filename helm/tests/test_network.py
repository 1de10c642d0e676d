"""How clients come, and who else does."""

import pytest
from chart import one, render


def test_the_admin_port_is_in_nothing_for_clients():
    objects = render({
        "ingress": {"enabled": True, "hosts": ["a.example"]},
        "httpRoute": {"enabled": True, "parentRefs": [{"name": "g"}]},
    })
    assert [it["name"] for it in one(objects, "Service")["spec"]["ports"]] == ["http"]
    backend = one(objects, "Ingress")["spec"]["rules"][0]["http"]["paths"][0]["backend"]
    assert backend["service"] == {"name": "kw-keyweir", "port": {"number": 80}}
    rule = one(objects, "HTTPRoute")["spec"]["rules"][0]
    assert rule["backendRefs"] == [{"name": "kw-keyweir", "port": 80}]
    assert rule["timeouts"] == {"request": "0s"}


@pytest.mark.parametrize("kind, told", [("ClusterIP", "https"), ("LoadBalancer", None)])
def test_the_port_over_tls_says_so_where_no_cloud_listens(kind, told):
    objects = render({"tls": {"enabled": True, "existingSecret": "t"}, "service": {"type": kind}})
    http, https = one(objects, "Service")["spec"]["ports"]
    assert "appProtocol" not in http and https.get("appProtocol") == told


def test_the_admin_service_lists_pods():
    spec = one(render(), "Service", "kw-keyweir-admin")["spec"]
    assert spec["clusterIP"] == "None"
    assert spec["ports"][0]["port"] == 9090


def test_services_select_pods_and_not_the_test():
    objects = render()
    labels = one(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    test = one(objects, "Pod", "kw-keyweir-test")["metadata"]["labels"]
    for name in ("kw-keyweir", "kw-keyweir-admin"):
        selector = one(objects, "Service", name)["spec"]["selector"].items()
        assert selector <= labels.items() and not selector <= test.items()


def test_a_network_policy_closes_the_admin_port():
    policy = one(render({"networkPolicy": {"enabled": True}}), "NetworkPolicy")["spec"]
    clients, admin = policy["ingress"]
    assert clients == {"ports": [{"port": "http", "protocol": "TCP"}]}
    assert [it["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for it in admin["from"]] == ["keyweir-test"]
    assert to_ports(policy) == [53, 53, 443]


def to_ports(policy):
    return [port["port"] for rule in policy["egress"] for port in rule["ports"]]


@pytest.mark.parametrize("redis, ports", [
    ({"urls": ["redis://cache.ns.svc:6379"]}, [6379]),
    ({"urls": ["rediss://a.example:7000", "rediss://b.example:7000", "valkey://c.example"]}, [7000, 6379]),
    ({"urls": ["redis://[fd00::1]:26379/0"], "sentinel": "main"}, [26379, 6379]),
])
def test_a_network_policy_leads_to_redis(redis, ports):
    policy = one(render({"networkPolicy": {"enabled": True}, "redis": redis}), "NetworkPolicy")["spec"]
    assert to_ports(policy) == [53, 53, *ports, 443]


def test_extra_objects_are_templates():
    texts = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-a"}},
             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-b'}"]
    objects = render({"extraObjects": texts})
    assert one(objects, "ConfigMap", "kw-a") and one(objects, "ConfigMap", "kw-b")
