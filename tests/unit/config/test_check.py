"""What must hold of the whole configuration, and what follows from it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sockudo_tx.config.schema import Config
from sockudo_tx.protocol.app import LimitDefaults

from .cases import APP, DEFAULT, ConfigCase, texts


class CheckTests(ConfigCase):
    """Rules and consequences"""

    def test_P15_activity_timeout(self) -> None:
        """An activity timeout of 0 stops the start, from either place; a variable may put a file's right."""
        self.assertEqual(self.refused_file({"activity_timeout": 0}), ["activity_timeout"])
        (finding,) = self.refused({}, {"ACTIVITY_TIMEOUT": "0"})
        self.assertEqual(finding.source, "environment ACTIVITY_TIMEOUT")
        self.assertEqual(self.default({"activity_timeout": 0}, ACTIVITY_TIMEOUT="30").config.activity_timeout, 30)

    def test_cleanup(self) -> None:
        """Clean-up settings of 0 stop the start."""
        content = {"cleanup": {"queue_buffer_size": 0, "batch_size": 0, "batch_timeout_ms": 0, "worker_threads": 0}}
        self.assertEqual(len(self.refused_file(content)), 4)

    def test_empty_host(self) -> None:
        """An empty host in the file stops the start."""
        self.assertEqual(self.refused_file({"host": ""}), ["host"])

    def test_path_prefix(self) -> None:
        """The prefix begins with one slash and does not end with one."""
        for written, meant in (("/", "/"), ("", "/"), ("ws", "/ws"), ("/ws/", "/ws"), ("//a/b//", "/a/b")):
            self.assertEqual(self.default({"path_prefix": written}).config.path_prefix, meant)

    def test_message_limit(self) -> None:
        """The old payload limit counts only when it is set, and never raises the other one."""
        self.assertEqual(Config().message_limit, 64 * 1024 * 1024)
        self.assertEqual(self.default({"websocket_max_payload_kb": 64}).config.message_limit, 64 * 1024)
        self.assertEqual(self.variables(WEBSOCKET_MAX_PAYLOAD_KB="1").config.message_limit, 1024)
        both = {"websocket_max_payload_kb": 64, "websocket": {"max_message_size": 100}}
        self.assertEqual(self.default(both).config.message_limit, 100)

    def test_limit_defaults(self) -> None:
        """The global limits are those of apps that set none; built-in ones are the protocol's."""
        self.assertEqual(Config().limit_defaults, LimitDefaults())
        config = self.default(
            {"event_limits": {"max_batch_size": 3}, "presence": {"max_members_per_channel": 4}}
        ).config
        limits = config.limit_defaults
        self.assertEqual((limits.max_event_batch_size, limits.max_presence_members_per_channel), (3, 4))


class SslTests(ConfigCase):
    """`ssl`"""

    def test_C84_without_paths(self) -> None:
        """TLS switched on without both paths is an error and plain HTTP; strict, it stops the start."""
        for ssl, missing in (
            ({"enabled": True}, "cert_path and key_path"),
            ({"enabled": True, "cert_path": "a"}, "key_path"),
            ({"enabled": True, "key_path": "a"}, "cert_path"),
        ):
            content = {"apps": [APP], "ssl": ssl}
            loaded = self.default(content)
            (error,) = texts(loaded, "error")
            self.assertIn(f"ssl.enabled: is on without {missing}, so connections are not encrypted", error)
            self.assertIn("SSL_CERT_PATH", error)
            self.assertFalse(loaded.config.ssl.enabled)
            (finding,) = self.refused({"config/config.json": content}, strict=True)
            self.assertEqual(finding.path, "ssl.enabled")

    def test_with_paths(self) -> None:
        """From the file or the environment."""
        loaded = self.variables(SSL_ENABLED="on", SSL_CERT_PATH="a.crt", SSL_KEY_PATH="a.key")
        self.assertEqual(texts(loaded, "error"), [])
        self.assertTrue(loaded.config.ssl.enabled)


class CorsTests(ConfigCase):
    """`cors`"""

    def test_credentials_with_everyone(self) -> None:
        """Credentials are off when every origin is allowed, told unless that is merely the built-in state."""
        plain = self.variables()
        self.assertFalse(plain.config.cors.credentials)
        self.assertEqual(texts(plain, "warning"), [])
        for origins in (["any"], ["ANY"], ["*"]):
            loaded = self.default({"apps": [APP], "cors": {"origin": origins, "methods": ["GET"]}})
            self.assertFalse(loaded.config.cors.credentials)
            self.assertEqual(len(texts(loaded, "warning")), 1, origins)

    def test_others_beside_everyone(self) -> None:
        """Other origins beside `*` are told to mean nothing."""
        loaded = self.default({"apps": [APP], "cors": {"origin": ["*", "a.com"], "credentials": False}})
        self.assertIn("mean nothing", texts(loaded, "warning")[0])

    def test_nobody(self) -> None:
        """An empty list is told, and credentials are off."""
        loaded = self.default({"apps": [APP], "cors": {"origin": []}})
        self.assertFalse(loaded.config.cors.credentials)
        self.assertIn("is empty", texts(loaded, "warning")[0])

    def test_some(self) -> None:
        """With a list of origins credentials are as configured."""
        self.assertTrue(self.variables(CORS_ORIGINS="https://a.com").config.cors.credentials)
        self.assertFalse(self.variables(CORS_ORIGINS="https://a.com", CORS_CREDENTIALS="0").config.cors.credentials)

    def test_illegal_names(self) -> None:
        """A method or header that HTTP does not allow, or a bad pattern, stops the start."""
        content = {"cors": {"methods": ["GET", "G T"], "allowed_headers": ["X:"], "origin": ["*.*.com"]}}
        self.assertEqual(self.refused_file(content), ["cors.origin", "cors.methods", "cors.allowed_headers"])
        self.assertEqual(len(self.survey({DEFAULT: {"apps": [APP]}}, {"CORS_METHODS": "GET;POST"})), 1)

    def test_passwords(self) -> None:
        """An address in the wrong place is quoted without its password."""
        address = "redis://me:hunter2@h\u00e9"
        for where in (
            {"cors": {"methods": [address]}},
            {"cors": {"origin": [address]}},
            {"listener": {"proxy_protocol_from": [address]}},
        ):
            text = str(self.refused({"config/config.json": where}))
            self.assertIn("holds ", text)
            self.assertNotIn("hunter2", text)

    def test_unsendable_origins(self) -> None:
        """An origin that cannot stand in a header stops the start."""
        for origin in ("https://a\nb", "https://a\tb", "https://münchen.example", "https://\x7f"):
            self.assertEqual(self.refused_file({"cors": {"origin": ["https://a.com", origin]}}), ["cors.origin"])

    @given(st.lists(st.text(max_size=8), max_size=3))
    def test_only_tokens(self, names: list[str]) -> None:
        """What starts has nothing in its header lists that could break a response."""
        content = {"apps": [APP], "cors": {"methods": names, "allowed_headers": names}}
        if any(set(name) & set("\r\n:, \x00") or not name.isascii() or not name for name in names):
            self.refused({"config/config.json": content})
