{{/* The pods: scheduling, containers, volumes. */}}

{{- define "keyweir.pod" -}}
serviceAccountName: {{ include "keyweir.serviceAccountName" . | quote }}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ default (include "keyweir.graceSeconds" .) .Values.terminationGracePeriodSeconds }}
{{- include "keyweir.pod.scheduling" . }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.initContainers }}
initContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - {{- include "keyweir.container" . | nindent 4 }}
  {{- with .Values.extraContainers }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
volumes:
  {{- include "keyweir.volumes" . | nindent 2 }}
{{- end }}

{{- define "keyweir.pod.scheduling" -}}
{{- range $field := list "imagePullSecrets" "nodeSelector" "tolerations" "affinity" "hostAliases" "dnsConfig" }}
{{- with get $.Values $field }}
{{ $field }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- range $field := list "priorityClassName" "runtimeClassName" "schedulerName" }}
{{- with get $.Values $field }}
{{ $field }}: {{ quote . }}
{{- end }}
{{- end }}
topologySpreadConstraints:
  {{- $default := list
    (dict "maxSkew" 1 "topologyKey" "kubernetes.io/hostname" "whenUnsatisfiable" "ScheduleAnyway")
    (dict "maxSkew" 1 "topologyKey" "topology.kubernetes.io/zone" "whenUnsatisfiable" "ScheduleAnyway") }}
  {{- $selector := dict "labelSelector" (dict "matchLabels" (include "keyweir.selector" . | fromYaml)) }}
  {{- range default $default .Values.topologySpreadConstraints }}
  - {{- merge (deepCopy .) $selector | toYaml | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "keyweir.probes" -}}
{{- range $name, $path := dict "startupProbe" "/healthz" "livenessProbe" "/healthz" "readinessProbe" "/readyz" }}
{{- with get $.Values $name }}
{{ $name }}:
  {{- if not (or .httpGet .exec .tcpSocket .grpc) }}
  httpGet:
    path: {{ $path }}
    port: admin
    {{- if $.Values.admin.tls.enabled }}
    scheme: HTTPS
    {{- end }}
  {{- end }}
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "keyweir.container" -}}
name: keyweir
image: {{ include "keyweir.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args:
  - --log-format={{ .Values.log.format }}
  - serve
  - --policy=/etc/keyweir/policy
  - --access-log={{ .Values.log.access }}
  - --state={{ eq .Values.ledger.storage "none" | ternary "off" "/var/lib/keyweir" }}
  {{- with .Values.extraArgs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
env:
  - name: KEYWEIR_LOG
    value: {{ .Values.log.level }}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  {{- if .Values.http.enabled }}
  - name: http
    containerPort: {{ .Values.http.port }}
    protocol: TCP
  {{- end }}
  {{- if .Values.tls.enabled }}
  - name: https
    containerPort: {{ .Values.tls.port }}
    protocol: TCP
  {{- end }}
  - name: admin
    containerPort: {{ .Values.admin.port }}
    protocol: TCP
# What keeps it from starting stands in the pod's description, too.
terminationMessagePolicy: FallbackToLogsOnError
{{- include "keyweir.probes" . }}
{{- if .Values.shutdown.preStopSeconds }}
lifecycle:
  preStop:
    {{- if semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version }}
    sleep:
      seconds: {{ .Values.shutdown.preStopSeconds }}
    {{- else }}
    exec:
      command: [/bin/keyweir, sleep, {{ .Values.shutdown.preStopSeconds | quote }}]
    {{- end }}
{{- end }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - name: policy
    mountPath: /etc/keyweir/policy
    readOnly: true
  {{- if .Values.tls.enabled }}
  - name: tls
    mountPath: /etc/keyweir/tls
    readOnly: true
  {{- end }}
  {{- if .Values.admin.tls.enabled }}
  - name: admin-tls
    mountPath: /etc/keyweir/admin-tls
    readOnly: true
  {{- if .Values.admin.tls.clientCaSecret }}
  - name: admin-ca
    mountPath: /etc/keyweir/admin-ca
    readOnly: true
  {{- end }}
  {{- end }}
  {{- range $i, $name := .Values.secrets }}
  - name: secret-{{ $i }}
    mountPath: {{ printf "/etc/keyweir/secrets/%s" $name | quote }}
    readOnly: true
  {{- end }}
  {{- if and .Values.redis.urls .Values.redis.existingSecret }}
  - name: redis
    mountPath: /etc/keyweir/redis
    readOnly: true
  {{- end }}
  {{- if ne .Values.ledger.storage "none" }}
  - name: ledger
    mountPath: /var/lib/keyweir
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* Whole folders, never subPath: only they follow a change. One folder for all of the policy, so that
its files change together. */}}
{{- define "keyweir.volumes" -}}
- name: policy
  projected:
    defaultMode: 0440
    sources:
      - configMap:
          name: {{ include "keyweir.fullname" . }}-settings
      {{- if .Values.policy.files }}
      - configMap:
          name: {{ include "keyweir.fullname" . }}-policy
      {{- end }}
      {{- range .Values.policy.existingConfigMaps }}
      - configMap:
          name: {{ quote . }}
      {{- end }}
      {{- range .Values.policy.existingSecrets }}
      - secret:
          name: {{ quote . }}
      {{- end }}
{{- if .Values.tls.enabled }}
- name: tls
  secret:
    secretName: {{ .Values.tls.existingSecret | quote }}
    defaultMode: 0440
{{- end }}
{{- with .Values.admin.tls }}
{{- if .enabled }}
- name: admin-tls
  secret:
    secretName: {{ .existingSecret | quote }}
    defaultMode: 0440
{{- with .clientCaSecret }}
- name: admin-ca
  secret:
    secretName: {{ quote . }}
    defaultMode: 0440
{{- end }}
{{- end }}
{{- end }}
{{- range $i, $name := .Values.secrets }}
- name: secret-{{ $i }}
  secret:
    secretName: {{ $name | quote }}
    defaultMode: 0440
{{- end }}
{{- if and .Values.redis.urls .Values.redis.existingSecret }}
- name: redis
  secret:
    secretName: {{ .Values.redis.existingSecret | quote }}
    defaultMode: 0440
{{- end }}
{{- if eq .Values.ledger.storage "emptyDir" }}
- name: ledger
  emptyDir:
    sizeLimit: {{ .Values.ledger.sizeLimit | quote }}
{{- else if eq .Values.ledger.storage "claim" }}
- name: ledger
  persistentVolumeClaim:
    claimName: {{ include "keyweir.ledgerClaim" . | quote }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
