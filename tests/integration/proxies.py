"""Real proxies before a server: nginx and HAProxy as Debian packages them, on free loopback ports."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import ClassVar

from twisted.trial.unittest import SkipTest

from tests.certificates import Certified
from tests.integration.launch import eventually, free_port

NGINX = """
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
    upstream sockudo {{ {servers} keepalive 16; }}
    server {{
        listen 127.0.0.1:{port}{tls};
        location {location} {{
            proxy_pass http://sockudo;
            proxy_http_version 1.1;
            proxy_next_upstream error timeout http_503 non_idempotent;
            proxy_set_header Host $host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Real-IP $remote_addr;
        }}
    }}
}}
"""

HAPROXY = """
global
    maxconn 100
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
listen sockudo
    bind 127.0.0.1:{port}
    server one {server} {options}
"""


def installed(program: str) -> str | None:
    """Path of a program, if it is there; Debian keeps these where users do not look."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin")


class Proxy:
    """A running proxy; a context manager. `port` is where clients connect."""

    program: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        found = installed(self.program)
        if found is None:
            raise SkipTest(f"{self.program} is not installed: run scripts/bootstrap test")
        self.found = found
        self.port = free_port()
        self.folder = folder
        folder.mkdir()

    def command(self) -> list[str]:
        """Writes its configuration; how it is started."""
        raise NotImplementedError

    def __enter__(self) -> Proxy:
        with (self.folder / "output.txt").open("wb") as output:
            self.process = subprocess.Popen(self.command(), stdout=output, stderr=output)
        try:
            eventually(f"{self.program} listens", self._listens)
        except AssertionError:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _listens(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError((self.folder / "output.txt").read_text())
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def _stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(5)
        finally:
            self.process.kill()
            self.process.wait()


class Nginx(Proxy):
    """nginx before `server`, as it stands in an upstream block: `127.0.0.1:6001` or `unix:/path`.

    New connections go to one of the `others` when it does not take them. With `files` it speaks TLS.
    """

    program = "nginx"

    def __init__(
        self, folder: Path, server: str, *others: str, location: str = "/", files: Certified | None = None
    ) -> None:
        super().__init__(folder)
        self.servers = "".join([f"server {server};", *(f" server {other} backup;" for other in others)])
        self.location = location
        self.tls = f" ssl; ssl_certificate {files.cert}; ssl_certificate_key {files.key}" if files else ""

    def command(self) -> list[str]:
        config = self.folder / "nginx.conf"
        config.write_text(
            NGINX.format(folder=self.folder, port=self.port, tls=self.tls, servers=self.servers, location=self.location)
        )
        return [self.found, "-c", str(config), "-p", str(self.folder), "-e", str(self.folder / "error.log")]


class Haproxy(Proxy):
    """HAProxy before `server`, passing connections on as they are; `options` are those of its `server` line."""

    program = "haproxy"

    def __init__(self, folder: Path, server: str, options: str) -> None:
        super().__init__(folder)
        self.server = server
        self.options = options

    def command(self) -> list[str]:
        config = self.folder / "haproxy.cfg"
        config.write_text(HAPROXY.format(port=self.port, server=self.server, options=self.options))
        return [self.found, "-f", str(config), "-db"]
