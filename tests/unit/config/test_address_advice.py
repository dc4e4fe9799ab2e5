"""Redis addresses that are none are told, once for what wrote them, and no password in them is shown."""

from __future__ import annotations

from sockudo_tx.config.effective import effective
from sockudo_tx.config.findings import Finding
from sockudo_tx.config.masks import without_password

from .cases import APP, DEFAULT, ConfigCase

BAD = (
    "hunter2:6379",
    "http://u:hunter2@h",
    "redis//:hunter2@h",
    "redis://:hunter2@h:99999",
    "rediss://:hun/ter2@h:1",
    "redis://h:x?password=hunter2",
    "redis+sentinel://:hunter2@h",
)


class AddressTests(ConfigCase):
    """`redis://`, `rediss://` and `redis+sentinel://` addresses, seeds of clusters"""

    def told(self, content: dict[str, object], **environ: str) -> list[Finding]:
        """What is found about addresses."""
        findings = self.survey({DEFAULT: {"apps": [APP], **content}}, environ)
        return [finding for finding in findings if "is not a Redis address" in finding.message]

    def test_variable(self) -> None:
        """`REDIS_URL` sets five keys and is told once: a warning while nobody uses it, and otherwise a refusal."""
        for url in BAD:
            (finding,) = self.told({}, REDIS_URL=url)
            self.assertEqual((finding.source, finding.refuses), ("environment REDIS_URL", False))
            self.assertTrue(finding.value and finding.cause and finding.cure)
            (finding, *_) = self.told({"adapter": {"driver": "redis"}}, REDIS_URL=url)
            self.assertTrue(finding.refuses, url)

    def test_lists(self) -> None:
        """Seeds too, in every place, wherever they come from."""
        for seed in ("h:99999", "h:x", "http://h", "[::1", "redis://"):
            (finding,) = self.told({}, REDIS_CLUSTER_NODES=seed)
            self.assertEqual(finding.source, "environment REDIS_CLUSTER_NODES")
        nodes = {"database": {"redis": {"cluster": {"nodes": [{"host": "h:x"}]}, "cluster_nodes": [{"host": "h:y"}]}}}
        self.assertEqual(len(self.told(nodes)), 2)
        self.assertEqual(len(self.told({"queue": {"redis_cluster": {"nodes": ["ftp://h"]}}})), 1)

    def test_good_ones(self) -> None:
        """Every form of configuration.md 2.16 is left in peace."""
        for url in ("redis://h", "rediss://u:p@[::1]:7/3", "redis+sentinel://:a@h:1,h:2/name/0?password=b"):
            self.assertEqual(self.told({}, REDIS_URL=url), [])
        self.assertEqual(self.told({}, REDIS_CLUSTER_NODES="h, h:7005, [::1]:7000, ::1, rediss://u:p@h:1,, "), [])

    def test_masked(self) -> None:
        """However wrong an address is, its password is in no finding and not in the effective configuration."""
        for url in BAD[1:]:
            app = {**APP, "id": "b", "key": "l", "max_connections": url, "enabled": url}
            content = {"apps": [APP, app], "cache": {"redis": {"url_override": url}}, "mode": url}
            loaded = self.default(content, REDIS_URL=url, NATS_SERVERS=url)
            shown = repr(effective(loaded.config)) + repr(loaded.findings)
            self.assertNotIn("hunter2", shown)
            self.assertNotIn("ter2", shown)
        for text, meant in (
            ("redis+sentinel://:a@h/n?password=b&username=c", "redis+sentinel://********@h/n?password=********&username=c"),
            ("u:p@h:1", "********@h:1"),
            ("https://h/a?b=c", "https://h/a?b=c"),
            ("a@b", "a@b"),
        ):  # fmt: skip
            self.assertEqual(without_password(text), meant)
