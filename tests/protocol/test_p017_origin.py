"""Origin."""

from __future__ import annotations

import json
import pathlib
import tempfile

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
        app = {"id": "app", "key": "key", "secret": "secret"}
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "config.json"
            for pattern, good in (("*.*.com", False), ("", False), ("*.a.com", True)):
                apps = [{**app, "allowed_origins": [pattern]}]
                path.write_text(json.dumps({"app_manager": {"driver": "memory", "array": {"apps": apps}}}))
                if good:
                    loaded = load(str(path), {}, folder, False)
                    self.assertEqual([app.allowed_origins for app in loaded.apps], [(pattern,)])
                else:
                    self.assertRaises(ConfigError, load, str(path), {}, folder, False)
