"""Values that do not fit together are refused, with a sentence that says what to write instead."""

import pytest

from chart import MINIMAL, refusal, template

POLICY = MINIMAL["policy"]["files"]["policy.toml"]
NO_TENANT = POLICY[: POLICY.index("[[tenant]]")]

CLOSED = {"networkPolicy": {"enabled": True}}


def provider(url, proxy=None):
    text = f'[[provider]]\nid = "more"\ndialect = "openai"\nbase_url = "{url}"\n'
    return {"policy": {"files": {"more.toml": text + (f'proxy = "{proxy}"\n' if proxy else "")}}}


CASES = {
    "no policy": ({"policy": {"files": None}}, "there is no policy: put its files under policy.files"),
    "a name without .toml": ({"policy": {"files": {"keys.yaml": "a"}}}, "names end in .toml"),
    "the chart's own file": ({"policy": {"files": {"00-gateway.toml": "a = 1"}}}, "choose another name"),
    "settings in the policy": ({"policy": {"files": {"b.toml": "[waiting]\npatience='1s'"}}}, "put that under settings"),
    "settings in a subtable": ({"policy": {"files": {"b.toml": "\n [gateway.limits]\n"}}}, "put that under settings"),
    "nobody may call": ({"policy": {"files": {"policy.toml": NO_TENANT}}}, "add a tenant with client_keys"),
    "a Secret that is not mounted": ({"secrets": ["others"]}, 'policy.files."policy.toml" names /etc/keyweir/secrets/provider-keys/team-a-1, and secrets does not list provider-keys'),
    "a token's Secret that is not mounted": ({"settings": {"gateway": {"admin_token": {"file": "/etc/keyweir/secrets/admin/token"}}}}, "settings names /etc/keyweir/secrets/admin/token, and secrets does not list admin: add"),
    "a key in clear": ({"policy": {"files": {"b.toml": '[[account.key]]\nid = "a"\nsecret = "sk-ant-1"'}}}, 'policy.files."b.toml" has a provider\'s key in clear'),
    "a listener in settings": ({"settings": {"gateway": {"admin": "off"}}}, "admin"),
    "drain in settings": ({"settings": {"gateway": {"timeouts": {"drain": "5s"}}}}, "use shutdown.drainSeconds"),
    "a label that selects": ({"podLabels": {"app.kubernetes.io/name": "a"}}, "podLabels sets app.kubernetes.io/name, which the chart sets itself"),
    "a label of the chart": ({"commonLabels": {"helm.sh/chart": "a"}}, "commonLabels sets helm.sh/chart"),
    "a proxy's header from nobody": ({"settings": {"gateway": {"proxies": {"proxy_protocol": True}}}}, "proxy_protocol needs trusted"),
    "no listener": ({"http": {"enabled": False}}, "clients would have no port"),
    "TLS without certificate": ({"tls": {"enabled": True}}, "tls.enabled needs tls.existingSecret"),
    "ports that collide": ({"admin": {"port": 8080}}, "must differ"),
    "a traffic policy inside": ({"service": {"externalTrafficPolicy": "Local"}}, "leave it empty with service.type ClusterIP"),
    "too short a grace": ({"terminationGracePeriodSeconds": 30}, "raise it to 133, leave it out, or lower shutdown.drainSeconds"),
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
    "a budget that is rounded up to all": ({"replicaCount": 2, "podDisruptionBudget": {"enabled": True, "minAvailable": "90%"}}, "(90%) of 2 replicas forbids every drain"),
    "a budget of half of one": ({"podDisruptionBudget": {"enabled": True, "minAvailable": "50%"}}, "(50%) of 1 replicas forbids every drain"),
    "a rollout that cannot": ({"strategy": {"rollingUpdate": {"maxSurge": 0}}}, "no pod could ever be replaced"),
    "two ways of the ledger": ({"extraArgs": ["--state=/x"]}, "use ledger.storage"),
    "a claim for many": ({"ledger": {"storage": "claim"}, "replicaCount": 2, "strategy": {"type": "Recreate"}}, "is for one pod, and replicaCount is 2: set it to 1"),
    "a claim that scales": ({"ledger": {"storage": "claim"}, "autoscaling": {"enabled": True}, "strategy": {"type": "Recreate"}}, "set autoscaling.enabled to false"),
    "a claim for two for a while": ({"ledger": {"storage": "claim"}}, "set strategy.type to Recreate"),
    "a claim that is not used": ({"ledger": {"existingClaim": "ours"}}, "set ledger.storage to claim"),
    "a claim without a mode": ({"ledger": {"storage": "claim", "claim": {"accessModes": []}}, "strategy": {"type": "Recreate"}}, "ReadWriteOnce is the usual one"),
    "an Ingress for nobody": ({"ingress": {"enabled": True}}, "ingress.enabled needs ingress.hosts"),
    "Prometheus kept out": ({"networkPolicy": {"enabled": True}, "metrics": {"podMonitor": {"enabled": True}}}, "needs networkPolicy.adminFrom"),
    "a provider that is kept away": (CLOSED | provider("https://vllm.example:8443/v1"), 'policy.files."more.toml" names https://vllm.example:8443/v1, and networkPolicy.egress does not lead to port 8443: add {ports: [{port: 8443, protocol: TCP}]} to it'),
    "a provider in clear that is kept away": (CLOSED | provider("http://vllm.example"), "does not lead to port 80"),
    "a provider's proxy that is kept away": (CLOSED | provider("https://a.example", "http://user:word@proxy:3128"), "names http://proxy:3128, and networkPolicy.egress does not lead to port 3128"),
    "a proxy that is kept away": (CLOSED | {"extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}]}, "extraEnv names http://proxy:3128, and"),
    "an issuer that is kept away": (CLOSED | {"settings": {"gateway": {"jwt": [{"issuer": "i", "audiences": ["a"], "claim": "c", "jwks_url": "https://[fd00::1]:8443/keys"}]}}}, "settings.gateway.jwt names https://[fd00::1]:8443/keys, and"),
    "a collector that is kept away": (CLOSED | {"settings": {"gateway": {"traces": {"endpoint": "http://collector:4318"}}}}, "does not lead to port 4318"),
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
    "a Secret's name that Kubernetes refuses": {"secrets": ["My_Secret"]},
    "a Secret twice": {"secrets": ["provider-keys", "provider-keys"]},
    "a setting of the policy that is not known": {"settings": {"gateway": {"timeouts": {"hed": "3s"}}}},
    "a setting of the policy that is none": {"settings": {"waiting": {"patience": "soon"}}},
    "too large a setting of the policy": {"settings": {"gateway": {"limits": {"header_count_max": 5000}}}},
    "an issuer without a claim": {"settings": {"gateway": {"jwt": [{"issuer": "i", "audiences": ["a"]}]}}},
    "a list that should hold names": {"secrets": [{"name": "provider-keys"}]},
}


@pytest.mark.parametrize("values", SHAPES.values(), ids=SHAPES)
def test_the_schema_refuses(values):
    said = refusal(values)
    assert "schema" in said or "values.schema.json" in said, said


FITTING = {
    "a Secret that something else mounts": {
        "secrets": None, "extraVolumeMounts": [{"name": "v", "mountPath": "/etc/keyweir/secrets/provider-keys/"}],
    },
    "an entry that something else mounts": {
        "secrets": None, "extraVolumeMounts": [{"name": "v", "mountPath": "/etc/keyweir/secrets/provider-keys/team-a-1", "subPath": "a"}],
    },
    "a Secret in a comment": {"policy": {"files": {"b.toml": '#secret = { file = "/etc/keyweir/secrets/none/a" }'}}},
    "a setting of the policy that is taken away": {"settings": {"gateway": {"timeouts": {"head": None}}, "retry": {"attempts_max": None}}},
    "a key that is none": {"policy": {"files": {"b.toml": '[[account.key]]\nid = "a"\nsecret = "no-key"'}}},
    "a budget of the share of many": {"replicaCount": 3, "podDisruptionBudget": {"enabled": True, "minAvailable": "60%"}},
    "a provider whose port is open": provider("https://vllm.example:8443") | {
        "networkPolicy": {"enabled": True, "egress": [{"ports": [{"port": 443}, {"port": 8000, "endPort": 9000}]}]},
    },
    "a provider with all ports open": provider("https://vllm.example:8443") | {
        "networkPolicy": {"enabled": True, "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]},
    },
    "a provider in the pod": CLOSED | provider("http://127.0.0.1:8000"),
    "a provider behind a proxy": CLOSED | provider("https://a.example:8443", "https://proxy"),
    "a provider behind the proxy of a variable": CLOSED | provider("https://a.example:8443") | {
        "extraEnv": [{"name": "https_proxy", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}],
    },
}


@pytest.mark.parametrize("values", FITTING.values(), ids=FITTING)
def test_what_fits_is_taken(values):
    assert template(values).returncode == 0, template(values).stderr


def test_what_was_refused_is_taken_once_it_fits():
    fitting = {
        "terminationGracePeriodSeconds": 133,
        "autoscaling": {"enabled": True, "minReplicas": 2},
        "podDisruptionBudget": {"enabled": True, "minAvailable": 1},
        "resources": {"limits": {"memory": "2304Mi"}},
        "settings": {"gateway": {"limits": {"body_bytes_held_max": "2 GiB"}}},
    }
    assert template(fitting).returncode == 0, template(fitting).stderr
