"""Conflicts between keys: each is told once, at its key, with value, cause and cure; good settings are left in peace."""

from __future__ import annotations

from typing import Any

from sockudo_tx.config.advice.apps import idle_pattern
from sockudo_tx.config.findings import Finding

from .cases import APP, DEFAULT, ConfigCase

UNIX = {"enabled": True, "path": "/run/sockudo/s.sock"}
TLS = {"enabled": True, "cert_path": "a.crt", "key_path": "a.key"}
LIMITER = {"enabled": True, "api_rate_limit": {"max_requests": 500}}


class AdviceCase(ConfigCase):
    """Looks at what is found in a file, beside what is expected."""

    def found(self, content: dict[str, Any], strict: bool = False, **environ: str) -> list[Finding]:
        """What there is to tell of the file, notes about its effect left out."""
        findings = self.survey(
            {DEFAULT: {"apps": [APP], "host": "10.0.0.1", "mode": "staging", **content}}, environ, strict
        )
        return [finding for finding in findings if "not used by this version" not in finding.message]

    def conflict(self, content: dict[str, Any], path: str, words: str, severity: str = "warning") -> Finding:
        """The only finding there is."""
        findings = self.found(content)
        self.assertEqual([(each.path, each.severity) for each in findings], [(path, severity)], findings)
        (finding,) = findings
        self.assertIn(words, str(finding))
        for name in ("message", "value", "cause", "cure", "source"):
            self.assertTrue(getattr(finding, name), f"{name} of {finding}")
        return finding

    def peace(self, content: dict[str, Any], **environ: str) -> None:
        """Nothing is found."""
        self.assertEqual([str(finding) for finding in self.found(content, **environ)], [])


class WorkerTests(AdviceCase):
    """Several processes on one machine"""

    def test_workers(self) -> None:
        """What workers do not share is told; everything else is as with one process, without a word."""
        limited = {"listener": {"max_connections_per_address": 10}}
        for workers in (3, "auto"):
            self.peace({"instance": {"workers": workers}})
            finding = self.conflict(
                {"instance": {"workers": workers}, **limited},
                "listener.max_connections_per_address",
                "by each worker",
                "info",
            )
            self.assertIn(str(workers), finding.cause)
        self.peace(limited)

    def test_nodes(self) -> None:
        """With an adapter between machines every worker is a node."""
        for workers, told in ((1, 0), (2, 1), ("auto", 1)):
            found = self.found({"instance": {"workers": workers}, "adapter": {"driver": "nats"}})
            self.assertEqual(sum("a node of the cluster" in str(finding) for finding in found), told)

    def test_numbers(self) -> None:
        """A number from 1 to 256, or `auto` in any case; anything else refuses."""
        for good in (1, 256, "auto", "AUTO", "4"):
            self.peace({"instance": {"workers": good}})
        for bad in (0, 257, -1, 1.5, "many", None):
            (finding,) = self.survey({DEFAULT: {"apps": [APP], "host": "10.0.0.1", "instance": {"workers": bad}}}, {})
            self.assertTrue(finding.refuses, bad)
            self.assertEqual(finding.path, "instance.workers")
        self.peace({}, SOCKUDO_WORKERS="auto")


class ListenerTests(AdviceCase):
    """Ports, Unix sockets, TLS, the PROXY protocol"""

    def test_ports(self) -> None:
        """Ports of one process that hinder each other."""
        self.conflict({"port": 9601}, "metrics.port", "both are 9601".capitalize(), "error")
        self.conflict({"ssl": {**TLS, "redirect_http": True, "http_port": 6001}}, "ssl.http_port", "6001", "error")
        self.conflict({"ssl": {**TLS, "redirect_http": True, "http_port": 9601}}, "ssl.http_port", "9601", "error")
        null = {"ssl": {**TLS, "redirect_http": True, "http_port": None}, "port": 80}
        self.conflict(null, "ssl.http_port", "both are 80".capitalize(), "error")
        self.peace({"ssl": {**TLS, "redirect_http": True, "http_port": 0}, "port": 80})
        self.peace({"port": 9601, "metrics": {"enabled": False}})
        self.peace({"port": 0, "metrics": {"port": 0}})

    def test_C90_path(self) -> None:
        """The path of a socket that is switched on must be absolute and lead nowhere else; switched off, it is left."""
        for path, words in (
            ("", "cannot be empty"),
            ("run/s.sock", "must be absolute"),
            ("/run/../s.sock", "`../`"),
            ("/run/..\\s.sock", "`../`"),
            ("/run/", "name of a file"),
            ("/" + "x" * 107, "107 bytes"),
        ):
            finding = self.conflict({"unix_socket": {**UNIX, "path": path}}, "unix_socket.path", words, "error")
            self.assertTrue(finding.refuses)
            self.peace({"unix_socket": {"enabled": False, "path": path}})
        self.peace({"unix_socket": {**UNIX, "path": "/run/.."}})

    def test_C91_warnings(self) -> None:
        """A path under /tmp in production, a mode that lets everybody in, and TLS: one warning each."""
        tmp = {**UNIX, "path": "/tmp/s.sock"}
        self.peace({"unix_socket": tmp})
        self.conflict({"unix_socket": tmp, "mode": "production"}, "unix_socket.path", "/tmp")
        for mode in ("666", "662", "606", "007", "777"):
            self.conflict({"unix_socket": {**UNIX, "permission_mode": mode}}, "unix_socket.permission_mode", mode)
        for mode in ("660", "600", "664", "755", "000"):
            self.peace({"unix_socket": {**UNIX, "permission_mode": mode}})
        self.conflict({"unix_socket": UNIX, "ssl": TLS}, "ssl.enabled", "no effect on a Unix socket")
        everything = {"unix_socket": {**tmp, "permission_mode": "666"}, "ssl": TLS, "mode": "production"}
        paths = [finding.path for finding in self.found({"apps": [{**APP, "secret": "x" * 20}], **everything})]
        self.assertEqual(sorted(paths), ["ssl.enabled", "unix_socket.path", "unix_socket.permission_mode"])

    def test_tls(self) -> None:
        """A redirect to nowhere, and certificates that nobody shows."""
        self.conflict({"ssl": {"redirect_http": True}}, "ssl.redirect_http", "nothing to redirect to")
        self.conflict({"ssl": {"cert_path": "a", "key_path": "b"}}, "ssl.enabled", "although certificate and key")
        self.peace({"ssl": {"enabled": False, "cert_path": "a", "key_path": "b"}})
        self.conflict({"ssl": {**TLS, "ca_path": "a.crt"}}, "ssl.ca_path", "adds nothing", "info")

    def test_proxy_protocol(self) -> None:
        """Headers believed from everybody, or from a list that nobody reads."""
        self.conflict({"listener": {"proxy_protocol": True}}, "listener.proxy_protocol", "claim any address")
        self.peace({"listener": {"proxy_protocol": True}, "host": "127.0.0.1"})
        self.peace({"listener": {"proxy_protocol": True, "proxy_protocol_from": ["10.0.0.0/8"]}})
        listener = {"proxy_protocol_from": ["10.0.0.0/8"]}
        self.conflict({"listener": listener}, "listener.proxy_protocol_from", "no effect")
        limiter = {"enabled": True, "api_rate_limit": {"max_requests": 5, "trust_hops": 1}}
        self.conflict(
            {"listener": {**listener, "proxy_protocol": True}, "rate_limiter": limiter},
            "rate_limiter.api_rate_limit.trust_hops",
            "X-Forwarded-For",
        )

    def test_path_prefix(self) -> None:
        """A prefix that no request can have refuses to start."""
        for prefix in ("/a?b", "/a#b", "/%20", "/a\nb"):
            self.assertTrue(self.conflict({"path_prefix": prefix}, "path_prefix", "plain path", "error").refuses)
        self.peace({"path_prefix": "/a/b-c_d.e"})

    def test_strict(self) -> None:
        """Under strict what has no effect is an error that refuses; what merely looks odd stays a warning."""
        (finding,) = self.found({"ssl": {"redirect_http": True}}, strict=True)
        self.assertEqual((finding.severity, finding.refuses), ("error", True))
        (finding,) = self.found({"listener": {"proxy_protocol": True}}, strict=True)
        self.assertEqual((finding.severity, finding.refuses), ("warning", False))


class LimitTests(AdviceCase):
    """Limits and times"""

    def test_limiter(self) -> None:
        """A limiter where all clients have one address, or with the built-in limit."""
        hops = "rate_limiter.api_rate_limit.trust_hops"
        self.conflict({"rate_limiter": LIMITER, "host": "127.0.0.1"}, hops, "share one limit")
        self.peace({"rate_limiter": LIMITER, "unix_socket": UNIX})
        self.conflict({"rate_limiter": LIMITER}, hops, "only if clients connect directly", "info")
        self.conflict(
            {"rate_limiter": {"enabled": True, "api_rate_limit": {"trust_hops": 1}}},
            "rate_limiter.api_rate_limit.max_requests",
            "60 requests in 60 seconds",
        )
        spelled = {"max_requests": 100, "window_seconds": 60, "trust_hops": 1}
        most = "rate_limiter.api_rate_limit.max_requests"
        self.conflict({"rate_limiter": {"enabled": True, "api_rate_limit": spelled}}, most, "Publishing", "info")
        (one, other) = self.found({"host": "127.0.0.1"}, RATE_LIMITER_ENABLED="1")
        self.assertEqual(
            [(each.value, each.source) for each in (one, other)],
            [("0", "environment RATE_LIMITER_ENABLED"), ("100", "environment RATE_LIMITER_ENABLED")],
        )
        nothing = {"enabled": True, "api_rate_limit": {"max_requests": 0, "trust_hops": 1}}
        self.conflict({"rate_limiter": nothing}, most, "there is no limit")
        for trust_hops in (0, 1):
            self.peace(
                {"rate_limiter": {"enabled": True, "api_rate_limit": {"max_requests": 5, "trust_hops": trust_hops}}}
            )
        proxied = {"proxy_protocol": True, "proxy_protocol_from": ["10.0.0.0/8"]}
        self.peace({"rate_limiter": LIMITER, "listener": proxied, "host": "127.0.0.1"})
        self.peace({"rate_limiter": {"enabled": False}, "host": "127.0.0.1"})

    def test_per_address(self) -> None:
        """A limit of connections for an address that all clients have."""
        listener = {"max_connections_per_address": 100}
        key = "listener.max_connections_per_address"
        self.conflict({"listener": listener, "host": "::1"}, key, "from this machine are not limited")
        self.conflict({"listener": listener, "unix_socket": UNIX}, key, "from this machine are not limited")
        limiter = {"api_rate_limit": {"trust_hops": 1}}
        self.conflict({"listener": listener, "rate_limiter": limiter}, key, "no effect")
        self.peace({"listener": listener})

    def test_sizes(self) -> None:
        """Limits that another one hides."""
        self.conflict({"listener": {"max_header_bytes": 1000}}, "listener.max_header_bytes", "Cookies")
        self.conflict(
            {"websocket": {"max_frame_size": 2000, "max_message_size": 1000}}, "websocket.max_frame_size", "1000 bytes"
        )
        self.peace({"websocket": {"max_message_size": 1000}})
        self.conflict({"websocket": {"max_bytes": 1000}}, "websocket.max_bytes", "102400 bytes")
        self.peace({"websocket": {"max_bytes": None}})
        rate = "max_inbound_messages_per_second"
        self.conflict({"websocket": {rate: 5}}, f"websocket.{rate}", "5 messages")
        self.peace({"websocket": {rate: 50}})
        limits = {"event_limits": {"max_payload_in_kb": 4096}, "websocket": {"max_bytes": None}}
        self.conflict({**limits, "http_api": {"request_limit_in_mb": 3}}, "event_limits.max_payload_in_kb", "3 MiB")
        self.peace({**limits, "http_api": {"request_limit_in_mb": 4}})
        self.peace({**limits, "http_api": {"request_limit_in_mb": 0}})

    def test_times(self) -> None:
        """Times that count as others, or make no sense together."""
        self.conflict({"websocket": {"ping_interval": 10}}, "websocket.ping_interval", "counts as 60")
        self.peace({"websocket": {"ping_interval": 10, "auto_ping": False}})
        self.conflict({"websocket": {"idle_timeout": 100}}, "websocket.idle_timeout", "counts as 155")
        self.peace({"websocket": {"idle_timeout": 0}})
        self.conflict({"activity_timeout": 5}, "activity_timeout", "every few seconds")
        self.conflict({"activity_timeout": 3600}, "activity_timeout", "gone")
        self.peace({"activity_timeout": 30})

    def test_shutdown(self) -> None:
        """A grace period that is over before clients are told, none at all, and one nobody waits for."""
        self.conflict({"shutdown": {"drain_ms": 10000}}, "shutdown.drain_ms", "All 10 seconds")
        self.peace({"shutdown": {"drain_ms": 9999}})
        self.conflict({"shutdown_grace_period": 0}, "shutdown_grace_period", "4200")
        self.conflict({"shutdown_grace_period": 60}, "shutdown_grace_period", "Kubernetes", "info")

    def test_health(self) -> None:
        """A check as long as its probe, and a watchdog that barks at everything."""
        self.conflict({"health_check_timeout_ms": 1000}, "health_check_timeout_ms", "probe", "info")
        self.conflict({"health": {"stall_ms": 50}}, "health.stall_ms", "normal operation")
        self.peace({"health": {"stall_ms": 0}})


class AppTests(AdviceCase):
    """Apps"""

    def test_origins(self) -> None:
        """A pattern no page has is told with the reason."""
        key = "app_manager.array.apps"
        for pattern in ("https://a.com/", "wss://a.com", "https://a.com:443", "*.a.com:8080", "a b.com", "u@a.com"):
            self.assertIsNotNone(idle_pattern(pattern), pattern)
            finding = self.conflict({"apps": [{**APP, "allowed_origins": [pattern]}]}, key, "lets nobody in")
            self.assertEqual(finding.value, f'"{pattern}"')
        for pattern in (
            "https://a.com",
            "a.com",
            "a.com:8080",
            "http://localhost:*",
            "*.a.com",
            "http://[::1]:80801",
            "*",
        ):
            self.assertIsNone(idle_pattern(pattern), pattern)
        self.conflict({"apps": [{**APP, "allowed_origins": ["a.com", "*"]}]}, key, "every page")
        self.conflict({"cors": {"origin": ["https://a.com/x"]}}, "cors.origin", "without `/`")
        self.peace({"cors": {"origin": ["https://a.com"]}})

    def test_secrets(self) -> None:
        """A secret that is public, or can be guessed, is told and not quoted."""
        key = "app_manager.array.apps"
        finding = self.conflict({"apps": [{**APP, "secret": APP["key"]}]}, key, "same as its key")
        self.assertEqual(finding.value, "********")
        self.conflict({"apps": [{**APP, "secret": "short"}], "mode": "production"}, key, "guessed")
        self.peace({"apps": [{**APP, "secret": "eight ch"}], "mode": "production"})
        self.peace({"apps": [{**APP, "secret": "short"}]})

    def test_limits(self) -> None:
        """Events that an app may send and nobody can receive."""
        key = "app_manager.array.apps"
        self.conflict({"apps": [{**APP, "max_event_payload_in_kb": 2048}]}, key, "reach nobody")
        content = {"websocket": {"max_bytes": None}, "apps": [{**APP, "max_event_payload_in_kb": 20480}]}
        self.conflict(content, key, "10 MiB")

    def test_all_off(self) -> None:
        """Apps that are all switched off."""
        self.conflict({"apps": [{**APP, "enabled": False}]}, "app_manager.array.apps", "4003")

    def test_debug(self) -> None:
        """Debug mode in production."""
        app = {**APP, "secret": "x" * 20}
        self.conflict({"debug": True, "mode": "production", "apps": [app]}, "debug", "in production")
        self.peace({"debug": True})


class ClusterTests(AdviceCase):
    """Several nodes. The adapters that connect them are not in this version, so each is refused besides."""

    def beside(self, content: dict[str, Any], path: str, words: str) -> None:
        """This is found, among other things."""
        findings = [finding for finding in self.found(content) if finding.path == path]
        self.assertTrue(any(words in str(finding) for finding in findings), self.found(content))

    def test_memory(self) -> None:
        """What is in the memory of one node while there are others."""
        adapter = {"adapter": {"driver": "redis"}, "rate_limiter": LIMITER}
        self.beside(adapter, "cache.driver", "memory is not shared between nodes")
        self.beside(adapter, "rate_limiter.driver", "a client may ask that often of every node")
        hooked = {**APP, "webhooks": [{"url": "https://h", "event_types": ["cache_miss"]}]}
        self.beside({**adapter, "apps": [hooked]}, "queue.driver", "loses deliveries")
        stored = {**adapter, "app_manager": {"driver": "mysql", "cache": {"ttl": 86400}}}
        self.beside(stored, "app_manager.cache.ttl", "for 86400 seconds")
        self.peace({"cache": {"driver": "none"}})

    def test_addresses(self) -> None:
        """A cluster without nodes, NATS with half a login, SNS without a topic."""
        self.beside({"adapter": {"driver": "redis-cluster"}}, "adapter.cluster.nodes", "names no node")
        nats = {"driver": "nats", "nats": {"username": "u"}}
        self.beside({"adapter": nats}, "adapter.nats.username", "no effect without password")
        self.beside({"queue": {"driver": "sns"}}, "queue.sns.topic_arn", "no topic")

    def test_C32_health(self) -> None:
        """Intervals that make nodes take each other for dead refuse, naming the keys; switched off they do not."""
        content = {"heartbeat_interval_ms": 1000, "node_timeout_ms": 3000, "cleanup_interval_ms": 5000}
        (finding,) = self.found({"adapter": {"cluster_health": content}})
        self.assertEqual((finding.path, finding.refuses), ("adapter.cluster_health.cleanup_interval_ms", True))
        self.assertIn("node_timeout_ms", finding.message)
        content = {"heartbeat_interval_ms": 6000}
        (finding,) = self.found({"adapter": {"cluster_health": content}})
        self.assertEqual((finding.path, finding.refuses), ("adapter.cluster_health.heartbeat_interval_ms", True))
        self.peace({"adapter": {"cluster_health": {**content, "enabled": False}}})

    def test_pools(self) -> None:
        """A minimum above the maximum is told, for all databases or for one."""
        self.conflict({"database_pooling": {"min": 20}}, "database_pooling.min", "10 is used for both")
        self.conflict({"database": {"mysql": {"pool_max": 1}}}, "database.mysql.pool_min", "1 is used for both")
        self.peace({"database_pooling": {"enabled": False, "min": 20}})

    def test_queue(self) -> None:
        """Webhooks that are switched off although apps have some."""
        hooked = {**APP, "webhooks": [{"url": "https://h", "event_types": ["cache_miss"]}]}
        self.beside({"queue": {"driver": "none"}, "apps": [hooked]}, "queue.driver", "no webhook is sent")
