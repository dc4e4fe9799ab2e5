"""Origin."""

from __future__ import annotations

import json
import pathlib
import tempfile

from sockudo_tx.config.apps import parse_app
from sockudo_tx.config.load import ConfigError, load

from .case import ProtocolCase


class OriginTests(ProtocolCase):
    """`allowed_origins` decides after the upgrade and before `connection_established`."""

    def passes(self, origin: str | None) -> bool:
        """Whether a page of this origin is let in; a refusal is always the same."""
        client = self.server.connect(origin=origin)
        if client.closed is None:
            return bool(client.established)
        self.assertClosed(client, 4009, "Origin not allowed")
        return False

    def test_P17_equal(self) -> None:
        """Given `allowed_origins` [`https://a.com`] and `Origin: https://a.com`, then established."""
        self.serve(allowed_origins=("https://a.com",))
        self.assertTrue(self.passes("https://a.com"))

    def test_P18_case(self) -> None:
        """Given 17 and `Origin: HTTPS://A.COM`, then established."""
        self.serve(allowed_origins=("https://a.com",))
        self.assertTrue(self.passes("HTTPS://A.COM"))

    def test_P19_other_scheme(self) -> None:
        """Given 17 and `Origin: http://a.com`, then E(4009,`Origin not allowed`) and Close 4009."""
        self.serve(allowed_origins=("https://a.com",))
        self.assertFalse(self.passes("http://a.com"))

    def test_P20_missing(self) -> None:
        """Given 17 and no Origin header, then the same rejection."""
        self.serve(allowed_origins=("https://a.com",))
        self.assertFalse(self.passes(None))

    def test_P21_star(self) -> None:
        """Given [`*`] and no Origin header, then established."""
        self.serve(allowed_origins=("*",))
        self.assertTrue(self.passes(None))
        self.assertTrue(self.passes("null"))

    def test_P22_subdomains(self) -> None:
        """Given [`*.a.com`], then `https://x.a.com`, `https://x.y.a.com` and `https://a.com` pass,
        `https://a.com.evil.org` and `https://x.a.com:8443` fail."""
        self.serve(allowed_origins=("*.a.com",))
        for origin in ("https://x.a.com", "https://x.y.a.com", "https://a.com"):
            self.assertTrue(self.passes(origin), origin)
        for origin in ("https://a.com.evil.org", "https://x.a.com:8443", "https://xa.com"):
            self.assertFalse(self.passes(origin), origin)

    def test_P23_host_alone(self) -> None:
        """Given [`a.com`], then `http://a.com` and `https://a.com` pass, `https://a.com:444` fails."""
        self.serve(allowed_origins=("a.com",))
        self.assertTrue(self.passes("http://a.com"))
        self.assertTrue(self.passes("https://a.com"))
        self.assertFalse(self.passes("https://a.com:444"))

    def test_P24_scheme_and_subdomain(self) -> None:
        """Given [`https://*.a.com`], then `https://x.a.com` passes and `http://x.a.com` fails."""
        self.serve(allowed_origins=("https://*.a.com",))
        self.assertTrue(self.passes("https://x.a.com"))
        self.assertFalse(self.passes("http://x.a.com"))

    def test_P25_bad_patterns(self) -> None:
        """Given an app with pattern `*.*.com` or an empty pattern, then configuration loading fails."""
        for pattern in ("*.*.com", "", "*.", "*.a..com", "://a.com", "https://"):
            with self.assertRaises(ValueError) as refusal:
                parse_app({"id": "app", "key": "key", "secret": "secret", "allowed_origins": [pattern]})
            self.assertIn("origin pattern", str(refusal.exception))
        good = parse_app({"id": "app", "key": "key", "secret": "secret", "allowed_origins": ["*.a.com"]})
        self.assertEqual(good.allowed_origins, ("*.a.com",))

    def test_P25_in_a_file(self) -> None:
        """Of a whole file such an app alone is refused, with an error that names it; alone, it refuses the start."""
        apps = [{"id": name, "key": name, "secret": name, "allowed_origins": [f"*.{name}.com"]} for name in ("*", "b")]
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "config.json"
            path.write_text(json.dumps({"app_manager": {"array": {"apps": apps}}}))
            loaded = load(str(path), {}, folder, False)
            path.write_text(json.dumps({"app_manager": {"array": {"apps": apps[:1]}}}))
            self.assertRaises(ConfigError, load, str(path), {}, folder, False)
        self.assertEqual([app.id for app in loaded.apps], ["b"])
        errors = [finding.path for finding in loaded.findings if finding.severity == "error"]
        self.assertEqual(errors, ["app_manager.array.apps[0].allowed_origins"])
