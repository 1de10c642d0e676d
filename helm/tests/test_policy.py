"""The policy in the pods: what the chart writes of it, and how it is mounted."""

import subprocess
import tomllib

import pytest
import yaml

from chart import CHART, KEYWEIR, container, one, pod, render

EVERYTHING = yaml.safe_load((CHART / "ci" / "everything.yaml").read_text())


def settings(values=None):
    return one(render(values), "ConfigMap", "kw-keyweir-settings")["data"]["00-gateway.toml"]


SETTINGS = {
    "defaults": {},
    "everything": {name: EVERYTHING[name] for name in ("settings", "tls", "listenAddress", "shutdown")},
    "replicas": {"replicaCount": 3},
    "who may ask": {
        "secrets": ["provider-keys", "admin"],
        "settings": {
            "gateway": {
                "admin_token": {"file": "/etc/keyweir/secrets/admin/token"},
                "jwt": [
                    {
                        "issuer": "https://login.example.com",
                        "audiences": ["keyweir"],
                        "jwks_url": "https://login.example.com/keys",
                        "claim": "team",
                    },
                ],
                "proxies": {"trusted": ["10.0.0.0/8"], "proxy_protocol": True},
                "access_log": {"sample": 0.5},
                "traces": {"endpoint": "http://127.0.0.1:4318", "sample": 0.01},
                "models_refresh": "1h",
            },
        },
    },
    "redis": {"redis": {
        "urls": ["rediss://a:6379"], "existingSecret": "r", "caKey": "ca.pem", "certKey": "tls.crt", "keyKey": "tls.key",
    }},
    "sentinels": {"redis": {
        "urls": ["redis://a"], "sentinel": "m", "existingSecret": "r", "sentinelUsername": "s", "sentinelPasswordKey": "sentinel",
    }},
    "operators over TLS": {"admin": {"tls": {"enabled": True, "existingSecret": "s", "clientCaSecret": "c"}}},
    "all numbers": {
        "settings": {
            "gateway": {"limits": {"requests_in_flight_max": 10000000, "connections_max": 5}},
            "retry": {"attempts_max": 3, "budget_per_sec": 2.5, "ambiguous": False},
            "waiting": {"patience": "1m"},
        },
        "resources": {"limits": {"memory": "2Gi"}},
    },
}


@pytest.mark.parametrize("values", SETTINGS.values(), ids=SETTINGS)
def test_the_program_takes_it(values, tmp_path):
    (tmp_path / "00-gateway.toml").write_text(settings(values))
    policy = one(render(values), "ConfigMap", "kw-keyweir-policy")["data"]
    for name, text in policy.items():
        (tmp_path / name).write_text(text)
    ran = subprocess.run([KEYWEIR, "check", tmp_path], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_settings_arrive_with_their_types():
    read = tomllib.loads(settings(SETTINGS["all numbers"]))
    assert read["gateway"]["limits"] == {
        "requests_in_flight_max": 10000000, "connections_max": 5, "body_bytes_held_max": "512 MiB",
    }
    assert read["retry"] == {"attempts_max": 3, "budget_per_sec": 2.5, "ambiguous": False}
    assert read["gateway"]["timeouts"] == {"drain_delay": "3s", "drain": "120s"}


def test_tables_arrive_whole():
    asked = SETTINGS["who may ask"]["settings"]["gateway"]
    read = tomllib.loads(settings(SETTINGS["who may ask"]))["gateway"]
    assert {name: read[name] for name in asked} == asked


REPLICAS = {
    "one": ({}, None),
    "three": ({"replicaCount": 3}, {"dns": "kw-keyweir-admin.ns.svc", "least": 3}),
    "scaled": ({"autoscaling": {"enabled": True, "minReplicas": 2}}, {"dns": "kw-keyweir-admin.ns.svc", "least": 2}),
    "told": ({"replicaCount": 3, "settings": {"gateway": {"replicas": 5}}}, 5),
}


@pytest.mark.parametrize("values, told", REPLICAS.values(), ids=REPLICAS)
def test_pods_are_told_how_many_they_are(values, told):
    assert tomllib.loads(settings(values))["gateway"].get("replicas") == told
    assert one(render(values), "Service", "kw-keyweir-admin")["spec"]["clusterIP"] == "None"


REDIS = {"redis": {
    "urls": ["rediss://a:6379", "rediss://b"], "sentinel": "m", "username": "u", "existingSecret": "r", "caKey": "ca.pem",
}}


def test_the_pods_share_a_redis():
    assert "shared" not in tomllib.loads(settings())["gateway"]
    assert tomllib.loads(settings(REDIS))["gateway"]["shared"]["redis"] == {
        "urls": ["rediss://a:6379", "rediss://b"], "sentinel": "m", "username": "u", "prefix": "ns/kw-keyweir",
        "password": {"file": "/etc/keyweir/redis/password"}, "ca_file": "/etc/keyweir/redis/ca.pem",
    }
    plain = settings({"redis": {"urls": ["redis://a"], "prefix": "p"}})
    assert tomllib.loads(plain)["gateway"]["shared"]["redis"] == {"urls": ["redis://a"], "prefix": "p"}
    objects = render(REDIS)
    assert "/etc/keyweir/redis" in {it["mountPath"] for it in container(objects)["volumeMounts"]}
    assert {"secretName": "r", "defaultMode": 0o440} in [it.get("secret") for it in pod(objects)["volumes"]]


def test_the_pods_show_redis_and_sentinels_what_they_want_to_see():
    shown = tomllib.loads(settings(SETTINGS["redis"]))["gateway"]["shared"]["redis"]
    assert shown["cert_file"] == "/etc/keyweir/redis/tls.crt" and shown["key_file"] == "/etc/keyweir/redis/tls.key"
    shown = tomllib.loads(settings(SETTINGS["sentinels"]))["gateway"]["shared"]["redis"]
    assert shown["sentinel_username"] == "s"
    assert shown["sentinel_password"] == {"file": "/etc/keyweir/redis/sentinel"}


def test_operators_are_shown_a_certificate_and_may_show_one():
    assert "admin_tls" not in tomllib.loads(settings())["gateway"]
    values = SETTINGS["operators over TLS"]
    assert tomllib.loads(settings(values))["gateway"]["admin_tls"] == {
        "cert_file": "/etc/keyweir/admin-tls/tls.crt", "key_file": "/etc/keyweir/admin-tls/tls.key",
        "client_ca_file": "/etc/keyweir/admin-ca/ca.crt",
    }
    mounts = {it["mountPath"] for it in container(render(values))["volumeMounts"]}
    assert {"/etc/keyweir/admin-tls", "/etc/keyweir/admin-ca"} <= mounts
    secrets = {it["name"]: it["secret"]["secretName"] for it in pod(render(values))["volumes"] if "secret" in it}
    assert (secrets["admin-tls"], secrets["admin-ca"]) == ("s", "c")
    assert checksum(values) != checksum({})


def test_another_number_of_pods_restarts_none():
    assert checksum({"replicaCount": 3}) == checksum({"replicaCount": 2})


def test_text_is_escaped():
    text = 'a "quoted" \\ <b> 🙂'
    told = {"settings": {"gateway": {"traces": {"endpoint": text}}}}
    assert tomllib.loads(settings(told))["gateway"]["traces"]["endpoint"] == text


def test_policy_files_arrive_byte_for_byte():
    text = "# a\n\n  \n[[provider]]\n\tid = \"x\"\n[[tenant]]\n# {{ not a template }}"
    objects = render({"policy": {"files": {"policy.toml": text}}})
    assert one(objects, "ConfigMap", "kw-keyweir-policy")["data"]["policy.toml"] == text


def test_all_of_the_policy_is_one_folder_that_follows_changes():
    objects = render({"policy": {"existingConfigMaps": ["a"], "existingSecrets": ["b"]}})
    sources = next(it for it in pod(objects)["volumes"] if it["name"] == "policy")["projected"]["sources"]
    assert sources == [
        {"configMap": {"name": "kw-keyweir-settings"}}, {"configMap": {"name": "kw-keyweir-policy"}},
        {"configMap": {"name": "a"}}, {"secret": {"name": "b"}},
    ]
    assert all("subPath" not in mount for mount in container(objects)["volumeMounts"])


def test_secrets_are_folders_that_only_the_program_reads():
    objects = render({"secrets": ["provider-keys", "more"]})
    mounts = {it["mountPath"] for it in container(objects)["volumeMounts"]}
    assert {"/etc/keyweir/secrets/provider-keys", "/etc/keyweir/secrets/more"} <= mounts
    volumes = [it["secret"] for it in pod(objects)["volumes"] if "secret" in it]
    assert [it["defaultMode"] for it in volumes] == [0o440] * 2
    assert pod(objects)["securityContext"]["fsGroup"] == 65532


def checksum(values):
    return one(render(values), "Deployment")["spec"]["template"]["metadata"]["annotations"]["checksum/startup"]


def test_only_what_a_new_process_takes_up_restarts_pods():
    before = render()
    policy = {"policy": {"files": {"more.toml": "# a tenant more"}}}
    limits = {"settings": {"gateway": {"limits": {"body_bytes_max": "1 MiB"}}, "waiting": {"patience": "3s"}}}
    for reloaded in (policy, limits):
        assert one(render(reloaded), "Deployment") == one(before, "Deployment")
    assert checksum({"settings": {"gateway": {"threads": 3}}}) != checksum({})
    assert checksum({"http": {"port": 8081}}) != checksum({})


def test_no_policy_text_is_in_the_deployment():
    assert "sha256:4ecb" not in yaml.safe_dump(one(render(), "Deployment"))
