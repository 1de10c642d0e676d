{{/*
Whether networkPolicy.egress leads to all that pods connect to, as far as the values tell: providers and
their proxies, issuers of tokens, the collector of traces.
*/}}

{{- define "keyweir.checks.egress" -}}
{{- if .Values.networkPolicy.enabled -}}
{{- $spans := include "keyweir.egressPorts" . | fromJsonArray -}}
{{- range $url, $where := include "keyweir.urls" . | fromJson -}}
{{- $port := include "keyweir.port" $url | int -}}
{{- $leads := regexMatch "^[a-z0-9]+://(localhost|127\\.[0-9.]+|\\[::1\\])(:|/|$)" $url -}}
{{- range $spans -}}
{{- if and (ge $port (int .from)) (le $port (int .to)) }}{{ $leads = true }}{{ end -}}
{{- end -}}
{{- if not $leads -}}
{{- fail (printf "%s names %s, and networkPolicy.egress does not lead to port %d: add {ports: [{port: %d, protocol: TCP}]} to it" $where $url $port $port) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The ports that networkPolicy.egress opens, as [{from: …, to: …}]. One that is not told, or has a name, may be any. */}}
{{- define "keyweir.egressPorts" -}}
{{- $any := dict "from" 1 "to" 65535 -}}
{{- $spans := list -}}
{{- range .Values.networkPolicy.egress -}}
{{- range default (list dict) .ports -}}
{{- if or (not .port) (kindIs "string" .port) -}}
{{- $spans = append $spans $any -}}
{{- else -}}
{{- $spans = append $spans (dict "from" .port "to" (default .port .endPort)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $spans -}}
{{- end }}

{{/*
The URLs that pods connect to, each with the value that names it. Where there is a proxy, providers are
left out: they are reached through it.
*/}}
{{- define "keyweir.urls" -}}
{{- $urls := dict -}}
{{- $proxied := false -}}
{{- range .Values.extraEnv -}}
{{- if regexMatch "(?i)^(https|all)_proxy$" (toString .name) -}}
{{- $proxied = true -}}
{{- with .value }}{{ $_ := set $urls (regexReplaceAll "//[^/]*@" . "//") "extraEnv" }}{{ end -}}
{{- end -}}
{{- end -}}
{{- $texts := omit (include "keyweir.policyTexts" . | fromJson) "settings" -}}
{{- range $name, $text := $texts -}}
{{- if regexMatch "\\bproxy\\s*=\\s*(\\{|.[a-z0-9]+://)" $text }}{{ $proxied = true }}{{ end -}}
{{- end -}}
{{- range $name, $text := $texts -}}
{{- range regexFindAll (printf "\\b(proxy%s)\\s*=\\s*[\"']https?://[^\"']+" ($proxied | ternary "" "|base_url")) $text -1 -}}
{{- $_ := set $urls (regexReplaceAll "//[^/]*@" (regexFind "http.*" .) "//") $name -}}
{{- end -}}
{{- end -}}
{{- range .Values.settings.gateway.jwt -}}
{{- with .jwks_url }}{{ $_ := set $urls . "settings.gateway.jwt" }}{{ end -}}
{{- end -}}
{{- with .Values.settings.gateway.traces.endpoint }}{{ $_ := set $urls . "settings.gateway.traces" }}{{ end -}}
{{- toJson $urls -}}
{{- end }}

{{/* The port of a URL; 80 and 443 need not be written. */}}
{{- define "keyweir.port" -}}
{{- $written := regexFind ":[0-9]+$" (regexFind "^[a-z0-9]+://[^/?]*" .) | trimPrefix ":" -}}
{{- default (hasPrefix "https:" . | ternary "443" "80") $written -}}
{{- end }}
