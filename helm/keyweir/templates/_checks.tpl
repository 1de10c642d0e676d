{{/*
What the schema cannot see: values that do not fit together. Each is refused with a sentence that says
what to write instead.
*/}}

{{- define "keyweir.checks" -}}
{{- include "keyweir.checks.name" . -}}
{{- include "keyweir.checks.policy" . -}}
{{- include "keyweir.checks.secrets" . -}}
{{- include "keyweir.checks.listeners" . -}}
{{- include "keyweir.checks.shutdown" . -}}
{{- include "keyweir.checks.memory" . -}}
{{- include "keyweir.checks.replicas" . -}}
{{- include "keyweir.checks.redis" . -}}
{{- include "keyweir.checks.ledger" . -}}
{{- include "keyweir.checks.routes" . -}}
{{- include "keyweir.checks.egress" . -}}
{{- end }}

{{- define "keyweir.checks.name" -}}
{{- range $value := list "commonLabels" "podLabels" -}}
{{- range $label, $_ := get $.Values $value -}}
{{- if regexMatch "^(app\\.kubernetes\\.io/(name|instance|version|managed-by)|helm\\.sh/chart)$" $label -}}
{{- fail (printf "%s sets %s, which the chart sets itself: choose another label, or nameOverride" $value $label) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $name := include "keyweir.fullname" . -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- fail (printf "the Service would be called %q, and names of Services begin with a letter and have letters, digits and dashes only: choose another name for the release, or set fullnameOverride" $name) -}}
{{- end -}}
{{- end }}

{{- define "keyweir.checks.policy" -}}
{{- with .Values.policy -}}
{{- if not (or .files .existingConfigMaps .existingSecrets) -}}
{{- fail "there is no policy: put its files under policy.files, or name ConfigMaps or Secrets that hold them in policy.existingConfigMaps or policy.existingSecrets" -}}
{{- end -}}
{{- range $name, $text := .files -}}
{{- if not (regexMatch "^[A-Za-z0-9][-A-Za-z0-9_.]*\\.toml$" $name) -}}
{{- fail (printf "policy.files has \"%s\", which the gateway would not read: names end in .toml" $name) -}}
{{- end -}}
{{- if has $name (list "00-gateway.toml") -}}
{{- fail "policy.files has 00-gateway.toml, which the chart writes itself: choose another name" -}}
{{- end -}}
{{- if regexMatch "(?m)^\\s*\\[\\s*(gateway|waiting|retry)\\b" $text -}}
{{- fail (printf "policy.files.\"%s\" sets [gateway], [waiting] or [retry], which the chart writes itself: put that under settings" $name) -}}
{{- end -}}
{{- end -}}
{{- if and .files (not .existingConfigMaps) (not .existingSecrets) (not (regexMatch "(?m)^\\s*\\[\\[\\s*tenant\\s*\\]\\]" (values .files | join "\n"))) -}}
{{- fail "the policy has no [[tenant]], and without one the gateway listens to nobody but its own machine: add a tenant with client_keys (keyweir hash makes them)" -}}
{{- end -}}
{{- end -}}
{{- range $name := list "listen" "admin" "tls" "admin_tls" -}}
{{- if hasKey $.Values.settings.gateway $name -}}
{{- fail (printf "settings.gateway.%s is set by the chart: use http, tls, admin and listenAddress" $name) -}}
{{- end -}}
{{- end -}}
{{- range $name := list "drain" "drain_delay" -}}
{{- if hasKey $.Values.settings.gateway.timeouts $name -}}
{{- fail (printf "settings.gateway.timeouts.%s is set by the chart: use shutdown.drainSeconds and shutdown.delaySeconds" $name) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The texts of policy.files and settings by name, without their comments: what the chart can see of the policy. */}}
{{- define "keyweir.policyTexts" -}}
{{- $texts := dict "settings" (toJson .Values.settings) -}}
{{- range $name, $text := .Values.policy.files -}}
{{- $_ := set $texts (printf "policy.files.%q" $name) (regexReplaceAll "(?m)#.*$" $text "") -}}
{{- end -}}
{{- toJson $texts -}}
{{- end }}

{{/* A Secret that is not mounted keeps the pods from starting, and one in clear is for everybody to read. */}}
{{- define "keyweir.checks.secrets" -}}
{{- $mounted := list -}}
{{- range .Values.secrets -}}
{{- $mounted = append $mounted (printf "/etc/keyweir/secrets/%s/" .) -}}
{{- end -}}
{{- range .Values.extraVolumeMounts -}}
{{- $mounted = append $mounted (printf "%s/" (.mountPath | default "" | toString | trimSuffix "/")) -}}
{{- end -}}
{{- range $name, $text := include "keyweir.policyTexts" . | fromJson -}}
{{- range $path := regexFindAll "[\"']/etc/keyweir/secrets/[^/\"'\\s]+/[^\"']*" $text -1 -}}
{{- $path = substr 1 -1 $path -}}
{{- $there := false -}}
{{- range $mounted -}}
{{- if hasPrefix . (printf "%s/" $path) }}{{ $there = true }}{{ end -}}
{{- end -}}
{{- if not $there -}}
{{- $secret := index (splitList "/" $path) 4 -}}
{{- fail (printf "%s names %s, and secrets does not list %s: add the name of that Secret to secrets, or correct the path" $name $path $secret) -}}
{{- end -}}
{{- end -}}
{{- if regexMatch "(?m)(^|[{,\\s])secret\\s*=\\s*[\"'](sk-|gsk_|xai-|AIza)" $text -}}
{{- fail (printf "%s has a provider's key in clear, for everybody to read who may read ConfigMaps: put it into a Secret, list that in secrets, and write secret = { file = \"/etc/keyweir/secrets/SECRET/ENTRY\" }" $name) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "keyweir.checks.listeners" -}}
{{- if not (or .Values.http.enabled .Values.tls.enabled) -}}
{{- fail "http.enabled and tls.enabled are both false: clients would have no port" -}}
{{- end -}}
{{- if and .Values.tls.enabled (not .Values.tls.existingSecret) -}}
{{- fail "tls.enabled needs tls.existingSecret: the name of a Secret of type kubernetes.io/tls" -}}
{{- end -}}
{{- with .Values.settings.gateway.proxies -}}
{{- if and .proxy_protocol (not .trusted) -}}
{{- fail "settings.gateway.proxies.proxy_protocol needs trusted: the addresses or blocks from which connections begin with that header" -}}
{{- end -}}
{{- end -}}
{{- include "keyweir.checks.adminTls" . -}}
{{- $ports := list (int .Values.admin.port) -}}
{{- if .Values.http.enabled }}{{ $ports = append $ports (int .Values.http.port) }}{{ end -}}
{{- if .Values.tls.enabled }}{{ $ports = append $ports (int .Values.tls.port) }}{{ end -}}
{{- if ne (len $ports) (len (uniq $ports)) -}}
{{- fail "http.port, tls.port and admin.port must differ" -}}
{{- end -}}
{{- if and (eq .Values.service.type "ClusterIP") .Values.service.externalTrafficPolicy -}}
{{- fail "service.externalTrafficPolicy is for NodePort and LoadBalancer: leave it empty with service.type ClusterIP" -}}
{{- end -}}
{{- end }}

{{- define "keyweir.checks.adminTls" -}}
{{- $monitor := .Values.metrics.podMonitor -}}
{{- with .Values.admin.tls -}}
{{- if and .enabled (not .existingSecret) -}}
{{- fail "admin.tls.enabled needs admin.tls.existingSecret: the name of a Secret of type kubernetes.io/tls" -}}
{{- end -}}
{{- if and (not .enabled) (or .existingSecret .clientCaSecret) -}}
{{- fail "admin.tls.existingSecret and clientCaSecret are not used: set admin.tls.enabled to true, or leave them empty" -}}
{{- end -}}
{{- if and .clientCaSecret (not .clientCaKey) -}}
{{- fail "admin.tls.clientCaSecret needs admin.tls.clientCaKey: its entry with the authority, mostly ca.crt" -}}
{{- end -}}
{{- if $monitor.enabled -}}
{{- if and (not .enabled) $monitor.tlsConfig -}}
{{- fail "metrics.podMonitor.tlsConfig is for admin.tls, which is not enabled: enable it, or leave tlsConfig out" -}}
{{- end -}}
{{- if and .enabled (not .caKey) (not $monitor.tlsConfig) -}}
{{- fail "metrics.podMonitor.enabled with admin.tls needs to know whom Prometheus believes: name admin.tls.caKey, the entry of admin.tls.existingSecret with its authority, or metrics.podMonitor.tlsConfig (ca and serverName, or insecureSkipVerify: true)" -}}
{{- end -}}
{{- $shows := or $monitor.authorization (and .clientCaSecret $monitor.tlsConfig.cert $monitor.tlsConfig.keySecret) -}}
{{- if and (or .clientCaSecret $.Values.settings.gateway.admin_token) (not $shows) -}}
{{- fail "metrics.podMonitor.enabled with settings.gateway.admin_token or admin.tls.clientCaSecret needs what Prometheus shows, or /metrics refuses it: metrics.podMonitor.authorization for the token, or tlsConfig.cert and tlsConfig.keySecret for a certificate" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Seconds from the order to end until the process surely has: three for last words, two to spare. */}}
{{- define "keyweir.graceSeconds" -}}
{{- with .Values.shutdown -}}
{{- add (int .preStopSeconds) (int .delaySeconds) (int .drainSeconds) 5 -}}
{{- end -}}
{{- end }}

{{- define "keyweir.checks.shutdown" -}}
{{- $needed := include "keyweir.graceSeconds" . | int -}}
{{- $given := .Values.terminationGracePeriodSeconds -}}
{{- if and (not (kindIs "invalid" $given)) (lt (int $given) $needed) -}}
{{- fail (printf "terminationGracePeriodSeconds is %d, but shutdown.preStopSeconds, delaySeconds and drainSeconds take %d with the last words: raise it to %d, leave it out, or lower shutdown.drainSeconds" (int $given) $needed $needed) -}}
{{- end -}}
{{- end }}

{{/* A size in whole MiB, of Kubernetes' ("1Gi", "2G", "2147483648") or the policy's ("1 GiB"); empty if it is no such size. */}}
{{- define "keyweir.mebibytes" -}}
{{- $text := toString . | replace " " "" | trimSuffix "B" -}}
{{- if regexMatch "^[0-9]+(\\.[0-9]+)?(e\\+[0-9]+)?([KMGT]i|[kKMGT])?$" $text -}}
{{- $unit := regexFind "[kKMGT]?i?$" $text -}}
{{- $units := dict "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "k" 1000 "K" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 -}}
{{- $bytes := mulf (trimSuffix $unit $text | float64) (get $units $unit | default 1) -}}
{{- divf $bytes 1048576 | floor | int64 -}}
{{- end -}}
{{- end }}

{{- define "keyweir.checks.memory" -}}
{{- $limit := include "keyweir.mebibytes" (dig "limits" "memory" "" .Values.resources) -}}
{{- $held := include "keyweir.mebibytes" (default "1 GiB" .Values.settings.gateway.limits.body_bytes_held_max) -}}
{{- if and $limit $held -}}
{{- if lt (int64 $limit) (add (int64 $held) 256) -}}
{{- fail (printf "resources.limits.memory (%s MiB) is too little for settings.gateway.limits.body_bytes_held_max (%s MiB) and 256 MiB for everything else: raise the one or lower the other" $limit $held) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "keyweir.checks.redis" -}}
{{- with .Values.redis -}}
{{- if and (not .urls) (or .sentinel .sentinelUsername .username .existingSecret .caKey .certKey .keyKey .sentinelPasswordKey .prefix) -}}
{{- fail "redis is set without redis.urls, so nothing would be shared: name its address, as redis://host:6379" -}}
{{- end -}}
{{- range .urls -}}
{{- if not (regexMatch "^(redis|rediss|valkey|valkeys)://[^@]+$" .) -}}
{{- fail (printf "redis.urls has %q: write redis://host:port or rediss://host:port, and the password into redis.existingSecret" (regexReplaceAll "//.*@" . "//…@")) -}}
{{- end -}}
{{- end -}}
{{- if and (or .username .sentinelUsername .sentinelPasswordKey .caKey .certKey .keyKey) (not .existingSecret) -}}
{{- fail "redis.username, sentinelUsername, sentinelPasswordKey, caKey, certKey and keyKey need redis.existingSecret, which holds the passwords, the roots and the certificate" -}}
{{- end -}}
{{- if or (and .username (not .passwordKey)) (and .sentinelUsername (not .sentinelPasswordKey)) -}}
{{- fail "redis.username needs redis.passwordKey, and redis.sentinelUsername needs redis.sentinelPasswordKey: the entries of redis.existingSecret with their passwords" -}}
{{- end -}}
{{- if and .sentinelPasswordKey (not .sentinel) -}}
{{- fail "redis.sentinelPasswordKey is for Sentinels: name the service that they know in redis.sentinel, or leave it empty" -}}
{{- end -}}
{{- if ne (empty .certKey) (empty .keyKey) -}}
{{- fail "redis.certKey and redis.keyKey go together: the entries of redis.existingSecret with the certificate and its private key" -}}
{{- end -}}
{{- if and (or .caKey .certKey) (not (regexMatch "(rediss|valkeys)://" (join " " .urls))) -}}
{{- fail "redis.caKey and redis.certKey are for TLS: write redis.urls as rediss://host:port" -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "keyweir.checks.replicas" -}}
{{- $replicas := int .Values.replicaCount -}}
{{- with .Values.autoscaling -}}
{{- if .enabled -}}
{{- $replicas = int .minReplicas -}}
{{- if gt (int .minReplicas) (int .maxReplicas) -}}
{{- fail (printf "autoscaling.minReplicas (%d) is more than autoscaling.maxReplicas (%d)" (int .minReplicas) (int .maxReplicas)) -}}
{{- end -}}
{{- if not (or .targetCPUUtilizationPercentage .targetRequestsRunning .metrics) -}}
{{- fail "autoscaling.enabled needs something to go by: autoscaling.targetCPUUtilizationPercentage, targetRequestsRunning or metrics" -}}
{{- end -}}
{{- if and .targetCPUUtilizationPercentage (not (dig "requests" "cpu" "" $.Values.resources)) -}}
{{- fail "autoscaling.targetCPUUtilizationPercentage is a share of resources.requests.cpu, which is not set" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .Values.podDisruptionBudget -}}
{{- if .enabled -}}
{{- $most := not (kindIs "invalid" .maxUnavailable) -}}
{{- $least := not (kindIs "invalid" .minAvailable) -}}
{{- if and $most $least -}}
{{- fail "podDisruptionBudget takes one of maxUnavailable and minAvailable: leave the other out" -}}
{{- end -}}
{{- if and $most (has (toString .maxUnavailable) (list "0" "0%")) -}}
{{- fail "podDisruptionBudget.maxUnavailable is 0, which forbids every drain of a node: 1 is the least" -}}
{{- end -}}
{{- /* Kubernetes rounds shares up. */ -}}
{{- $stay := toString .minAvailable | trimSuffix "%" | float64 -}}
{{- if hasSuffix "%" (toString .minAvailable) }}{{ $stay = divf (mulf $stay $replicas) 100 | ceil }}{{ end -}}
{{- if and $least (ge $stay (float64 $replicas)) -}}
{{- fail (printf "podDisruptionBudget.minAvailable (%v) of %d replicas forbids every drain of a node: lower it, or have more replicas" .minAvailable $replicas) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .Values.strategy -}}
{{- with .rollingUpdate -}}
{{- if and (ne $.Values.strategy.type "Recreate") (has (toString .maxUnavailable) (list "0" "0%")) (has (toString .maxSurge) (list "0" "0%")) -}}
{{- fail "strategy.rollingUpdate.maxUnavailable and maxSurge are both 0: no pod could ever be replaced" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "keyweir.checks.ledger" -}}
{{- range .Values.extraArgs -}}
{{- if regexMatch "^--state(=|$)" . -}}
{{- fail "extraArgs sets --state, which the chart sets itself: use ledger.storage" -}}
{{- end -}}
{{- end -}}
{{- with .Values.ledger -}}
{{- if eq .storage "claim" -}}
{{- if $.Values.autoscaling.enabled -}}
{{- fail "ledger.storage claim is for one pod, and autoscaling.enabled makes several: set autoscaling.enabled to false and replicaCount to 1, or ledger.storage to emptyDir" -}}
{{- end -}}
{{- if gt (int $.Values.replicaCount) 1 -}}
{{- fail (printf "ledger.storage claim is for one pod, and replicaCount is %d: set it to 1, or ledger.storage to emptyDir" (int $.Values.replicaCount)) -}}
{{- end -}}
{{- if ne $.Values.strategy.type "Recreate" -}}
{{- fail (printf "ledger.storage claim is for one pod at a time, and strategy.type %s starts a new one before the old one has ended: set strategy.type to Recreate, or ledger.storage to emptyDir" $.Values.strategy.type) -}}
{{- end -}}
{{- if not (or .existingClaim .claim.accessModes) -}}
{{- fail "ledger.claim.accessModes is empty: ReadWriteOnce is the usual one" -}}
{{- end -}}
{{- else if .existingClaim -}}
{{- fail (printf "ledger.existingClaim is not used with ledger.storage %s: set ledger.storage to claim, or leave it empty" .storage) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "keyweir.checks.routes" -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) -}}
{{- fail "ingress.enabled needs ingress.hosts: the names under which clients come" -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) -}}
{{- fail "httpRoute.enabled needs httpRoute.parentRefs: the Gateways it belongs to" -}}
{{- end -}}
{{- if and .Values.networkPolicy.enabled .Values.metrics.podMonitor.enabled (not .Values.networkPolicy.adminFrom) -}}
{{- fail "metrics.podMonitor.enabled with networkPolicy.enabled needs networkPolicy.adminFrom: where Prometheus runs, or it is kept out" -}}
{{- end -}}
{{- end }}
