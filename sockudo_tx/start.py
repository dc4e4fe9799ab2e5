"""What twistd's plugin and the console script share on the way to a running server."""

from __future__ import annotations

import gc
import os
import resource
import sys
from typing import IO

from twisted.logger import ILogObserver, Logger

from .backends import DriverError
from .check import read_configuration, refusal
from .config.findings import ConfigError, Finding
from .config.load import Loaded
from .listening import ListenError
from .logs import LogSettings, directives, logs_http, observer_to
from .service import Server, make_service
from .transports.tls_context import CertificateError

__all__ = ["log_observer", "log_settings", "prepare", "raise_file_limit", "spare_collector"]

_log = Logger()


def prepare(path: str | None, strict: bool, reactor: object) -> tuple[Loaded, Server]:
    """Configuration read, server built and its sockets open; nothing is accepted yet.

    What prevents the start ends the process with status 1 and a message on standard error: this runs before
    twistd daemonises, when somebody still looks.
    """
    raise_file_limit()
    try:
        loaded = read_configuration(path, strict)
        server = make_service(loaded, reactor, log_requests=logs_http(log_settings(loaded).filter))
        server.open()
    except ConfigError as error:
        sys.exit(refusal(error))
    except (DriverError, ListenError) as error:
        sys.exit(f"sockudo: {error}")
    except CertificateError as error:  # the files have changed since the configuration was read
        sys.exit(f"sockudo: {error.sentence}")
    for finding in loaded.findings:
        _tell(finding)
    spare_collector()
    return loaded, server


def _tell(finding: Finding) -> None:
    level = {"error": _log.error, "warning": _log.warn, "info": _log.info}[finding.severity]
    level("{finding}", finding=str(finding))


def spare_collector() -> None:
    """Keep the garbage collector off what was made so far: code, classes and settings, which live as long as we do.

    Full collections happen while connections grow in number, and hold the reactor: 11 ms for these 60,000 objects
    and 5 ms for each 1,000 connections [measured]. Messages cause none, and connections end without one: they leave
    no cycles. Its thresholds stay: a full one waits for growth by a quarter whatever they are. It must run before
    twistd forks, so that the pages stay shared.
    """
    gc.collect()
    gc.freeze()


def raise_file_limit() -> None:
    """Every client is an open file; the usual soft limit of 1024 is for programs that call select()."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def log_settings(loaded: Loaded) -> LogSettings:
    """How this process writes its log (http-api.md 13)."""
    logging = loaded.config.logging
    return LogSettings(
        json=os.environ.get("LOG_OUTPUT_FORMAT") == "json",
        colors=logging is None or logging.colors_enabled,
        include_target=logging is None or logging.include_target,
        filter=directives(os.environ, loaded.config.debug),
        source=loaded.config.debug,
    )


def log_observer(loaded: Loaded, out: IO[str]) -> ILogObserver:
    """The observer for this process's log."""
    return observer_to(out, log_settings(loaded))
