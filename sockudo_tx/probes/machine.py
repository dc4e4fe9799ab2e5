"""What a configuration asks of this machine: a usable certificate, open files, CPUs, a place for the queue's file."""

from __future__ import annotations

import math
import os
import resource
from collections.abc import Iterator

from ..config.findings import Finding
from ..config.load import BUILT_IN, Loaded
from ..transports.tls_context import CertificateError, CertificateFiles, Identity, key_fault, load_identity
from .cpus import usable_cpus, worker_count

__all__ = ["certificate_findings", "file_limit_findings", "queue_file_findings", "worker_findings"]

_APPS = "app_manager.array.apps"
_ALL_CAN_SEE = 0o004
_USUAL = 1024
"""The limit of open files that systems begin with."""
_OURS = 64
"""Open files beside the clients': listeners, logs, connections to other services."""
_UNEVEN = 1.25
"""How much more than its share a worker may have to take: chance deals out, and one may be missing for a moment."""


def certificate_findings(loaded: Loaded, now: float) -> Iterator[Finding]:
    """Whether TLS can start with the files that are named, and what clients will say of them at `now`."""
    ssl = loaded.config.ssl
    if not ssl.enabled or not (ssl.cert_path and ssl.key_path) or loaded.config.unix_socket.enabled:
        return
    files = CertificateFiles(ssl.cert_path, ssl.key_path, ssl.passphrase, ssl.ca_path)
    try:
        identity = load_identity(files)
    except CertificateError as error:
        yield _certificate_error(error, loaded)
        other = key_fault(files) if error.key == "cert_path" else None
        if other is not None:
            yield _certificate_error(other, loaded)
        return
    yield from _certificate_itself(identity, now, loaded)
    for sentence in identity.warnings:
        yield Finding(
            severity="warning",
            path="ssl.ca_path",
            message=sentence.removeprefix("ssl.ca_path: "),
            value=ssl.ca_path or "",
            cure="Name a PEM file with the intermediate certificates, or remove it",
            source=loaded.sources["ssl.ca_path"],
        )
    yield from _key_for_all(loaded)


def _certificate_itself(identity: Identity, now: float, loaded: Loaded) -> Iterator[Finding]:
    """Its dates, and whose it is."""
    ssl, source = loaded.config.ssl, loaded.sources["ssl.cert_path"]
    trouble = identity.facts.trouble(now, ssl.expiry_warning_days)
    if trouble is not None:
        yield Finding(
            severity="warning" if identity.facts.valid(now) else "error",
            path="ssl.cert_path",
            message=trouble,
            value=ssl.cert_path,
            rule=f"valid now and for the next {ssl.expiry_warning_days} days (ssl.expiry_warning_days)",
            cause="clients refuse a certificate outside its dates",
            cure="Renew it and replace the files; a running server takes the new ones up by itself",
            source=source,
        )
    if not identity.facts.names:
        yield Finding(
            severity="warning",
            path="ssl.cert_path",
            message="names no host",
            value=ssl.cert_path,
            cause="it has no subjectAltName, and browsers look nowhere else",
            cure="Have one made with the host names as subjectAltName",
            source=source,
        )


def _certificate_error(error: CertificateError, loaded: Loaded) -> Finding:
    path = f"ssl.{error.key}"
    named = {"cert_path": loaded.config.ssl.cert_path, "key_path": loaded.config.ssl.key_path}
    return Finding(
        severity="error",
        path=path,
        message=str(error),
        value=named.get(error.key, ""),
        cure=error.cure,
        source=loaded.sources[path],
        refuses=True,
    )


def _key_for_all(loaded: Loaded) -> Iterator[Finding]:
    path = loaded.config.ssl.key_path
    try:
        mode = os.stat(path).st_mode
    except OSError:  # it is being replaced at this moment
        return
    if mode & _ALL_CAN_SEE:
        yield Finding(
            severity="warning",
            path="ssl.key_path",
            message="can be read by every user of this machine",
            value=path,
            cause="whoever has the key can pretend to be this server",
            cure=f"chmod 640 {path}, and give the file to the server's user or group",
            source=loaded.sources["ssl.key_path"],
        )


def file_limit_findings(loaded: Loaded, limit: int | None = None) -> Iterator[Finding]:
    """Whether every client the apps allow can have its open file; `limit` is the hard limit of this process."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1] if limit is None else limit
    if limit == resource.RLIM_INFINITY:
        return
    workers = worker_count(loaded.config)
    everybody = sum(app.max_connections or 0 for app in loaded.apps if app.enabled)
    wanted = everybody if workers == 1 else math.ceil(everybody / workers * _UNEVEN)
    chosen = loaded.sources[_APPS] != BUILT_IN  # the demo app's number is nobody's wish
    cure = (
        "Raise it: LimitNOFILE= in the systemd unit, `ulimits` in Compose, --ulimit nofile= of docker, or "
        "/etc/security/limits.conf"
    )
    if chosen and wanted + _OURS > limit:
        yield Finding(
            severity="warning",
            path=_APPS,
            message="the apps allow more connections than the server may have open files",
            value=f"{everybody} connections (sum of `max_connections`), {limit} open files"
            + (f" for each of {workers} workers" if workers > 1 else ""),
            rule=f"the hard limit of open files is at least the sum of `max_connections` and {_OURS}"
            if workers == 1
            else f"the hard limit of open files is at least {wanted + _OURS}: a worker's share of the sum of "
            f"`max_connections` and a quarter more, and {_OURS}",
            cause="clients beyond the limit are not answered",
            cure=cure,
            source=loaded.sources[_APPS],
        )
    elif limit <= _USUAL:
        yield Finding(
            severity="warning",
            path="",
            message=f"the server may have only {limit} open files",
            value=f"a hard limit of {limit} (RLIMIT_NOFILE)",
            rule=f"more than {_USUAL}",
            cause="every client is an open file",
            cure=cure,
            source="this process",
        )


def worker_findings(loaded: Loaded, cpus: int | None = None) -> Iterator[Finding]:
    """Whether there is a CPU for each worker; `cpus` are those of this process."""
    cpus = usable_cpus() if cpus is None else cpus
    workers = loaded.config.instance.workers
    if workers != "auto" and workers > max(cpus, 1) and workers > 1:
        yield Finding(
            severity="warning",
            path="instance.workers",
            message="is more than this process has CPUs",
            value=str(workers),
            rule=f"at most {cpus}, the CPUs that its affinity and the quota of its container allow",
            cause="workers that wait for each other cost memory and make nothing faster",
            cure="Use auto (SOCKUDO_WORKERS=auto), or allow it more CPUs",
            source=loaded.sources["instance.workers"],
        )


def queue_file_findings(loaded: Loaded) -> Iterator[Finding]:
    """Whether the file of the webhook queue can be written, or made."""
    if loaded.config.queue.driver != "sqlite":
        return
    path = loaded.config.queue.sqlite.path
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path) or not path:
        message, cure = "names no file", "Name a file that the server may make"
    elif not os.path.isdir(folder):
        message, cure = (
            f"is in a folder that does not exist: {folder}",
            "Make it, for the server's user",
        )
    elif not os.access(folder, os.W_OK | os.X_OK):
        message, cure = f"is in a folder that the server may not write to: {folder}", "Name a file in one that it may"
    elif os.path.exists(path) and not os.access(path, os.R_OK | os.W_OK):
        message, cure = "may not be written by the server", "Give the file to the server's user, or name another one"
    else:
        return
    yield Finding(
        severity="warning",
        path="queue.sqlite.path",
        message=message,
        value=path,
        cause="until it can be written, webhooks wait in memory, /up is DEGRADED, and a crash loses them",
        cure=cure,
        source=loaded.sources["queue.sqlite.path"],
    )
