"""The container image, built by its Dockerfile's own steps and run the way a cluster would."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.image import Image
from tests.deploy.users import SERVER, as_user, can_be
from tests.integration.launch import ROOT, Process, WebSocket, environment, free_port

DOCKERFILE = ROOT / "Dockerfile"


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """The built image, in a folder that every user may read and nobody but us may write."""
    folder = Path(tempfile.mkdtemp(prefix="sockudo-image-"))
    folder.chmod(0o755)
    try:
        built = Image(DOCKERFILE, folder)
        for path in (built.last.root, *built.last.root.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o222)
        yield built
    finally:
        for path in folder.rglob("*"):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        shutil.rmtree(folder)


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder that everybody may write: the container's /tmp."""
    with tempfile.TemporaryDirectory(prefix="sockudo-tmp-") as folder:
        Path(folder).chmod(0o1777)
        yield Path(folder)


def listing(root: Path) -> dict[str, tuple[int, int]]:
    """Every path of a tree with size and time of change."""
    return {str(path): ((found := path.lstat()).st_size, found.st_mtime_ns) for path in root.rglob("*")}


@pytest.mark.timeout(300)
def test_C95_runs_read_only_and_unprivileged(image: Image, scratch: Path) -> None:
    """`sockudo --config /app/config/config.json` as uid 1000 on a tree it cannot write serves, passes the image's own
    health check, ends with 0 on SIGTERM, and has written nothing but below /tmp.
    """
    stage = image.last
    before = listing(stage.root)
    port = free_port()
    variables = {
        **stage.variables(),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "METRICS_PORT": str(free_port()),
        "METRICS_HOST": "127.0.0.1",
        "TMPDIR": str(scratch),
        "HOME": stage.inside("/app"),
    }
    server = Process(as_user(SERVER, *stage.command("CMD")), scratch, variables)

    def health() -> subprocess.CompletedProcess[str]:
        words = as_user(SERVER, *stage.command("HEALTHCHECK"))
        return subprocess.run(
            words, env=variables, cwd=scratch, capture_output=True, text=True, timeout=10, check=False
        )

    try:
        server.up(port)
        assert (
            f"Uid:\t{SERVER.uid if can_be(SERVER) else os.geteuid()}\t"
            in Path(f"/proc/{server.pid}/status").read_text()
        )
        client = WebSocket(port)
        assert client.event()["event"] == "pusher:connection_established"
        client.close()
        assert health().returncode == 0
        server.signal(signal.SIGTERM)
        assert server.status() == 0, server.output
        assert "uvloop" in server.output
        well = health()
        assert well.returncode == 1
        assert "refused" in well.stderr
    finally:
        server.kill()
    assert listing(stage.root) == before
    assert [path.name for path in scratch.iterdir()] == [server.log.name]


def test_what_is_inside(image: Image) -> None:
    """Wheels only, compiled, the plugin list made, no build tool and no driver that this version cannot use."""
    stage = image.last
    (packages,) = stage.python.glob("lib/python3*/site-packages")
    for compiled in ("sockudo_tx/__pycache__/service.*.pyc", "twisted/internet/__pycache__/defer.*.pyc"):
        assert list(packages.glob(compiled)), compiled
    assert "sockudo_plugin" in (packages / "twisted/plugins/dropin.cache").read_bytes().decode("latin-1")
    listed = subprocess.run(
        [stage.python / "bin" / "pip", "list", "--format=json"], capture_output=True, text=True, check=True
    )
    names = {row["name"].lower() for row in json.loads(listed.stdout)}
    assert {"sockudo-tx", "twisted", "autobahn", "uvloop"} <= names
    assert names.isdisjoint({"wheel", "boto3", "scylla-driver", "pytest", "treq-stubs"})
    assert sorted(path.name for path in (stage.root / "app").iterdir()) == ["config", "healthcheck.py", "logs", "ssl"]


def test_accounts(image: Image) -> None:
    """User and group have the ids the chart runs with, and own /app; the image runs as them."""
    log = (image.last.root / "accounts.log").read_text()
    assert "groupadd --gid 1000 sockudo" in log
    assert "useradd --uid 1000 --gid 1000" in log
    assert re.search(r"chown -R sockudo:sockudo \S+/app \S+/run/sockudo$", log, re.MULTILINE)
    assert image.last.told["USER"] == "1000:1000"


def test_contract(image: Image) -> None:
    """Ports, variables, signal and health check are those of the image it replaces."""
    stage = image.last
    assert stage.told["EXPOSE"] == "6001 9601"
    assert stage.told["STOPSIGNAL"] == "SIGTERM"
    expected = {"HOST": "0.0.0.0", "PORT": "6001", "METRICS_PORT": "9601", "HEALTHCHECK_PATH": "up"}
    expected["SOCKUDO_WORKERS"] = "auto"
    assert expected.items() <= stage.env.items()
    assert {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}.items() <= stage.env.items()
    health = "--interval=30s --timeout=10s --start-period=30s --retries=3"
    assert stage.told["HEALTHCHECK"].startswith(health)


def test_build_context() -> None:
    """Only what the Dockerfile copies goes to the engine: no history, no environment, no test, no stale bytecode."""
    from tests.deploy.image import kept

    sent = {str(path.relative_to(ROOT)) for name in ("sockudo_tx", "config", "twisted") for path in kept(ROOT, name)}
    assert "sockudo_tx/service.py" in sent
    assert [name for name in sent if "__pycache__" in name or "dropin" in name] == []
    assert {name for name in sent if name.startswith("config/")} == {"config/config.json", "config/production.json"}
    for name in (".git/HEAD", "tests/conftest.py", "docs/bench.md", ".venv/pyvenv.cfg"):
        assert list(kept(ROOT, name)) == [], name


def test_hadolint() -> None:
    """hadolint has nothing to say about the Dockerfile."""
    found = shutil.which("hadolint", path=str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"])
    if found is None:
        pytest.skip("hadolint is not installed")
    done = subprocess.run(
        [found, str(DOCKERFILE)], capture_output=True, text=True, env=environment(), timeout=60, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_wheels_carry_everything(image: Image) -> None:
    """Stage 1 leaves wheels for all that stage 2 installs, none of them built from source but ours."""
    wheels = sorted((image.stages[0].root / "wheels").glob("*.whl"))
    (ours,) = [path for path in wheels if path.name.startswith("sockudo_tx-")]
    assert "twisted/plugins/sockudo_plugin.py" in zipfile.ZipFile(ours).namelist()
    assert len(wheels) > 15
