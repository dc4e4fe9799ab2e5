"""Values that mean something else than they seem to are told once, and work."""

from __future__ import annotations

from sockudo_tx.config.load import survey

from .cases import APP, ConfigCase, as_bytes, texts


class MeaningTests(ConfigCase):
    """`advice.meanings`"""

    def test_limiter_none(self) -> None:
        """`rate_limiter.driver: none` limits all the same, and says so; switched off there is nothing to say."""
        limit = {"max_requests": 500, "trust_hops": 0}
        content = {"apps": [APP], "rate_limiter": {"enabled": True, "driver": "none", "api_rate_limit": limit}}
        (warning,) = texts(self.default(content), "warning")
        self.assertIn("none limits like memory", warning)
        self.assertEqual(texts(self.default(content, RATE_LIMITER_ENABLED="0"), "warning"), [])

    def test_state(self) -> None:
        """`adapter.state` is accepted with a warning."""
        (warning,) = texts(self.default({"apps": [APP], "adapter": {"state": "Peer"}}), "warning")
        self.assertIn("adapter.state: has no effect", warning)
        self.assertEqual(texts(self.default({"apps": [APP], "adapter": {"state": "auto"}}), "warning"), [])

    def test_cluster_mode(self) -> None:
        """The switch that Sockudo ignores is told to count."""
        content = {"apps": [APP], "adapter": {"driver": "redis", "redis": {"cluster_mode": True}}}
        found = survey(None, {}, "/here", read=lambda _: as_bytes(content)).findings
        self.assertTrue([finding for finding in found if finding.path == "adapter.redis.cluster_mode"])
