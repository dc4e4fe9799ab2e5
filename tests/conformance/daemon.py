"""The server as its users run it: `twistd -n sockudo` in a process of its own, on a free loopback port."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from ssl import create_default_context
from types import TracebackType
from typing import Any

from tests.certificates import Certified

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT = 20.0
STOP_TIMEOUT = 15.0

EVERYTHING_ON = {
    "max_connections": 0,
    "enable_client_messages": True,
    "max_client_events_per_second": 0,
    "enable_user_authentication": True,
    "enable_watchlist_events": True,
}
DEMO_APP = {"id": "app-id", "key": "app-key", "secret": "app-secret", **EVERYTHING_ON}
# Pusher's Python SDK accepts only app ids made of digits.
DIGITS_APP = {"id": "1234", "key": "digits-key", "secret": "digits-secret", **EVERYTHING_ON}
COUNTING_APP = {
    "id": "counting",
    "key": "counting-key",
    "secret": "counting-secret",
    **EVERYTHING_ON,
    "enable_subscription_count_events": True,
}


def free_port() -> int:
    """A loopback port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Daemon:
    """A server; a context manager, and restartable on the same port. `folder` receives its file and its log."""

    folder: Path
    port: int = field(default_factory=free_port)
    apps: list[dict[str, Any]] = field(default_factory=lambda: [DEMO_APP, DIGITS_APP, COUNTING_APP])
    host: str = "127.0.0.1"
    files: Certified | None = None
    """Certificate and key, for a server that speaks TLS itself."""
    authority: Path | None = None
    """What vouches for the certificate, if not it for itself."""
    settings: dict[str, Any] = field(default_factory=dict)
    """More sections of its file."""
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the REST API is."""
        return f"{'https' if self.files else 'http'}://{self.host}:{self.port}"

    @property
    def log(self) -> str:
        """Everything the server has printed so far, over all its starts."""
        path = self.folder / "sockudo.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Starts the process and returns when `/up` answers; raises with the log if it never does."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "config.json"
        manager = {"driver": "memory", "array": {"apps": self.apps}}
        ssl: dict[str, Any] = {}
        if self.files is not None:
            ssl = {"enabled": True, "cert_path": self.files.cert, "key_path": self.files.key, "watch_interval_ms": 100}
        sections = {"app_manager": manager, "metrics": {"enabled": False}, "ssl": ssl, **self.settings}
        config.write_text(json.dumps(sections))
        command = [str(Path(sys.executable).with_name("twistd")), "-n", "--pidfile=", "sockudo", "-c", str(config)]
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("SOCKUDO_", "WEBSOCKET_"))}
        environment = {**clean, "HOST": self.host, "PORT": str(self.port), "METRICS_PORT": "0", "PYTHONPATH": str(ROOT)}
        with (self.folder / "sockudo.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + START_TIMEOUT
        while not self.is_up():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the server did not start:\n{self.log}")
            time.sleep(0.05)

    def is_up(self) -> bool:
        """Whether `/up` answers 200."""
        try:
            context = create_default_context(cafile=self.authority or self.files.cert) if self.files else None
            with urllib.request.urlopen(f"{self.url}/up", timeout=2, context=context) as reply:
                return bool(reply.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> int:
        """SIGTERM, as a service manager does; the exit status."""
        assert self.process is not None
        self.process.terminate()
        try:
            return self.process.wait(STOP_TIMEOUT)
        finally:
            self.kill()

    def kill(self) -> None:
        """Makes sure that no process is left."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Daemon:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
