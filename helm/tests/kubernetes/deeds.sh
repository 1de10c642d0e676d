# shellcheck shell=bash
# Sourced by `run`: what is done to the release there and takes more than a line. Uses its functions.

# --- operators over TLS -------------------------------------------------------------------------------
# A certificate for the admin port, with its authority, as cert-manager would put them into a Secret.
admin_certificate() {
  local in=$WORK/admin names=DNS:keyweir-admin.$NS.svc
  mkdir -p "$in"
  {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=admin-ca -keyout "$in/ca.key" -out "$in/ca.crt"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=admin -keyout "$in/tls.key" -out "$in/tls.csr"
    openssl x509 -req -in "$in/tls.csr" -CA "$in/ca.crt" -CAkey "$in/ca.key" -CAcreateserial -days 2 -out "$in/tls.crt" \
      -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' "$names")
  } 2> "$in/openssl" || { cat "$in/openssl"; return 1; }
  k create secret generic admin-tls --type kubernetes.io/tls --from-file "$in/tls.crt" --from-file "$in/tls.key" --from-file "$in/ca.crt"
}
over_https() { kubectl get --raw "/api/v1/namespaces/$NS/pods/https:$1:9090/proxy$2"; } # over_https POD PATH
# Pods become ready, so probes ask over TLS; an operator who shows nothing is refused.
over_tls() {
  local pod
  admin_certificate &&
    upgrade --set admin.tls.enabled=true,admin.tls.existingSecret=admin-tls,admin.tls.clientCaSecret=admin-tls &&
    helm4 test keyweir -n "$NS" --timeout 60s || return 1
  # A pod of before may still be busy with its streams, and it speaks no TLS.
  settled || return 1
  pod=$(pods -o 'jsonpath={.items[0].metadata.name}')
  over_https "$pod" /healthz || return 1
  if over_https "$pod" /metrics; then echo 'who shows no certificate is answered'; return 1; fi
  upgrade
}

# --- scaled by its load -------------------------------------------------------------------------------
ready_pods() { [ "$(k get deployment keyweir -o 'jsonpath={.status.readyReplicas}')" = "$1" ]; }
autoscaled() {
  upgrade --set autoscaling.enabled=true,autoscaling.minReplicas=2,autoscaling.maxReplicas=3 \
    --set autoscaling.targetCPUUtilizationPercentage=40 \
    --set autoscaling.behavior.scaleDown.stabilizationWindowSeconds=5 \
    --set 'autoscaling.behavior.scaleDown.policies[0].type=Pods' \
    --set 'autoscaling.behavior.scaleDown.policies[0].value=1' \
    --set 'autoscaling.behavior.scaleDown.policies[0].periodSeconds=15' &&
    within 60 ready_pods 3 || { k describe hpa keyweir | tail -n 12; return 1; }
}

# What is done to a pod shows only if it has something to do.
all_are_busy() { within 30 all_say '^keyweir_requests_running [1-9]' || { echo 'a pod is asked nothing'; return 1; }; }

# --- out of memory, on a node of this machine -------------------------------------------------------
# The memory cgroup of a pod's program.
memory_of() { # memory_of UID
  local procs
  find /sys/fs/cgroup/memory/"$NAME"-[0-9] -path "*/pod$1/*" -name cgroup.procs | while read -r procs; do
    if grep -qs keyweir "/proc/$(head -n 1 "$procs")/comm"; then dirname "$procs"; fi
  done
}
was_killed_for_memory() {
  [ "$(k get pod "$1" -o 'jsonpath={.status.containerStatuses[0].lastState.terminated.reason} {.status.containerStatuses[0].ready}')" = 'OOMKilled true' ]
}
# A pod is left a few MiB more than it needs, and sent a body of thirty.
out_of_memory() {
  local pod uid ip group
  all_are_busy || return 1
  read -r pod uid ip <<< "$(pods -o 'jsonpath={.items[0].metadata.name} {.items[0].metadata.uid} {.items[0].status.podIP}')"
  group=$(memory_of "$uid")
  [ -n "$group" ] || { echo 'its cgroup is not found'; return 1; }
  { printf '{"model":"claude-sim","max_tokens":2,"messages":[{"role":"user","content":"'
    head -c 30000000 /dev/zero | tr '\0' a
    printf '"}]}'; } > "$WORK/large"
  echo $(($(sed -n 's/^total_rss //p' "$group/memory.stat") + (8 << 20))) > "$group/memory.limit_in_bytes" || return 1
  on-client curl -sS --max-time 20 "http://$ip:8080/v1/messages" -H "x-api-key: $CLIENT_KEY" -H 'content-type: application/json' \
    -H 'anthropic-version: 2023-06-01' --data-binary "@$WORK/large" > "$WORK/answer" 2>&1
  within 60 was_killed_for_memory "$pod" || { k get pod "$pod" -o 'jsonpath={.status.containerStatuses[0]}'; return 1; }
}

# --- a lost node -----------------------------------------------------------------------------------------
nodes_of_endpoints() { k get endpoints keyweir -o 'jsonpath={.subsets[*].addresses[*].nodeName}'; }
both_serve_on() { [ "$(nodes_of_endpoints)" = "$*" ]; }
# One pod on each node: the second may not go where the first is.
spread() {
  local first result=0
  k scale deployment/keyweir --replicas=1 && settled 1 || return 1
  first=$(nodes_of_endpoints)
  kubectl cordon "$first" || return 1
  k scale deployment/keyweir --replicas=2 && settled 2 || result=1
  kubectl uncordon "$first" || result=1
  return "$result"
}
node_is_lost() {
  local nodes
  nodes=$(nodes_of_endpoints)
  [[ $nodes = *node1* && $nodes = *node2* ]] || { echo "the pods are on $nodes"; return 1; }
  all_are_busy || return 1
  on-node1 ip link set lan2 down
  within 60 both_serve_on node1 || { echo 'the lost pod is still asked'; return 1; }
  within 90 both_serve_on node1 node1 || { echo 'no pod takes its place'; return 1; }
}
node_is_back() { on-node1 ip link set lan2 up && kubectl wait --for=condition=Ready node/node2 --timeout=60s > /dev/null; }
