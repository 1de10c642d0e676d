{{/* Names and labels. */}}

{{- define "keyweir.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{/* Cut at 50: the longest ending of an object's name has room. */}}
{{- define "keyweir.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "keyweir.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "keyweir.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{/* What selects the pods: must never change for a release. */}}
{{- define "keyweir.selector" -}}
app.kubernetes.io/name: {{ include "keyweir.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "keyweir.labels" -}}
{{ include "keyweir.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "keyweir.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "keyweir.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{- define "keyweir.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* What Ingress and routes send to: the port of the Service for clients in clear, else that over TLS. */}}
{{- define "keyweir.clientPort" -}}
{{- if .Values.http.enabled -}}{{ .Values.service.httpPort }}{{- else -}}{{ .Values.service.tlsPort }}{{- end -}}
{{- end }}

{{/* How clients come by the first name of the Ingress: over TLS, if one of its certificates is for that. */}}
{{- define "keyweir.ingressScheme" -}}
{{- $host := first .Values.ingress.hosts -}}
{{- $scheme := "http" -}}
{{- range .Values.ingress.tls -}}
{{- if or (not .hosts) (has $host .hosts) (has (regexReplaceAll "^[^.]*" $host "*") .hosts) }}{{ $scheme = "https" }}{{ end -}}
{{- end -}}
{{- $scheme -}}
{{- end }}

{{/* The claim that the ledger is on. */}}
{{- define "keyweir.ledgerClaim" -}}
{{- default (printf "%s-ledger" (include "keyweir.fullname" .)) .Values.ledger.existingClaim -}}
{{- end }}

{{/* The ports that redis.urls name, as entries of a NetworkPolicy; with Sentinels, that of what they lead to, too. */}}
{{- define "keyweir.redisPorts" -}}
{{- $ports := list -}}
{{- range .Values.redis.urls -}}
{{- $ports = append $ports (regexFind ":[0-9]+(/[^/]*)?$" . | trimPrefix ":" | regexFind "^[0-9]+" | default "6379") -}}
{{- end -}}
{{- if and $ports .Values.redis.sentinel -}}
{{- $ports = append $ports "6379" -}}
{{- end -}}
{{- range uniq $ports }}
- {port: {{ . }}, protocol: TCP}
{{- end -}}
{{- end }}
