"""The Helm chart: rendered by Helm itself, its manifests held against Kubernetes' schemas, its settings against ours."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import helm_python as helm
import kubernetes_validate
import pytest
import yaml

from sockudo_tx._version import __version__
from tests.integration.launch import ROOT, SOCKUDO, environment

CHART = ROOT / "deploy" / "helm" / "sockudo"
# Kubernetes as old as Chart.yaml allows, and a recent one.
KUBERNETES = ("1.25", "1.34")
# No schema of Kubernetes' own.
FOREIGN = ("ServiceMonitor",)
APP = {"id": "app", "key": "key", "secret": "hush-hush"}
EVERYTHING: dict[str, Any] = {
    "replicaCount": 2,
    "config": {"adapterDriver": "redis", "proxyProtocol": True, "ssl": {"enabled": True, "secretName": "tls"}},
    "apps": [APP],
    "defaultApp": {"enabled": True, "id": "default", "key": "default-key", "secret": "default-hush"},
    "redis": {"host": "redis", "username": "me", "password": "redis-hush"},
    "redisCluster": {"nodes": "a:7000,b:7000", "password": "cluster-hush"},
    "database": {
        "mysql": {"host": "mysql", "username": "me", "password": "sql-hush"},
        "postgres": {"host": "postgres", "username": "me", "password": "sql-hush"},
    },
    "nats": {"servers": "nats://nats:4222", "username": "me", "password": "nats-hush", "token": "nats-hush"},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}, "namespace": "monitoring"},
    "ingress": {"enabled": True, "className": "nginx", "tls": [{"secretName": "tls", "hosts": ["sockudo.local"]}]},
    "wsIngress": {"enabled": True, "hosts": [{"host": "ws.local", "paths": [{"path": "/app"}]}]},
    "autoscaling": {"enabled": True},
    "pdb": {"enabled": True},
    "networkPolicy": {
        "enabled": True,
        "from": [{"namespaceSelector": {"matchLabels": {"name": "ingress"}}}],
        "egress": [{"ports": [{"port": 443, "protocol": "TCP"}]}],
    },
    "podAnnotations": {"a": "b"},
    "podLabels": {"c": "d"},
    "imagePullSecrets": [{"name": "pull"}],
    "priorityClassName": "high",
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "x", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}},
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {}}
    ],
    "initContainers": [{"name": "wait", "image": "busybox"}],
    "extraContainers": [{"name": "beside", "image": "busybox"}],
    "extraVolumes": [{"name": "more", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    "extraEnv": [{"name": "RUST_LOG", "value": "debug"}],
    "extraEnvFrom": [{"secretRef": {"name": "more"}}],
    "lifecycle": {"preStop": {"exec": {"command": ["sleep", "1"]}}},
}


def render(values: dict[str, Any] | None = None) -> dict[tuple[str, str], Any]:
    """The manifests by kind and name."""
    found: dict[tuple[str, str], Any] = {}
    with helm.Chart.load(CHART) as chart:
        chart.validate_schema(values or {})
        for name, text in chart.render(values or {}, name="demo", namespace="prod").items():
            if name.endswith(".yaml"):
                for manifest in yaml.safe_load_all(text):
                    if manifest:
                        key = (manifest["kind"], manifest["metadata"]["name"])
                        assert key not in found, key
                        found[key] = manifest
    return found


def container(manifests: dict[tuple[str, str], Any]) -> dict[str, Any]:
    """The server's container."""
    found = manifests["Deployment", "demo-sockudo"]["spec"]["template"]["spec"]["containers"][0]
    return dict(found)


def config_file(manifests: dict[tuple[str, str], Any]) -> str:
    """The config.json that is mounted, wherever it is kept."""
    if ("ConfigMap", "demo-sockudo") in manifests:
        return str(manifests["ConfigMap", "demo-sockudo"]["data"]["config.json"])
    return base64.b64decode(manifests["Secret", "demo-sockudo-config"]["data"]["config.json"]).decode()


def checked(manifests: dict[tuple[str, str], Any], folder: Path) -> tuple[int, str]:
    """What the server's own check says of the rendered file and variables."""
    (folder / "config.json").write_text(config_file(manifests))
    variables = {row["name"]: row.get("value", "from-a-secret") for row in container(manifests)["env"]}
    done = subprocess.run(
        [SOCKUDO, "check-config", "--strict", "--offline", "--json", "-c", "config.json"],
        cwd=folder,
        env={**environment(), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_lint() -> None:
    """`helm lint --strict` wishes for an icon and finds nothing else; version and image tag are the server's."""
    found = helm.lint(str(CHART), strict=True)
    assert found["errors"] == []
    assert [row["error"] for row in found["messages"]] == ["icon is recommended"]
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == __version__


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["default", "everything"])
def test_manifests(version: str, values: dict[str, Any]) -> None:
    """Every manifest is what Kubernetes accepts, without an unknown key, by default and with everything on."""
    manifests = render(values)
    for (kind, _), manifest in manifests.items():
        if kind not in FOREIGN:
            kubernetes_validate.validate(manifest, version, strict=True)
    kinds = {"Deployment", "Service", "ServiceAccount", "Pod"}
    more = {"Secret", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Ingress", "NetworkPolicy", "ServiceMonitor"}
    assert {kind for kind, _ in manifests} == (kinds | more if values else kinds | {"ConfigMap"})


def test_C95_pod() -> None:
    """The container starts as the image does, as uid 1000 without privileges on a read-only root, with /tmp and
    /app/logs to write to, and has longer to leave than the server may take.
    """
    manifests = render()
    pod = manifests["Deployment", "demo-sockudo"]["spec"]["template"]["spec"]
    server = container(manifests)
    assert [*server["command"], *server["args"]] == ["/usr/local/bin/sockudo", "--config", "/app/config/config.json"]
    assert server["securityContext"]["readOnlyRootFilesystem"] is True
    assert server["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] == 1000
    writable = {mount["mountPath"] for mount in server["volumeMounts"] if not mount.get("readOnly")}
    assert writable == {"/tmp", "/app/logs"}
    told = json.loads(config_file(manifests))
    leave = told["shutdown_grace_period"] + told["shutdown"]["drain_ms"] / 1000
    assert pod["terminationGracePeriodSeconds"] > leave
    ready = server["readinessProbe"]
    assert ready["periodSeconds"] * ready["failureThreshold"] * 1000 < told["shutdown"]["drain_ms"]
    paths = [server[f"{probe}Probe"]["httpGet"]["path"] for probe in ("liveness", "readiness", "startup")]
    assert paths == ["/live", "/ready", "/ready"]


def test_settings(tmp_path: Path) -> None:
    """The server takes the rendered file and variables, strictly: no unknown key, no wrong type, no conflict."""
    status, text = checked(render({"apps": [APP]}), tmp_path)
    assert status == 0, text


def test_settings_of_a_cluster(tmp_path: Path) -> None:
    """With everything on it says which drivers this version has not, and nothing else is wrong."""
    manifests = render({**EVERYTHING, "config": {"adapterDriver": "redis", "proxyProtocol": True}})
    status, text = checked(manifests, tmp_path)
    assert status == 1
    errors = [row for row in json.loads(text)["findings"] if row["severity"] == "error"]
    assert [row["path"] for row in errors] == ["adapter.driver"], errors


def test_variables_exist() -> None:
    """Every variable of the chart is one that the server reads."""
    reference = (ROOT / "docs" / "configuration.md").read_text()
    for row in container(render(EVERYTHING))["env"]:
        name = row["name"]
        assert (
            name in ("LOG_OUTPUT_FORMAT", "RUST_LOG")
            or name.startswith(("SOCKUDO_DEFAULT_APP_", "SOCKUDO_ENABLE_"))
            or f"`{name}`" in reference
        ), name


def test_secrets() -> None:
    """No secret stands anywhere but in a Secret."""
    for (kind, name), manifest in render(EVERYTHING).items():
        assert kind == "Secret" or "hush" not in json.dumps(manifest), (kind, name)
    assert ("ConfigMap", "demo-sockudo") not in render(EVERYTHING)


def test_proxy_protocol_and_tls() -> None:
    """Where the port wants a PROXY header the probes send one; with TLS they speak it."""
    behind = container(render({"config": {"proxyProtocol": True}}))
    for probe, path in {"liveness": "/live", "readiness": "/ready", "startup": "/ready"}.items():
        assert behind[f"{probe}Probe"]["exec"]["command"] == ["python", "/app/healthcheck.py", path]
    assert {"name": "LISTENER_PROXY_PROTOCOL", "value": "true"} in behind["env"]
    secure = container(render({"config": {"ssl": {"enabled": True, "secretName": "tls"}}}))
    assert secure["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"


def test_trusted_proxies() -> None:
    """Behind the chart's Ingress one proxy is trusted, without it none, and what is said wins."""

    def hops(values: dict[str, Any]) -> list[int]:
        limits = json.loads(config_file(render(values)))["rate_limiter"]
        return [limits[name]["trust_hops"] for name in ("api_rate_limit", "websocket_rate_limit")]

    assert hops({}) == [0, 0]
    assert hops({"ingress": {"enabled": True}}) == [1, 1]
    said = {"rateLimiter": {"apiTrustHops": 0, "wsTrustHops": 3}}
    assert hops({"ingress": {"enabled": True}, "config": said}) == [0, 3]


def test_file_of_ones_own() -> None:
    """`configJson`, `config.extra` and `config.existingSecret` end in the mounted file."""
    assert json.loads(config_file(render({"configJson": '{"port": 6001}'}))) == {"port": 6001}
    extra = render({"config": {"extra": {"presence": {"max_members_per_channel": 7}}}})
    assert json.loads(config_file(extra))["presence"] == {"max_members_per_channel": 7}
    mounted = render({"config": {"existingSecret": "mine", "existingSecretKey": "x.json"}})
    volumes = mounted["Deployment", "demo-sockudo"]["spec"]["template"]["spec"]["volumes"]
    assert volumes[0]["secret"] == {"secretName": "mine", "items": [{"key": "x.json", "path": "config.json"}]}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"replicaCount": 2}, "do not see each other"),
        ({"autoscaling": {"enabled": True}}, "do not see each other"),
        ({"dashboard": {"enabled": True}}, "dashboard.enabled"),
        ({"cluster": {"enabled": True}}, "cluster.enabled"),
        ({"config": {"openTelemetry": {"enabled": True}}}, "openTelemetry.enabled"),
        ({"config": {"httpApi": {"acceptTraffic": {"enabled": True}}}}, "acceptTraffic.enabled"),
        ({"config": {"ssl": {"enabled": True}}}, "config.ssl.secretName"),
        ({"config": {"existingSecret": "a"}, "configJson": "{}"}, "only one of both"),
        ({"terminationGracePeriodSeconds": 15}, "must be above"),
        ({"defaultApp": {"enabled": True, "id": "a", "key": "b"}}, "defaultApp.secret"),
        ({"serviceMonitor": {"enabled": True}, "metricsService": {"enabled": False}}, "metricsService.enabled"),
        ({"replicaCuont": 1}, "replicaCuont"),
        ({"config": {"adapterDriver": "kafka"}}, "adapterDriver"),
        ({"config": {"shutdownGracePeriod": "10"}}, "shutdownGracePeriod"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value,
)
def test_refusals(values: dict[str, Any], told: str) -> None:
    """What cannot work ends the installation with a message that names the value."""
    with pytest.raises(helm.HelmError, match=told):
        render(values)


def test_job_of_the_alerts() -> None:
    """Prometheus finds the metrics under the job that the alerts ask for, whatever the release is called."""
    manifests = render({"serviceMonitor": {"enabled": True}})
    monitor = manifests["ServiceMonitor", "demo-sockudo"]["spec"]
    service = manifests["Service", "demo-sockudo-metrics"]["metadata"]
    assert monitor["selector"]["matchLabels"].items() <= service["labels"].items()
    jobs = set(re.findall(r'job="([^"]*)"', (ROOT / "deploy/prometheus/alerts.yml").read_text()))
    assert jobs == {service["labels"][monitor["jobLabel"]]}


def test_every_value_is_used() -> None:
    """No value is only decoration: each key of values.yaml occurs in a template."""
    templates = "".join(path.read_text() for path in (CHART / "templates").rglob("*.*"))

    def keys(tree: dict[str, Any]) -> list[str]:
        return [
            key for name, value in tree.items() for key in (name, *(keys(value) if isinstance(value, dict) else ()))
        ]

    values = yaml.safe_load((CHART / "values.yaml").read_text())
    # Objects that go into the manifest as they are, and rows that a template names by a variable.
    whole = [
        values[name] for name in ("podSecurityContext", "securityContext", "resources", "strategy", "livenessProbe")
    ]
    whole += [values["autoscaling"]["behavior"], values["ingress"]["annotations"], dict.fromkeys(("mysql", "postgres"))]
    handed_on = {key for tree in whole for key in keys(tree)}
    assert [key for key in keys(values) if f".{key}" not in templates and key not in handed_on] == []


def test_readme() -> None:
    """The options of `helm install` in deploy/README.md make a server with one app."""
    options = re.findall(r"--set (\S+)", (ROOT / "deploy" / "README.md").read_text())
    manifests = render(helm.parse_set_string(",".join(options)))
    assert container(manifests)["image"] == f"registry.example/sockudo-tx:{__version__}"
    names = {row["name"] for row in container(manifests)["env"]}
    assert {"SOCKUDO_DEFAULT_APP_ID", "SOCKUDO_DEFAULT_APP_KEY", "SOCKUDO_DEFAULT_APP_SECRET"} <= names


def test_own_ingress_rules() -> None:
    """Rules of one's own replace the chart's."""
    rule = {"ports": [{"port": 6001}]}
    policy = render({"networkPolicy": {"enabled": True, "ingress": [rule]}})["NetworkPolicy", "demo-sockudo"]
    assert policy["spec"]["ingress"] == [rule]
