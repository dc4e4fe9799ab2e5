"""Runs the real clients: Node scripts, their backend, and Python scripts, each in a process of its own."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from tests.conformance.daemon import DEMO_APP
from tests.integration.proxies import installed

HERE = Path(__file__).resolve().parent
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
ENCRYPTION_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="  # 32 bytes, as every Pusher SDK wants them
SCRIPT_TIMEOUT = 60.0
# Where node, requests and websocket-client look for certificates to trust.
CERTIFICATE_VARIABLES = ("NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "WEBSOCKET_CLIENT_CA_BUNDLE")


def chromium() -> str | None:
    """Path of an installed Chromium, if any."""
    return next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)


def missing(browser: bool = False) -> str | None:
    """What has to be installed before these tests can run, or None."""
    if shutil.which("node") is None:
        return "node is not installed"
    if not (HERE / "node_modules" / "pusher-js").is_dir():
        return "tests/conformance/node_modules is not there: run `npm ci` in tests/conformance"
    if installed("nginx") is None:
        return "nginx is not installed"
    if browser and chromium() is None:
        return "chromium is not installed"
    return None


class ScriptFailure(AssertionError):
    """A client script did not get to its end."""


@dataclass
class Script:
    """A started scenario, ended with its `with` block: `line()` is a report on the way, `result()` waits for the end."""

    process: subprocess.Popen[str]

    def __enter__(self) -> Script:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def line(self) -> dict[str, Any]:
        """The next message of the script."""
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        if not text:
            raise ScriptFailure("the script ended without a report")
        report: dict[str, Any] = json.loads(text)
        if "failure" in report:
            raise ScriptFailure(f"{report}")
        return report

    def result(self) -> Any:
        """What the scenario found; fails if it failed, or if the client complained on its console."""
        output, errors = self.process.communicate(timeout=SCRIPT_TIMEOUT)
        lines = output.strip().splitlines()
        if not lines:
            raise ScriptFailure(f"the script printed nothing; on stderr:\n{errors}")
        report = json.loads(lines[-1])
        if "failure" in report:
            raise ScriptFailure(f"{report['failure']}\nconsole: {report['complaints']}")
        if report["complaints"]:
            raise ScriptFailure(f"the client complained on its console: {report['complaints']}")
        return report["result"]

    def close(self) -> None:
        """Makes sure that the process and its pipes are gone."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


def start(
    command: list[str],
    options: dict[str, Any],
    certificate: Path | None = None,
    stdin: int | IO[str] = subprocess.DEVNULL,
) -> Script:
    """Starts a client script; it finds its options in the environment variable CONFORMANCE."""
    trusted = {} if certificate is None else dict.fromkeys(CERTIFICATE_VARIABLES, str(certificate))
    process = subprocess.Popen(
        command,
        cwd=HERE,
        env={**os.environ, **trusted, "CONFORMANCE": json.dumps(options)},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return Script(process)


class Clients:
    """Clients of the server on a loopback port. Owns the backend that signs for them and serves pages to browsers."""

    def __init__(self, port: int, app: dict[str, Any] = DEMO_APP, certificate: Path | None = None) -> None:
        """With a `certificate` the server speaks TLS, and this is what vouches for it."""
        self._certificate = certificate
        self.options: dict[str, Any] = {
            "host": "localhost",
            "port": port,
            "tls": certificate is not None,
            **{name: app[name] for name in ("id", "key", "secret")},
            "encryptionMasterKeyBase64": ENCRYPTION_KEY,
            "chromium": chromium(),
        }

    def __enter__(self) -> Clients:
        self._backend = start(["node", "node/backend.js"], self.options, self._certificate, subprocess.PIPE)
        try:
            self.options["backend"] = self._backend.line()["url"]
        except BaseException:
            self._backend.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._backend.close()

    def start(self, script: str, scenario: str, **options: Any) -> Script:
        """Starts one scenario: a Node script, or a Python one if its name says so."""
        folder = "python" if script.endswith(".py") else "node"
        interpreter = sys.executable if script.endswith(".py") else "node"
        extra = {"nonce": secrets.token_hex(4), **options}
        return start([interpreter, f"{folder}/{script}", scenario], {**self.options, **extra}, self._certificate)

    def run(self, script: str, scenario: str, **options: Any) -> Any:
        """Runs one scenario to its end and returns what it found."""
        with self.start(script, scenario, **options) as started:
            return started.result()
