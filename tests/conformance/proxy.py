"""nginx in front of several servers: new connections go to the first that takes them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

from tests.conformance.daemon import free_port

START_TIMEOUT = 10.0

CONFIG = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
daemon off;
worker_processes 1;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    upstream sockudo {{
        server 127.0.0.1:{first};
        {backups}
        keepalive 16;
    }}
    server {{
        listen 127.0.0.1:{port}{tls};
        location / {{
            proxy_pass http://sockudo;
            proxy_http_version 1.1;
            proxy_next_upstream error timeout http_503 non_idempotent;
            proxy_set_header Host $host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }}
    }}
}}
"""


def nginx() -> str | None:
    """Path of an installed nginx, if any."""
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")


class Proxy:
    """A running nginx; `port` is where clients connect, `servers` are ports in order of preference.

    With `tls` it speaks TLS, with a certificate for `localhost` that only `certificate` vouches for.
    """

    def __init__(self, folder: Path, servers: list[int], tls: bool = False) -> None:
        self.port = free_port()
        self.certificate = folder / "cert.pem"
        self._folder = folder
        self._servers = servers
        self._tls = tls

    def __enter__(self) -> Proxy:
        self._folder.mkdir()
        if self._tls:
            self._make_certificate()
        backups = "\n".join(f"server 127.0.0.1:{port} backup;" for port in self._servers[1:])
        tls = f" ssl; ssl_certificate {self.certificate}; ssl_certificate_key {self._key}" if self._tls else ""
        config = self._folder / "nginx.conf"
        text = CONFIG.format(folder=self._folder, port=self.port, first=self._servers[0], backups=backups, tls=tls)
        config.write_text(text)
        command = [str(nginx()), "-c", str(config), "-p", str(self._folder), "-e", str(self._folder / "error.log")]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_TIMEOUT
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._stop()
                raise RuntimeError(f"nginx did not start:\n{(self._folder / 'error.log').read_text()}")
            time.sleep(0.02)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def _key(self) -> Path:
        return self._folder / "key.pem"

    def _make_certificate(self) -> None:
        names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        files = ["-keyout", str(self._key), "-out", str(self.certificate)]
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        command = ["openssl", "req", "-x509", "-days", "2", *curve, *names, *files]
        subprocess.run(command, check=True, capture_output=True)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        finally:
            self._process.kill()
            self._process.wait()
