{{/* Trusted proxies: what is said, else the Ingress of this chart. Takes the value and the root. */}}
{{- define "sockudo.hops" -}}
{{- $root := index . 1 }}
{{- if kindIs "invalid" (index . 0) }}
{{- ternary 1 0 (or $root.Values.ingress.enabled $root.Values.wsIngress.enabled) }}
{{- else }}
{{- index . 0 }}
{{- end }}
{{- end }}

{{/*
The whole config.json. A section that is there but partial takes other defaults than one that is absent
(docs/configuration.md), so what is here names all that matters.
*/}}
{{- define "sockudo.config" -}}
{{- if .Values.configJson }}
{{- .Values.configJson }}
{{- else }}
{{- $c := .Values.config }}
{{- $file := dict
  "mode" $c.mode
  "debug" $c.debug
  "host" "0.0.0.0"
  "port" 6001
  "path_prefix" $c.pathPrefix
  "activity_timeout" (int64 $c.activityTimeout)
  "shutdown_grace_period" (int64 $c.shutdownGracePeriod)
  "shutdown" (dict "drain_ms" (int64 $c.drainMs))
  "adapter" (dict "driver" $c.adapterDriver)
  "app_manager" (dict "driver" $c.appManagerDriver "array" (dict "apps" .Values.apps))
  "cache" (dict "driver" $c.cacheDriver)
  "queue" (dict "driver" $c.queueDriver)
  "http_api" (dict "usage_enabled" $c.httpApi.usageEnabled "request_limit_in_mb" (int64 $c.httpApi.requestLimitInMb))
  "cors" (dict "credentials" $c.cors.credentials "origin" $c.cors.origin "methods" $c.cors.methods "allowed_headers" $c.cors.allowedHeaders)
  "websocket_max_payload_kb" (int64 $c.websocket.maxPayloadKb)
}}
{{- $_ := set $file "websocket" (dict
  "max_messages" (int64 $c.websocket.maxMessages)
  "max_bytes" (int64 $c.websocket.maxBytes)
  "disconnect_on_buffer_full" $c.websocket.disconnectOnBufferFull
  "ping_interval" (int64 $c.websocket.pingInterval)
  "idle_timeout" (int64 $c.websocket.idleTimeout)
  "compression" $c.websocket.compression
) }}
{{- $_ := set $file "rate_limiter" (dict
  "enabled" $c.rateLimiter.enabled
  "driver" $c.rateLimiterDriver
  "api_rate_limit" (dict "max_requests" (int64 $c.rateLimiter.apiMaxRequests) "window_seconds" (int64 $c.rateLimiter.apiWindowSeconds) "trust_hops" (include "sockudo.hops" (list $c.rateLimiter.apiTrustHops .) | int64))
  "websocket_rate_limit" (dict "max_requests" (int64 $c.rateLimiter.wsMaxRequests) "window_seconds" (int64 $c.rateLimiter.wsWindowSeconds) "trust_hops" (include "sockudo.hops" (list $c.rateLimiter.wsTrustHops .) | int64))
) }}
{{- $_ := set $file "metrics" (dict "enabled" $c.metrics.enabled "host" "0.0.0.0" "port" 9601 "driver" $c.metrics.driver "prometheus" (dict "prefix" $c.metrics.prefix)) }}
{{- $d := $c.deltaCompression }}
{{- $_ := set $file "delta_compression" (dict "enabled" $d.enabled "algorithm" $d.algorithm "full_message_interval" (int64 $d.fullMessageInterval) "min_message_size" (int64 $d.minMessageSize) "max_state_age_secs" (int64 $d.maxStateAgeSecs)) }}
{{- if $c.proxyProtocol }}
{{- $_ := set $file "listener" (dict "proxy_protocol" true) }}
{{- end }}
{{- if $c.ssl.enabled }}
{{- $_ := set $file "ssl" (dict "enabled" true "cert_path" "/app/ssl/tls.crt" "key_path" "/app/ssl/tls.key") }}
{{- end }}
{{- mustMergeOverwrite $file $c.extra | toPrettyJson }}
{{- end }}
{{- end }}
