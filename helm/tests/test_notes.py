"""What Helm says after an installation is true for the values at hand."""

import pytest
from chart import notes

ADMIN_TLS = {"enabled": True, "existingSecret": "operators"}
SEVERAL = {"replicaCount": 3}
AFFINITY = {"service": {"sessionAffinity": "ClientIP"}}
LOAD_BALANCER = {"service": {"type": "LoadBalancer"}}
TLS_ALONE = {"http": {"enabled": False}, "tls": {"enabled": True, "existingSecret": "t"}}
INGRESS = {"ingress": {"enabled": True, "hosts": ["a.example"]}}
GROWING = {"autoscaling": {"enabled": True, "minReplicas": 1, "maxReplicas": 3}}


@pytest.mark.parametrize("values, said", [
    ({}, "keyweir:"),
    ({"image": {"repository": "r.example/keyweir", "digest": "sha256:" + "a" * 64}}, "r.example/keyweir@sha256:aaa"),
    ({}, "helm -n ns test kw\n"),
    ({"admin": {"tls": ADMIN_TLS}}, "helm -n ns test kw\n"),
    ({}, "export KEYWEIR_URL=http://127.0.0.1:8080\n"),
    (INGRESS, "export KEYWEIR_URL=http://a.example\n"),
    ({"httpRoute": {"enabled": True, "parentRefs": [{"name": "g"}], "hostnames": ["b.example"]}},
     "export KEYWEIR_URL=http://b.example "),
    ({"httpRoute": {"enabled": True, "parentRefs": [{"name": "g"}]}}, "KEYWEIR_URL=http://127.0.0.1:8080\n"),
    (TLS_ALONE,
     "curl --insecure $KEYWEIR_URL/v1/messages"),
    ({}, "curl http://127.0.0.1:9090/status\n"),
    ({"admin": {"tls": ADMIN_TLS}}, "curl --insecure https://127.0.0.1:9090/status\n"),
    ({"settings": {"gateway": {"admin_token": {"file": "/t"}}}},
     'curl -H "authorization: Bearer $ADMIN_TOKEN" http://127.0.0.1:9090/status\n'),
    ({"admin": {"tls": ADMIN_TLS | {"clientCaSecret": "c"}}},
     "curl --insecure --cert operator.crt --key operator.key https://127.0.0.1:9090/status\n"),
    (LOAD_BALANCER, "export KEYWEIR_URL=http://$(kubectl -n ns get service kw-keyweir -o jsonpath="),
    (LOAD_BALANCER | {"service": {"type": "LoadBalancer", "httpPort": 8000}}, "[0].ip}'):8000\n"),
    (LOAD_BALANCER | TLS_ALONE, "export KEYWEIR_URL=https://$(kubectl -n ns get"),
    (LOAD_BALANCER | INGRESS, "export KEYWEIR_URL=http://a.example\n"),
    ({}, "kubectl -n ns describe pods -l app.kubernetes.io/instance=kw\n"),
    ({"ingress": INGRESS["ingress"] | {"tls": [{"secretName": "t", "hosts": ["*.example"]}]}}, "KEYWEIR_URL=https://a.example\n"),
    ({"ingress": INGRESS["ingress"] | {"tls": [{"secretName": "t", "hosts": ["b.example"]}]}}, "KEYWEIR_URL=http://a.example\n"),
    (INGRESS | {"settings": {"gateway": {"proxies": {"trusted": ["10.0.0.0/8"], "proxy_protocol": True}}}}, "few Ingress controllers"),
    (TLS_ALONE | INGRESS, "backend-protocol: HTTPS"),
    ({"ledger": {"storage": "claim"}, "strategy": {"type": "Recreate"}}, "serves nobody while the old pod finishes its answers, 128 s at most"),
    (SEVERAL | AFFINITY, "Note: without redis.urls each pod gives its share"),
    (SEVERAL, "Note: each pod remembers"),
    (GROWING, "Note: each pod remembers"),
])
def test_notes_say(values, said):
    assert said in notes(values)


@pytest.mark.parametrize("values, unsaid", [
    ({"admin": {"tls": ADMIN_TLS | {"caKey": ""}}}, "helm -n ns test"),
    ({}, "Note:"),
    ({}, "insecure"),
    (SEVERAL | {"redis": {"urls": ["redis://r:6379"]}}, "Note:"),
    (AFFINITY, "Note:"),
    (SEVERAL | AFFINITY | {"redis": {"urls": ["redis://r:6379"]}}, "Note:"),
    (SEVERAL | AFFINITY, "remembers"),
    (INGRESS, "Note:"),
    (TLS_ALONE, "Note:"),
    (LOAD_BALANCER, "127.0.0.1:8080"),
    (SEVERAL | {"settings": {"gateway": {"seek_unknown_ids": True}}}, "Note:"),
])
def test_notes_do_not_say(values, unsaid):
    assert unsaid not in notes(values)
