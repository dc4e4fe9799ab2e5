"""The image's health check follows the server to wherever it listens."""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.certificates import self_signed
from tests.integration.launch import ROOT, SOCKUDO, LaunchCase, Process, environment, eventually

CHECK = ROOT / "deploy" / "docker" / "healthcheck.py"


class HealthCheckTests(LaunchCase):
    """`python healthcheck.py [PATH]` beside a server with the same variables."""

    def started(self, **variables: str) -> tuple[Process, dict[str, str]]:
        """A server and the variables both of them see."""
        process = self.launch(SOCKUDO, **variables)
        return process, environment(PORT=str(self.port), **variables)

    def check(self, variables: dict[str, str], *path: str) -> tuple[int, str]:
        command = [sys.executable, str(CHECK), *path]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=10)
        return done.returncode, done.stderr

    def well(self, variables: dict[str, str]) -> None:
        """Returns when it says so, and looks at other paths then."""
        eventually("it is well", lambda: self.check(variables)[0] == 0)
        self.assertEqual(self.check(variables, "/ready"), (0, ""))
        self.assertEqual(self.check(variables, "up/nobody"), (1, "/up/nobody: 404\n"))
        self.assertEqual(self.check({**variables, "HEALTHCHECK_PATH": "up/nobody"}), (1, "/up/nobody: 404\n"))

    def test_tcp(self) -> None:
        """Plain HTTP; a stopped server is not well, and the reason is told."""
        process, variables = self.started(SHUTDOWN_GRACE_PERIOD="4", SHUTDOWN_DRAIN_MS="2000")
        self.well(variables)
        process.signal(signal.SIGTERM)
        eventually("it drains", lambda: self.check(variables) == (1, "/up: 503\n"))
        self.assertEqual(process.status(), 0, process.output)
        status, told = self.check(variables)
        self.assertEqual(status, 1)
        self.assertIn("refused", told)

    def test_tls(self) -> None:
        """TLS, with a certificate that nobody vouches for."""
        files = self_signed(self.folder)
        self.well(self.started(SSL_ENABLED="true", SSL_CERT_PATH=files.cert, SSL_KEY_PATH=files.key)[1])

    def test_unix_socket(self) -> None:
        """A Unix socket."""
        self.well(self.started(UNIX_SOCKET_ENABLED="true", UNIX_SOCKET_PATH=str(self.folder / "run" / "s"))[1])

    def test_proxy_protocol(self) -> None:
        """A port that wants PROXY headers, in front of TLS too."""
        files = self_signed(self.folder)
        secure = {"SSL_ENABLED": "true", "SSL_CERT_PATH": files.cert, "SSL_KEY_PATH": files.key}
        for more in ({}, secure):
            process, variables = self.started(LISTENER_PROXY_PROTOCOL="true", **more)
            self.well(variables)
            process.signal(signal.SIGTERM)
            self.assertEqual(process.status(), 0, process.output)
