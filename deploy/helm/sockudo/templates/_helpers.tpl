{{- define "sockudo.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "sockudo.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "sockudo.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "sockudo.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "sockudo.selectorLabels" -}}
app.kubernetes.io/name: {{ include "sockudo.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "sockudo.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "sockudo.selectorLabels" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "sockudo.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "sockudo.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "sockudo.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* Whether config.json holds secrets, and so belongs into a Secret. */}}
{{- define "sockudo.configIsSecret" -}}
{{- if or .Values.configJson .Values.apps }}true{{ end }}
{{- end }}

{{/* Seconds a pod has to leave: the drain (rounded up), the grace period, and some. */}}
{{- define "sockudo.terminationGracePeriod" -}}
{{- $needed := add (div (add (int64 .Values.config.drainMs) 999) 1000) (int64 .Values.config.shutdownGracePeriod) }}
{{- if kindIs "invalid" .Values.terminationGracePeriodSeconds }}
{{- add $needed 10 }}
{{- else if le (int64 .Values.terminationGracePeriodSeconds) $needed }}
{{- fail (printf "terminationGracePeriodSeconds is %d: it must be above config.drainMs and config.shutdownGracePeriod together, %d seconds, or clients are cut off. Leave it out, or raise it" (int64 .Values.terminationGracePeriodSeconds) $needed) }}
{{- else }}
{{- int64 .Values.terminationGracePeriodSeconds }}
{{- end }}
{{- end }}

{{/* What this server cannot do is refused here, by the name of the value. */}}
{{- define "sockudo.refusals" -}}
{{- range $section := list "dashboard" "cluster" }}
{{- if dig "enabled" false (get $.Values $section | default dict) }}
{{- fail (printf "%s.enabled: this server has none. Set it to false" $section) }}
{{- end }}
{{- end }}
{{- if dig "openTelemetry" "enabled" false .Values.config }}
{{- fail "config.openTelemetry.enabled: this server exports Prometheus metrics only. Set it to false" }}
{{- end }}
{{- if dig "acceptTraffic" "enabled" false .Values.config.httpApi }}
{{- fail "config.httpApi.acceptTraffic.enabled: this version does not watch its memory. Set it to false" }}
{{- end }}
{{- if and (eq .Values.config.adapterDriver "local") (or .Values.autoscaling.enabled (gt (int .Values.replicaCount) 1)) }}
{{- fail "replicaCount, autoscaling.enabled: several pods with config.adapterDriver local do not see each other, and clients miss events. Keep one pod, or choose an adapter that connects them" }}
{{- end }}
{{- if and .Values.config.ssl.enabled (not .Values.config.ssl.secretName) }}
{{- fail "config.ssl.enabled: config.ssl.secretName must name a Secret of type kubernetes.io/tls" }}
{{- end }}
{{- if and .Values.config.existingSecret .Values.configJson }}
{{- fail "config.existingSecret and configJson: only one of both can be the file" }}
{{- end }}
{{- end }}

{{/* A probe; where the port wants a PROXY header the image's own check is asked, which sends one. */}}
{{- define "sockudo.probe" -}}
{{- $probe := .probe }}
{{- if .root.Values.config.proxyProtocol }}
exec:
  command: [python, /app/healthcheck.py, {{ $probe.path | quote }}]
{{- else if hasKey $probe "httpGet" }}
httpGet:
  {{- toYaml $probe.httpGet | nindent 2 }}
{{- else }}
httpGet:
  path: {{ $probe.path }}
  port: http
  {{- if .root.Values.config.ssl.enabled }}
  scheme: HTTPS
  {{- end }}
{{- end }}
{{ toYaml (omit $probe "path" "httpGet") }}
{{- end }}
