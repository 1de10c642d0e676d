"""Values that do not fit together are refused, with a sentence that says what to write instead."""

import pytest

from chart import MINIMAL, refusal, template

POLICY = MINIMAL["policy"]["files"]["policy.toml"]
NO_TENANT = POLICY[: POLICY.index("[[tenant]]")]

CASES = {
    "no policy": ({"policy": {"files": None}}, "there is no policy: put its files under policy.files"),
    "a name without .toml": ({"policy": {"files": {"keys.yaml": "a"}}}, "names end in .toml"),
    "the chart's own file": ({"policy": {"files": {"00-gateway.toml": "a = 1"}}}, "choose another name"),
    "settings in the policy": ({"policy": {"files": {"b.toml": "[waiting]\npatience='1s'"}}}, "put that under settings"),
    "settings in a subtable": ({"policy": {"files": {"b.toml": "\n [gateway.limits]\n"}}}, "put that under settings"),
    "nobody may call": ({"policy": {"files": {"policy.toml": NO_TENANT}}}, "add a tenant with client_keys"),
    "a listener in settings": ({"settings": {"gateway": {"admin": "off"}}}, "admin"),
    "drain in settings": ({"settings": {"gateway": {"timeouts": {"drain": "5s"}}}}, "use shutdown.drainSeconds"),
    "no listener": ({"http": {"enabled": False}}, "clients would have no port"),
    "TLS without certificate": ({"tls": {"enabled": True}}, "tls.enabled needs tls.existingSecret"),
    "ports that collide": ({"admin": {"port": 8080}}, "must differ"),
    "a traffic policy inside": ({"service": {"externalTrafficPolicy": "Local"}}, "leave it empty with service.type ClusterIP"),
    "too short a grace": ({"terminationGracePeriodSeconds": 30}, "raise it to 130, leave it out, or lower shutdown.drainSeconds"),
    "more bodies than memory": ({"settings": {"gateway": {"limits": {"body_bytes_held_max": "2 GiB"}}}}, "(2048 MiB) and 256 MiB for everything else"),
    "less memory than bodies": ({"resources": {"limits": {"memory": "600Mi"}}}, "resources.limits.memory (600 MiB) is too little"),
    "less memory, in other units": ({"resources": {"limits": {"memory": "600M"}}}, "resources.limits.memory (572 MiB) is too little"),
    "less memory, in bytes": ({"resources": {"limits": {"memory": "629145600"}}}, "resources.limits.memory (600 MiB) is too little"),
    "the default of bodies": ({"settings": {"gateway": {"limits": {"body_bytes_held_max": None}}}}, "body_bytes_held_max (1024 MiB)"),
    "least over most": ({"autoscaling": {"enabled": True, "minReplicas": 9}}, "minReplicas (9) is more than autoscaling.maxReplicas (8)"),
    "nothing to scale by": ({"autoscaling": {"enabled": True, "targetCPUUtilizationPercentage": None}}, "needs something to go by"),
    "a share of nothing": ({"autoscaling": {"enabled": True}, "resources": {"requests": None}}, "is a share of resources.requests.cpu"),
    "a redis without an address": ({"redis": {"existingSecret": "r"}}, "redis is set without redis.urls"),
    "a password in an address": ({"redis": {"urls": ["redis://:secret@a"]}}, "the password into redis.existingSecret"),
    "a user without a password": ({"redis": {"urls": ["redis://a"], "username": "u"}}, "need redis.existingSecret"),
    "a certificate that is half": ({"redis": {"urls": ["rediss://a"], "existingSecret": "r", "certKey": "tls.crt"}}, "redis.certKey and redis.keyKey go together"),
    "roots without TLS": ({"redis": {"urls": ["redis://a"], "existingSecret": "r", "caKey": "ca"}}, "write redis.urls as rediss://"),
    "a password for no Sentinel": ({"redis": {"urls": ["redis://a"], "existingSecret": "r", "sentinelPasswordKey": "s"}}, "name the service that they know"),
    "a Sentinel's user without a password": ({"redis": {"urls": ["redis://a"], "sentinel": "m", "existingSecret": "r", "sentinelUsername": "s"}}, "redis.sentinelUsername needs redis.sentinelPasswordKey"),
    "operators' TLS without certificate": ({"admin": {"tls": {"enabled": True}}}, "admin.tls.enabled needs admin.tls.existingSecret"),
    "operators' certificates in clear": ({"admin": {"tls": {"clientCaSecret": "c"}}}, "set admin.tls.enabled to true"),
    "operators' TLS in settings": ({"settings": {"gateway": {"admin_tls": {"cert_file": "a"}}}}, "admin_tls"),
    "Prometheus believes nobody": ({"admin": {"tls": {"enabled": True, "existingSecret": "s", "caKey": ""}}, "metrics": {"podMonitor": {"enabled": True}}}, "needs to know whom Prometheus believes: name admin.tls.caKey"),
    "Prometheus shows no certificate": ({"admin": {"tls": {"enabled": True, "existingSecret": "s", "clientCaSecret": "c"}}, "metrics": {"podMonitor": {"enabled": True}}}, "tlsConfig.cert and tlsConfig.keySecret for a certificate"),
    "Prometheus shows no token": ({"settings": {"gateway": {"admin_token": {"env": "T"}}}, "metrics": {"podMonitor": {"enabled": True}}}, "metrics.podMonitor.authorization for the token"),
    "Prometheus' TLS in clear": ({"metrics": {"podMonitor": {"enabled": True, "tlsConfig": {"insecureSkipVerify": True}}}}, "is for admin.tls, which is not enabled"),
    "a store in settings": ({"settings": {"gateway": {"shared": {}}}}, "shared"),
    "both budgets": ({"podDisruptionBudget": {"enabled": True, "minAvailable": 1, "maxUnavailable": 1}}, "takes one of"),
    "a budget of none": ({"podDisruptionBudget": {"enabled": True, "maxUnavailable": 0}}, "forbids every drain"),
    "a budget of all": ({"podDisruptionBudget": {"enabled": True, "minAvailable": 1}}, "(1) of 1 replicas forbids every drain"),
    "a budget of the share of all": ({"podDisruptionBudget": {"enabled": True, "minAvailable": "100%"}}, "forbids every drain"),
    "a rollout that cannot": ({"strategy": {"rollingUpdate": {"maxSurge": 0}}}, "no pod could ever be replaced"),
    "two ways of the ledger": ({"extraArgs": ["--state=/x"]}, "use ledger.storage"),
    "a claim for many": ({"ledger": {"storage": "claim"}, "replicaCount": 2, "strategy": {"type": "Recreate"}}, "is for one pod, and replicaCount is 2: set it to 1"),
    "a claim that scales": ({"ledger": {"storage": "claim"}, "autoscaling": {"enabled": True}, "strategy": {"type": "Recreate"}}, "set autoscaling.enabled to false"),
    "a claim for two for a while": ({"ledger": {"storage": "claim"}}, "set strategy.type to Recreate"),
    "a claim that is not used": ({"ledger": {"existingClaim": "ours"}}, "set ledger.storage to claim"),
    "a claim without a mode": ({"ledger": {"storage": "claim", "claim": {"accessModes": []}}, "strategy": {"type": "Recreate"}}, "ReadWriteOnce is the usual one"),
    "an Ingress for nobody": ({"ingress": {"enabled": True}}, "ingress.enabled needs ingress.hosts"),
    "Prometheus kept out": ({"networkPolicy": {"enabled": True}, "metrics": {"podMonitor": {"enabled": True}}}, "needs networkPolicy.adminFrom"),
    "a route from nowhere": ({"httpRoute": {"enabled": True}}, "httpRoute.enabled needs httpRoute.parentRefs"),
}


@pytest.mark.parametrize("values, sentence", CASES.values(), ids=CASES)
def test_it_is_refused(values, sentence):
    said = refusal(values)
    assert sentence in said, said


SHAPES = {
    "a name that is not known": {"replicaCounts": 3},
    "a nested name that is not known": {"service": {"typ": "NodePort"}},
    "text for a number": {"replicaCount": "three"},
    "a choice that is none": {"log": {"level": "loud"}},
    "a ledger that is nowhere": {"ledger": {"storage": "disk"}},
    "a digest that is none": {"image": {"digest": "latest"}},
    "a port out of range": {"http": {"port": 80}},
    "a list that should hold names": {"secrets": [{"name": "provider-keys"}]},
}


@pytest.mark.parametrize("values", SHAPES.values(), ids=SHAPES)
def test_the_schema_refuses(values):
    said = refusal(values)
    assert "schema" in said or "values.schema.json" in said, said


def test_what_was_refused_is_taken_once_it_fits():
    fitting = {
        "terminationGracePeriodSeconds": 130,
        "autoscaling": {"enabled": True, "minReplicas": 2},
        "podDisruptionBudget": {"enabled": True, "minAvailable": 1},
        "resources": {"limits": {"memory": "2304Mi"}},
        "settings": {"gateway": {"limits": {"body_bytes_held_max": "2 GiB"}}},
    }
    assert template(fitting).returncode == 0, template(fitting).stderr
