#!/usr/bin/env python3
"""Reads pods as JSON and says where they leave the restricted pod security standard, for clusters
that do not enforce it. (https://kubernetes.io/docs/concepts/security/pod-security-standards/)"""

import json
import sys

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def wrong(spec):
    pod = spec.get("securityContext", {})
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(name):
            yield name
    for volume in spec.get("volumes", []):
        if set(volume) - {"name"} - VOLUMES:
            yield f"volume {volume['name']}"
    for container in spec.get("initContainers", []) + spec["containers"]:
        own = container.get("securityContext", {})
        both = {**pod, **own}
        capabilities = own.get("capabilities", {})
        rules = {
            "runAsNonRoot": both.get("runAsNonRoot") is True,
            "runAsUser": both.get("runAsUser") != 0,
            "seccompProfile": both.get("seccompProfile", {}).get("type") in ("RuntimeDefault", "Localhost"),
            "privileged": not own.get("privileged"),
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
            "capabilities.drop": "ALL" in capabilities.get("drop", []),
            "capabilities.add": set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"},
            "hostPort": not any(port.get("hostPort") for port in container.get("ports", [])),
            # Beyond the standard, and promised by the chart.
            "readOnlyRootFilesystem": own.get("readOnlyRootFilesystem") is True,
        }
        yield from (f"container {container['name']}: {rule}" for rule, kept in rules.items() if not kept)


pods = json.load(sys.stdin)["items"]
found = [f"{pod['metadata']['name']}: {it}" for pod in pods for it in wrong(pod["spec"])]
sys.exit("\n".join(found or ([] if pods else ["no pods"])) or 0)
