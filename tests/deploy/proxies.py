"""The real nginx and HAProxy with the files of deploy/, which differ only in ports, addresses and paths."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import ssl
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from sockudo_tx.protocol.app import App
from sockudo_tx.testing.signing import signed_target
from tests.deploy.users import User, as_user
from tests.integration.launch import ROOT, eventually, free_port

NGINX = ROOT / "deploy" / "nginx"
SHARED = ("http.conf", "locations.conf", "path-prefix.conf", "proxy.conf", "server.conf", "tls.conf")
"""What the sites include; the other files are sites."""
HAPROXY = ROOT / "deploy" / "haproxy" / "haproxy.cfg"
APP = App(id="app-id", key="app-key", secret="app-secret")


def program(name: str) -> str | None:
    """Path of an installed program, /usr/sbin included."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")


def missing() -> str | None:
    """What has to be installed before these tests can run, or None."""
    absent = [name for name in ("nginx", "haproxy") if program(name) is None]
    return f"{absent[0]} is not installed" if absent else None


def substituted(text: str, changes: Mapping[str, str]) -> str:
    """The text with each word changed; a word that is not there is a mistake of the test or of the file."""
    for word, other in changes.items():
        assert word in text, f"{word!r} is not in the file"
        text = text.replace(word, other)
    return text


class Proxy:
    """A proxy in a process; `ports` are the loopback ports that stand for those of its file."""

    def __init__(self, folder: Path, *ports: int) -> None:
        self.folder = folder
        self.ports = {port: free_port() for port in ports}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def command(self) -> list[str]:
        """Starts it in the foreground."""
        raise NotImplementedError

    @property
    def log(self) -> str:
        """All it has said, one way or another."""
        return "".join(path.read_text() for path in self.folder.glob("*.log"))

    def check(self) -> tuple[int, str]:
        """Its own verdict on its configuration: exit status and text."""
        raise NotImplementedError

    def start(self) -> None:
        """Returns when it listens."""
        with (self.folder / "output.log").open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)

        def listens() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, self.log
            return all(_open(port) for port in self.ports.values())

        eventually("the proxy listens", listens)

    def stop(self) -> None:
        """At once, whatever is open."""
        if self.process is not None:
            self.process.kill() if self.process.poll() is not None else self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)

    def reload(self) -> None:
        """A new configuration, or new certificates."""
        raise NotImplementedError


class Nginx(Proxy):
    """nginx with one of our sites, or with another text as its site."""

    def __init__(self, folder: Path, site: str, changes: Mapping[str, str], user: User | None = None) -> None:
        self._user = user
        super().__init__(folder, *sorted({int(port) for port in re.findall(r"^ *listen (\d+)", site, re.MULTILINE)}))
        (folder / "sockudo").mkdir(exist_ok=True)
        for name in SHARED:
            (folder / "sockudo" / name).write_text(self._local((NGINX / name).read_text()))
        (folder / "conf.d").mkdir(exist_ok=True)
        (folder / "conf.d" / "site.conf").write_text(self._local(substituted(site, changes)))
        self._main = folder / "nginx.conf"
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        self._main.write_text(
            substituted(
                (NGINX / "nginx.conf").read_text(),
                {
                    "user nginx;": "user root;",
                    "worker_processes auto;": "worker_processes 1;",
                    "worker_rlimit_nofile 131072;": "",
                    "worker_connections 65536;": "worker_connections 512;",
                    "/var/run/nginx.pid": f"{folder}/nginx.pid",
                    "/var/log/nginx/error.log": f"{folder}/error.log",
                    # As Debian's file: our sites must not write their queries into this log.
                    "http {": f"http {{\naccess_log {folder}/distribution.log;\n" + temporary,
                    "/etc/nginx/conf.d/": f"{folder}/conf.d/",
                },
            )
        )

    def _local(self, text: str) -> str:
        text = text.replace("/etc/nginx/sockudo/", f"{self.folder}/sockudo/")
        text = text.replace("/etc/nginx/ssl/fullchain.pem", f"{self.folder}/server.crt")
        text = text.replace("/etc/nginx/ssl/privkey.pem", f"{self.folder}/server.key")
        text = text.replace("/var/log/nginx/access.log", f"{self.folder}/access.log")
        text = re.sub(r"^ *listen \[::\].*\n", "", text, flags=re.MULTILINE)  # CI machines may have no IPv6
        return re.sub(
            r"^( *listen )(\d+)", lambda m: f"{m[1]}127.0.0.1:{self.ports[int(m[2])]}", text, flags=re.MULTILINE
        )

    @property
    def _base(self) -> list[str]:
        return [str(program("nginx")), "-c", str(self._main), "-p", str(self.folder), "-e", f"{self.folder}/error.log"]

    @property
    def command(self) -> list[str]:
        words = [*self._base, "-g", "daemon off;"]
        return as_user(self._user, *words) if self._user else words

    def check(self) -> tuple[int, str]:
        done = subprocess.run([*self._base, "-t"], capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    def reload(self) -> None:
        subprocess.run([*self._base, "-s", "reload"], check=True, capture_output=True)


class HaProxy(Proxy):
    """HAProxy with our file."""

    def __init__(self, folder: Path, changes: Mapping[str, str]) -> None:
        super().__init__(folder, 80, 443)
        self._file = folder / "haproxy.cfg"
        ports = {f"bind :{port}": f"bind 127.0.0.1:{other}" for port, other in self.ports.items()}
        pem = folder / "sockudo.pem"
        pem.write_text((folder / "server.crt").read_text() + (folder / "server.key").read_text())
        local = {"/etc/haproxy/certs/sockudo.pem": str(pem), "maxconn 100000": "maxconn 512"}
        self._file.write_text(substituted(HAPROXY.read_text(), {**ports, **local, **changes}))

    @property
    def command(self) -> list[str]:
        return [str(program("haproxy")), "-db", "-f", str(self._file)]

    def check(self) -> tuple[int, str]:
        command = [str(program("haproxy")), "-c", "-f", str(self._file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


def _open(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.connect()
    except OSError:
        return False
    finally:
        connection.close()
    return True


class Answer:
    """What a request came to."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()


def ask(
    port: int,
    target: str,
    *,
    method: str = "GET",
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    context: ssl.SSLContext | None = None,
    source: str = "127.0.0.1",
) -> Answer:
    """One request from a loopback address of our choice."""
    made: http.client.HTTPConnection
    if context is None:
        made = http.client.HTTPConnection("127.0.0.1", port, timeout=10, source_address=(source, 0))
    else:
        made = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, source_address=(source, 0), context=context)
    try:
        made.request(method, target, body or None, dict(headers or {}))
        return Answer(made.getresponse())
    finally:
        made.close()


def publish(port: int, text: str, *, prefix: str = "", channel: str = "news", **options: object) -> Answer:
    """A signed event through the REST API, as an SDK sends it."""
    body = f'{{"name":"greeting","channel":"{channel}","data":"{text}"}}'.encode()
    target = signed_target(APP, "POST", f"{prefix}/apps/{APP.id}/events", time.time(), body)
    headers = {"Content-Type": "application/json"}
    return ask(port, target, method="POST", body=body, headers=headers, **options)  # type: ignore[arg-type]
