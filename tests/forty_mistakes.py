"""One configuration with forty mistakes, and what must be said of each: its key and the value that was found."""

from __future__ import annotations

FILE = """{
  "port": "6001",
  "host": 7,
  "debug": "yes",
  "mode": "staging",
  "mode": "production",
  "activity_timeout": 0,
  "shutdown_grace_period": -1,
  "path_prefix": "/live?x",
  "actvity_timeout": 30,
  "websocket": {"max_messages": "many", "compression": "zip", "max_mesage_size": 5},
  "ssl": {"enabled": true, "cert_path": "/nowhere/live.crt", "key_path": "/nowhere/live.key", "http_port": 70000,
          "passphrase": 270715},
  "unix_socket": {"enabled": true, "path": "run/sockudo.sock", "permission_mode": 660},
  "adapter": {"driver": "kafka"},
  "cache": {"driver": "memcached"},
  "queue": {"driver": "rabbitmq"},
  "rate_limiter": null,
  "cors": {"methods": ["GET", "G T"], "origin": ["*.*.com"]},
  "metrics": {"port": 99999, "prometheus": {"prefix": "9-"}},
  "presence": {"max_members_per_channel": "100"},
  "health": {"adapter_loss": "panic", "stall_ms": 20},
  "database": {"redis": {"port": true}},
  "listener": {"proxy_protocol": true, "proxy_protocol_from": ["10.0.0.0/99"]},
  "event_limits": {"max_payload_in_kb": 2000},
  "http_api": [],
  "app_manager": {"array": {"apps": [
    {"id": "shop", "key": "shop-key"},
    {"id": "chat", "key": "chat-key", "secret": "270715-chat", "max_connections": "lots", "enabled": "perhaps"},
    {"id": "one", "key": "same", "secret": "270715-one"},
    {"id": "two", "key": "same", "secret": "270715-two", "max_connections": 4294967295,
     "allowed_origins": ["https://example.com/"]}
  ]}}
}"""

ENVIRONMENT = {
    "METRICS_ENABLED": "maybe",
    "HEALTH_CHECK_TIMEOUT_MS": "1 s",
    "WEBSOCKET_MAX_FRAME_SIZE": "16 MiB",
    "SOCKUDO_DEFAULT_APP_ID": "270",
}

SECRET = "270715"
"""Part of everything that must not be quoted."""

APPS = "app_manager.array.apps"
MISTAKES = [
    ("port", '"6001"'),
    ("host", "7"),
    ("mode", '"production"'),
    ("activity_timeout", "0"),
    ("shutdown_grace_period", "-1"),
    ("path_prefix", '"/live?x"'),
    ("", "2 keys"),
    ("websocket.max_messages", '"many"'),
    ("websocket.compression", '"zip"'),
    ("debug", '"yes"'),
    ("ssl.enabled", "true"),
    ("ssl.http_port", "70000"),
    ("ssl.passphrase", "********"),
    ("unix_socket.path", '"run/sockudo.sock"'),
    ("unix_socket.permission_mode", "660"),
    ("adapter.driver", '"kafka"'),
    ("cache.driver", '"memcached"'),
    ("queue.driver", '"rabbitmq"'),
    ("rate_limiter", "null"),
    ("cors.methods", '["GET", "G T"]'),
    ("cors.origin", '["*.*.com"]'),
    ("metrics.port", "99999"),
    ("metrics.prometheus.prefix", '"9-"'),
    ("metrics.enabled", '"maybe"'),
    ("presence.max_members_per_channel", '"100"'),
    ("health.adapter_loss", '"panic"'),
    ("health.stall_ms", "20"),
    ("health_check_timeout_ms", '"1 s"'),
    ("database.redis.port", "true"),
    ("listener.proxy_protocol_from", '["10.0.0.0/99"]'),
    ("event_limits.max_payload_in_kb", "2000"),
    ("http_api", "[]"),
    ("websocket.max_frame_size", '"16 MiB"'),
    (f"{APPS}[0].secret", "nothing"),
    (f"{APPS}[1].max_connections", '"lots"'),
    (f"{APPS}[1].enabled", '"perhaps"'),
    (APPS, '"same"'),
    (APPS, '"https://example.com/"'),
    (APPS, "4294967295 connections"),
    ("", "SOCKUDO_DEFAULT_APP_ID"),
]
"""Key and value as the finding tells them; of a long value the beginning."""
