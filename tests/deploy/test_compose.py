"""The Compose files: read as Compose reads them, and their settings as the server reads them."""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from tests.integration.launch import ROOT, SOCKUDO, environment

FILES = {
    "single": ROOT / "docker-compose.yml",
    "multinode": ROOT / "deploy" / "compose" / "multinode.yml",
    "unix-socket": ROOT / "deploy" / "compose" / "unix-socket.yml",
}
# Variables of the container, not of the server.
OTHERS = {"HEALTHCHECK_PATH", "LOG_OUTPUT_FORMAT", "RUST_LOG"}


def interpolated(text: str) -> str:
    """`${NAME:-default}` as Compose reads it when nothing is set."""
    return re.sub(r"\$\{\w+(?::-([^}]*))?\}", lambda found: found[1] or "", text)


def load(name: str) -> dict[str, Any]:
    """A file's content, anchors resolved."""
    found: dict[str, Any] = yaml.safe_load(interpolated(FILES[name].read_text()))
    return found


def servers(name: str) -> Iterator[dict[str, Any]]:
    """The services that are ours."""
    for service in load(name)["services"].values():
        if service["image"].startswith("sockudo-tx"):
            yield service


@pytest.mark.parametrize("name", FILES)
def test_specification(name: str) -> None:
    """Each file is what the Compose specification allows, and nothing in it refers to what is not there."""
    content = load(name)
    short = dict(content, services={key: dict(value) for key, value in content["services"].items()})
    for service in short["services"].values():
        # The library knows the list of names only; the long form is younger.
        if "env_file" in service:
            service["env_file"] = [row["path"] for row in service["env_file"]]
    PyCompose.from_yaml(yaml.safe_dump(short, sort_keys=False))
    volumes = set(content.get("volumes", {}))
    for key, service in content["services"].items():
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            if not source.startswith("."):
                assert source in volumes, f"{key}: {mount}"
            elif not source.endswith("/ssl"):  # `make generate-ssl` makes that one
                assert (FILES[name].parent / source).exists(), f"{key}: {mount}"
        for other in service.get("depends_on", ()):
            assert other in content["services"], f"{key} depends on {other}"


@pytest.mark.parametrize("name", FILES)
def test_hardening(name: str) -> None:
    """Our containers have no capabilities, no writable root, files enough, and time enough to say goodbye."""
    for service in servers(name):
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
        assert service["ulimits"]["nofile"]["hard"] >= 65536
        assert int(service["stop_grace_period"].removesuffix("s")) > 10
        assert "@" not in json.dumps(service["environment"]), "a credential"


def checked(tmp_path: Path, service: dict[str, Any]) -> tuple[int, str]:
    """What `check-config` says of a container's settings, with the image's file."""
    settings = {name: str(value) for name, value in service["environment"].items()}
    program, option, file = service["command"]
    assert (program, option) == ("sockudo", "--config")
    done = subprocess.run(
        [SOCKUDO, "check-config", "--offline", "--strict", "--json", "-c", file.replace("/app/", f"{ROOT}/")],
        cwd=tmp_path,
        env={**environment(), **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["single", "unix-socket"])
def test_settings(name: str, tmp_path: Path) -> None:
    """The server takes the settings of a file that starts in this version, and makes the demo app of them."""
    (service,) = servers(name)
    status, text = checked(tmp_path, service)
    assert status == 0, text
    assert "demo-app" in text


def test_trusted_proxies() -> None:
    """Behind nginx one proxy is trusted and only the app of the variables exists; that is what production.json is for."""
    for name in ("multinode", "unix-socket"):
        for service in servers(name):
            assert service["command"][-1] == "/app/config/production.json"
    told = json.loads((ROOT / "config" / "production.json").read_text())
    limits = told["rate_limiter"]
    assert [limits[limit]["trust_hops"] for limit in ("api_rate_limit", "websocket_rate_limit")] == [1, 1]
    assert "app_manager" not in told


def test_multinode_is_refused_clearly(tmp_path: Path) -> None:
    """What the multi-node file asks for is refused with the key, the value and the cure; its header says so."""
    for service in servers("multinode"):
        status, text = checked(tmp_path, service)
        assert status == 1, text
        assert "adapter.driver" in text
        assert "not available in this version" in text
    assert "NOT YET" in FILES["multinode"].read_text().partition("services:")[0]


def test_every_variable_is_read() -> None:
    """No file sets a variable that nobody reads."""
    reference = (ROOT / "docs" / "configuration.md").read_text()
    for name in FILES:
        for service in servers(name):
            for variable in service["environment"]:
                assert (
                    variable in OTHERS or f"`{variable}`" in reference or variable.startswith("SOCKUDO_DEFAULT_APP_")
                ), variable


def test_monitoring() -> None:
    """Prometheus and Grafana of the `monitoring` profile find the server, each other, the rules and the dashboard."""
    services = load("single")["services"]
    own = yaml.safe_load((FILES["single"].parent / "deploy/compose/prometheus.yml").read_text())
    shipped = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    assert own["scrape_configs"][0]["static_configs"] == [{"targets": ["sockudo:9601"]}]
    own["scrape_configs"][0]["static_configs"] = shipped["scrape_configs"][0]["static_configs"]
    assert own == shipped, "they differ in the target only"
    folder = ROOT / "deploy" / "compose" / "grafana"
    (source,) = yaml.safe_load((folder / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((folder / "dashboards" / "sockudo.yml").read_text())["providers"]
    mounts = dict(mount.removesuffix(":ro").split(":") for mount in services["grafana"]["volumes"])
    assert mounts["./deploy/grafana"] == provider["options"]["path"]
    dashboard = (ROOT / "deploy" / "grafana" / "dashboard.json").read_text()
    for uid in set(re.findall(r'"datasource":\s*\{[^}]*"uid":\s*"([^"]+)"', dashboard)):
        assert uid == source["uid"] or uid.startswith("$") or uid == "-- Grafana --", uid


def test_make_up() -> None:
    """`make up`, `down`, `logs` and `unix-socket-up` come to these files."""
    done = subprocess.run(
        ["make", "--dry-run", "up", "down", "logs", "unix-socket-up", "unix-socket-down", "unix-socket-test"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "docker compose up --build --detach --wait" in done.stdout
    assert "docker compose -f deploy/compose/unix-socket.yml up --build --detach --wait" in done.stdout


def test_generate_ssl(tmp_path: Path) -> None:
    """`make generate-ssl` makes a pair that a TLS server can use, for localhost, and leaves an existing one alone."""
    command = ["make", "--silent", "generate-ssl", f"SSL={tmp_path}"]
    subprocess.run(command, cwd=ROOT, env=environment(), check=True, capture_output=True)
    certificate = tmp_path / "fullchain.pem"
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, tmp_path / "privkey.pem")
    assert os.access(tmp_path / "privkey.pem", os.R_OK)
    before = certificate.read_bytes()
    subprocess.run(command, cwd=ROOT, env=environment(), check=True, capture_output=True)
    assert certificate.read_bytes() == before
