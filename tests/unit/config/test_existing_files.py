"""Files and environments in the shapes people have: those of the reference's examples, its chart and its compose files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sockudo_tx.config.load import Loaded, load, survey
from sockudo_tx.config.pages.jsonschema import json_schema

from .cases import strangers

FIXTURES = Path(__file__).parent / "fixtures"
NOT_AVAILABLE = "is not available in this version"


def surveyed(name: str, **environ: str) -> Loaded:
    """What comes of a fixture as the named file."""
    return survey(name, environ, "/here", read=lambda _: (FIXTURES / name).read_bytes())


@pytest.mark.parametrize(
    ("name", "drivers", "apps"),
    [
        ("shipped.json", ("local", "memory", "memory", "memory"), ["shop"]),
        ("node-redis.json", ("redis", "memory", "memory", "memory"), ["chat"]),
        ("node-cache.json", ("redis", "redis", "memory", "memory"), ["chat"]),
        ("delta-redis.json", ("redis", "memory", "memory", "memory"), ["ticker"]),
        ("delta-nats.json", ("nats", "memory", "memory", "memory"), ["ticker"]),
        ("delta-local.json", ("local", "memory", "memory", "memory"), ["tests"]),
        ("helm.json", ("local", "memory", "memory", "memory"), []),
    ],
)
def test_C11_example_files(name: str, drivers: tuple[str, ...], apps: list[str]) -> None:
    """Each file is read whole, with its drivers and its apps; what stops the start names a driver or the intervals."""
    loaded = surveyed(name)
    config = loaded.config
    found = (config.adapter.driver, config.cache.driver, config.queue.driver, config.app_manager.driver)
    assert found == drivers
    assert [app.id for app in loaded.apps] == apps
    for finding in loaded.findings:
        if finding.refuses:
            intervals = finding.path == "adapter.cluster_health.cleanup_interval_ms"  # decisions.md 20
            assert NOT_AVAILABLE in finding.message or intervals, finding
    assert all("app_manager.cache.prefix" in str(each) for each in loaded.findings if "unknown" in each.message)


@pytest.mark.parametrize("name", ["shipped.json", "delta-local.json", "helm.json"])
def test_single_server_files_start(name: str) -> None:
    """The files of a single server start as they are."""
    load(name, {}, "/here", read=lambda _: (FIXTURES / name).read_bytes())


def test_odd_places() -> None:
    """Keys that older files write in another place mean what they mean in their own."""
    config = surveyed("delta-nats.json").config
    assert config.adapter.nats.servers == ("nats://127.0.0.1:4222",)
    assert config.adapter.nats.prefix == "sockudo"
    assert config.metrics.prometheus.prefix == "sockudo_"
    assert config.tag_filtering.enable_tags
    (app,) = config.app_manager.array.apps
    assert (app.max_client_events_per_second, app.max_read_requests_per_second) == (20, 60)
    assert surveyed("helm.json").config.websocket_max_payload_kb == 64


def test_without_other_servers() -> None:
    """Variables that choose the drivers of a single server make a node's file start."""
    environ = {"ADAPTER_DRIVER": "local", "CACHE_DRIVER": "memory", "RATE_LIMITER_ENABLED": "false"}
    assert not surveyed("node-redis.json", **environ).refused
    assert not surveyed("node-cache.json", **environ).refused


def test_nothing_is_lost_in_silence() -> None:
    """A driver that this version does not have stops the start, one by one, and a section of it alone does not."""
    for name, paths in (
        ("node-redis.json", {"adapter.driver", "rate_limiter.driver"}),
        ("node-cache.json", {"adapter.driver", "cache.driver"}),
    ):
        refused = {finding.path for finding in surveyed(name).findings if finding.refuses}
        assert refused == paths
    for finding in surveyed("node-redis.json").findings:
        assert "no-such-password" not in str(finding)


def test_compose_environment() -> None:
    """A compose file's environment is understood: variables nobody reads do nothing, and empty ones neither."""
    environ = {
        "DEBUG": "true",
        "ADAPTER_DRIVER": "redis-cluster",
        "REDIS_CLUSTER_NODES": "redis://r1:7001,redis://r2:7002",
        "ADAPTER_PREFIX": "x:",
        "ADAPTER_REQUEST_TIMEOUT": "3000",
        "PORT": "6002",
        "METRICS_PORT": "9602",
        "CACHE_DRIVER": "memory",
        "TAG_FILTERING_ENABLED": "true",
        "DATABASE_REDIS_PASSWORD": "",
        "CONFIG_FILE": "/nowhere.json",
        "LOG_LEVEL": "info",
        "SOCKUDO_DEFAULT_APP_ID": "t",
        "SOCKUDO_DEFAULT_APP_KEY": "tk",
        "SOCKUDO_DEFAULT_APP_SECRET": "ts",
    }

    def missing(name: str) -> bytes:
        raise FileNotFoundError(name)

    loaded = survey(None, environ, "/here", read=missing)
    assert [finding.path for finding in loaded.findings if finding.refuses] == ["adapter.driver"]
    assert loaded.config.adapter.cluster.nodes == ("redis://r1:7001", "redis://r2:7002")
    assert (loaded.config.port, loaded.config.metrics.port, loaded.config.debug) == (6002, 9602, True)
    assert [app.id for app in loaded.apps] == ["t"]


def test_schema_knows_them() -> None:
    """An editor finds nothing unknown in them but what the server finds too."""
    strange = {
        path
        for file in FIXTURES.glob("*.json")
        for path in strangers(json.loads(file.read_text(encoding="utf-8")), json_schema())
    }
    moved = {".nats", ".metrics.prefix", ".websocket.max_payload_kb"}
    assert strange == {".app_manager.cache.prefix"} | moved
