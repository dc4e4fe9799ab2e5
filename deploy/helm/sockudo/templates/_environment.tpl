{{/* An environment variable from a Secret: the user's own or the chart's. */}}
{{- define "sockudo.fromSecret" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .existing | default (include "sockudo.fullname" .root) }}
      key: {{ .key }}
      {{- if .optional }}
      optional: true
      {{- end }}
{{- end }}

{{/* One `- name, value` for each pair of a dict. */}}
{{- define "sockudo.variables" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end }}

{{- define "sockudo.environment" -}}
{{- include "sockudo.variables" (dict "HOST" "0.0.0.0" "PORT" "6001" "METRICS_PORT" "9601" "SOCKUDO_WORKERS" .Values.config.workers "LOG_OUTPUT_FORMAT" .Values.config.logOutputFormat "RUST_LOG" .Values.config.rustLog) }}
- name: INSTANCE_PROCESS_ID
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- if .Values.config.proxyProtocol }}
- name: LISTENER_PROXY_PROTOCOL
  value: "true"
{{- end }}
{{- with .Values.redis }}
{{- if .host }}
{{- include "sockudo.variables" (dict "DATABASE_REDIS_HOST" .host "DATABASE_REDIS_PORT" (int64 .port) "DATABASE_REDIS_DB" (int64 .db) "DATABASE_REDIS_KEY_PREFIX" .keyPrefix) }}
{{- if or .existingSecret .password }}
{{ include "sockudo.fromSecret" (dict "root" $ "name" "DATABASE_REDIS_PASSWORD" "key" "redis-password" "existing" .existingSecret) }}
{{- end }}
{{- if or .existingSecret .username }}
{{ include "sockudo.fromSecret" (dict "root" $ "name" "DATABASE_REDIS_USERNAME" "key" "redis-username" "existing" .existingSecret "optional" true) }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.redisCluster }}
{{- if .nodes }}
{{- include "sockudo.variables" (dict "REDIS_CLUSTER_NODES" .nodes "DATABASE_REDIS_CLUSTER_USE_TLS" .useTls) }}
{{- if or .existingSecret .password }}
{{ include "sockudo.fromSecret" (dict "root" $ "name" "DATABASE_REDIS_CLUSTER_PASSWORD" "key" "redis-cluster-password" "existing" .existingSecret) }}
{{- end }}
{{- if or .existingSecret .username }}
{{ include "sockudo.fromSecret" (dict "root" $ "name" "DATABASE_REDIS_CLUSTER_USERNAME" "key" "redis-cluster-username" "existing" .existingSecret "optional" true) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $driver := list "mysql" "postgres" }}
{{- $prefix := printf "DATABASE_%s" (upper $driver) }}
{{- with get $.Values.database $driver }}
{{- if .host }}
{{- include "sockudo.variables" (dict (printf "%s_HOST" $prefix) .host (printf "%s_PORT" $prefix) (int64 .port) (printf "%s_DATABASE" $prefix) .database (printf "%s_TABLE_NAME" $prefix) .tableName) }}
{{- if or $.Values.database.existingSecret .username }}
{{ include "sockudo.fromSecret" (dict "root" $ "name" (printf "%s_USERNAME" $prefix) "key" "database-username" "existing" $.Values.database.existingSecret) }}
{{- end }}
{{- if or $.Values.database.existingSecret .password }}
{{ include "sockudo.fromSecret" (dict "root" $ "name" (printf "%s_PASSWORD" $prefix) "key" "database-password" "existing" $.Values.database.existingSecret) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.nats }}
{{- if .servers }}
{{- include "sockudo.variables" (dict "NATS_SERVERS" .servers "NATS_CONNECTION_TIMEOUT_MS" (int64 .connectionTimeoutMs) "NATS_REQUEST_TIMEOUT_MS" (int64 .requestTimeoutMs)) }}
{{- if .username }}
{{- include "sockudo.variables" (dict "NATS_USERNAME" .username) }}
{{- end }}
{{- if or .existingSecret .password }}
{{ include "sockudo.fromSecret" (dict "root" $ "name" "NATS_PASSWORD" "key" "nats-password" "existing" .existingSecret "optional" true) }}
{{- end }}
{{- if or .existingSecret .token }}
{{ include "sockudo.fromSecret" (dict "root" $ "name" "NATS_TOKEN" "key" "nats-token" "existing" .existingSecret "optional" true) }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.defaultApp }}
{{- if .enabled }}
{{- if .existingSecret }}
{{ include "sockudo.fromSecret" (dict "root" $ "name" "SOCKUDO_DEFAULT_APP_ID" "key" "default-app-id" "existing" .existingSecret) }}
{{ include "sockudo.fromSecret" (dict "root" $ "name" "SOCKUDO_DEFAULT_APP_KEY" "key" "default-app-key" "existing" .existingSecret) }}
{{- else }}
{{- include "sockudo.variables" (dict "SOCKUDO_DEFAULT_APP_ID" (required "defaultApp.id" .id) "SOCKUDO_DEFAULT_APP_KEY" (required "defaultApp.key" .key)) }}
{{- end }}
{{ include "sockudo.fromSecret" (dict "root" $ "name" "SOCKUDO_DEFAULT_APP_SECRET" "key" "default-app-secret" "existing" .existingSecret) }}
{{- include "sockudo.variables" (dict "SOCKUDO_DEFAULT_APP_MAX_CONNECTIONS" (int64 .maxConnections) "SOCKUDO_ENABLE_CLIENT_MESSAGES" .enableClientMessages "SOCKUDO_DEFAULT_APP_ENABLE_USER_AUTHENTICATION" .enableUserAuthentication "SOCKUDO_DEFAULT_APP_MAX_CLIENT_EVENTS_PER_SECOND" (int64 .maxClientEventsPerSecond)) }}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
