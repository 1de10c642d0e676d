{{/* The tables of the policy that the chart writes, as TOML. */}}

{{/* One value. Helm reads the numbers of a values file as floats, so whole ones are made whole again. */}}
{{- define "keyweir.toml.value" -}}
{{- if kindIs "slice" . -}}
[{{ range $i, $it := . }}{{ if $i }}, {{ end }}{{ include "keyweir.toml.value" $it }}{{ end }}]
{{- else if kindIs "map" . -}}
{ {{ $names := keys . | sortAlpha }}{{ range $i, $name := $names }}{{ if $i }}, {{ end }}{{ include "keyweir.toml.name" $name }} = {{ include "keyweir.toml.value" (get $ $name) }}{{ end }} }
{{- else if kindIs "float64" . -}}
{{- if eq (floor .) . }}{{ int64 . }}{{ else }}{{ . }}{{ end -}}
{{- else -}}
{{ toJson . }}
{{- end -}}
{{- end }}

{{/* A name, in quotes where it is no bare one: the gateway says that it knows none of it. */}}
{{- define "keyweir.toml.name" -}}
{{- if regexMatch "^[A-Za-z0-9_-]+$" . }}{{ . }}{{ else }}{{ toJson . }}{{ end -}}
{{- end }}

{{/* The settings of one table; a table in it is left to whoever writes its head. */}}
{{- define "keyweir.toml.table" -}}
{{- range $name, $value := . }}
{{- if not (or (kindIs "map" $value) (kindIs "invalid" $value)) }}
{{ include "keyweir.toml.name" $name }} = {{ include "keyweir.toml.value" $value }}
{{- end }}
{{- end }}
{{- end }}

{{/* What of [gateway] only a new process takes up: listeners and threads. */}}
{{- define "keyweir.settings.startup" -}}
{{- $address := .Values.listenAddress -}}
[gateway]
listen = [{{ if .Values.http.enabled }}{{ printf "%s:%v" $address .Values.http.port | quote }}{{ end }}]
admin = {{ printf "%s:%v" $address .Values.admin.port | quote }}
threads = {{ include "keyweir.toml.value" .Values.settings.gateway.threads }}
{{- end }}

{{/* How many pods there are: by the headless Service, where there may be several. */}}
{{- define "keyweir.settings.replicas" -}}
{{- $replicas := .Values.settings.gateway.replicas -}}
{{- $least := .Values.autoscaling.enabled | ternary .Values.autoscaling.minReplicas .Values.replicaCount | int -}}
{{- if ne (toString $replicas) "auto" }}
replicas = {{ include "keyweir.toml.value" $replicas }}
{{- else if or .Values.autoscaling.enabled (gt $least 1) }}
replicas = { dns = {{ printf "%s-admin.%s.svc" (include "keyweir.fullname" .) .Release.Namespace | quote }}, least = {{ $least }} }
{{- end }}
{{- end }}

{{- define "keyweir.settings.tls" -}}
{{- if .Values.tls.enabled }}

[gateway.tls]
listen = [{{ printf "%s:%v" .Values.listenAddress .Values.tls.port | quote }}]
cert_file = "/etc/keyweir/tls/tls.crt"
key_file = "/etc/keyweir/tls/tls.key"
{{- end }}
{{- end }}

{{- define "keyweir.settings.adminTls" -}}
{{- with .Values.admin.tls }}
{{- if .enabled }}

[gateway.admin_tls]
cert_file = "/etc/keyweir/admin-tls/tls.crt"
key_file = "/etc/keyweir/admin-tls/tls.key"
{{- if .clientCaSecret }}
client_ca_file = {{ printf "/etc/keyweir/admin-ca/%s" .clientCaKey | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "keyweir.settings.redis" -}}
{{- with .Values.redis }}
{{- if .urls }}

[gateway.shared.redis]
urls = {{ include "keyweir.toml.value" .urls }}
prefix = {{ default (printf "%s/%s" $.Release.Namespace (include "keyweir.fullname" $)) .prefix | quote }}
{{- with .sentinel }}
sentinel = {{ quote . }}
{{- end }}
{{- with .username }}
username = {{ quote . }}
{{- end }}
{{- with .sentinelUsername }}
sentinel_username = {{ quote . }}
{{- end }}
{{- if .existingSecret }}
{{- range $field, $key := dict "password" .passwordKey "sentinel_password" .sentinelPasswordKey }}
{{- with $key }}
{{ $field }} = { file = {{ printf "/etc/keyweir/redis/%s" . | quote }} }
{{- end }}
{{- end }}
{{- range $field, $key := dict "ca_file" .caKey "cert_file" .certKey "key_file" .keyKey }}
{{- with $key }}
{{ $field }} = {{ printf "/etc/keyweir/redis/%s" . | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "keyweir.settings" -}}
{{- $gateway := .Values.settings.gateway -}}
{{ include "keyweir.settings.startup" . }}
{{- include "keyweir.settings.replicas" . }}
{{- include "keyweir.toml.table" (omit $gateway "threads" "replicas") }}
{{- with $gateway.admin_token }}
admin_token = {{ include "keyweir.toml.value" . }}
{{- end }}
{{- include "keyweir.settings.tls" . }}
{{- include "keyweir.settings.adminTls" . }}
{{- include "keyweir.settings.redis" . }}

[gateway.timeouts]
drain_delay = {{ printf "%vs" .Values.shutdown.delaySeconds | quote }}
drain = {{ printf "%vs" .Values.shutdown.drainSeconds | quote }}
{{- include "keyweir.toml.table" $gateway.timeouts }}
{{- range $table := list "limits" "stream" "upstream" "proxies" "access_log" "traces" }}
{{- with get $gateway $table }}

[gateway.{{ $table }}]
{{- include "keyweir.toml.table" . }}
{{- end }}
{{- end }}
{{- range $table := list "waiting" "retry" }}
{{- with get $.Values.settings $table }}

[{{ $table }}]
{{- include "keyweir.toml.table" . }}
{{- end }}
{{- end }}
{{ end }}
