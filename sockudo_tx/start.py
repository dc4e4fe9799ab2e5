"""What twistd's plugin and the console script share on the way to a running server."""

from __future__ import annotations

import contextlib
import os
import pwd
import sys
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import ILogObserver, Logger, globalLogPublisher
from twisted.python.failure import Failure

from .backends import DriverError
from .check import Workers, read_configuration, refusal
from .config.findings import ConfigError, Finding
from .config.load import Loaded
from .descriptors import TurnedAway
from .listening import ListenError, PassedSockets
from .logs import Log, LogSettings, wanted
from .probes import worker_count
from .process import log_settings, raise_file_limit, spare_collector
from .reload import takes
from .service import Server, make_service
from .signals import take_over
from .transports.tls_context import CertificateError

if TYPE_CHECKING:  # one process that does everything has no use for it
    from .hub.service import Hub

__all__ = [
    "StartError",
    "failing_in_one_line",
    "give_away",
    "log_to",
    "obey_signals",
    "prepare",
]

_log = Logger()


def prepare(path: str | None, strict: bool, reactor: object, workers: Workers | None = None) -> Server | Hub:
    """Configuration read, server built and its sockets open; nothing is accepted yet.

    One process that does everything, or with several `workers` (None: as configured) their parent.

    What prevents the start ends the process with status 1 and a message on standard error: this runs before
    twistd daemonises, when somebody still looks.
    """
    raise_file_limit()
    try:
        os.getcwd()
    except FileNotFoundError:
        sys.exit("sockudo: the working directory was deleted. Start the server in one that is there")
    try:
        loaded = read_configuration(path, strict, workers)
        server = _made(loaded, reactor, PassedSockets.inherited())
        server.open()
    except ConfigError as error:
        sys.exit(refusal(error))
    except (DriverError, ListenError) as error:
        sys.exit(f"sockudo: {error}")
    except CertificateError as error:  # the files have changed since the configuration was read
        sys.exit(f"sockudo: {error.sentence}")
    globalLogPublisher.addObserver(TurnedAway(IReactorTime(reactor)))
    for finding in loaded.findings:
        _tell(finding)
    spare_collector()
    return server


def _made(loaded: Loaded, reactor: object, passed: PassedSockets) -> Server | Hub:
    count = worker_count(loaded.config)
    if count > 1:
        from .hub.service import make_hub

        return make_hub(loaded, reactor, count, passed=passed)
    return make_service(loaded, reactor, passed=passed, wanted=wanted(log_settings(loaded).filter))


def give_away(server: Server | Hub, uid: int | None, gid: int | None) -> None:
    """Let the user and group that twistd goes on as keep the files of sockets that we opened before."""
    try:
        if uid is not None and gid is None:
            gid = pwd.getpwuid(uid).pw_gid  # as twistd does
        server.give_to(uid, gid)
    except ListenError as error:
        sys.exit(f"sockudo: {error}")
    except KeyError:
        sys.exit(f"sockudo: there is no user {uid} on this machine to take the group from. Name one with --gid")


class StartError(SystemExit, Exception):
    """Ends the process with status 1 and one line. Also an `Exception`, so that twistd tidies up after itself."""


@contextlib.contextmanager
def failing_in_one_line() -> Iterator[None]:
    """Whatever prevents the service from starting is told in a line; the traceback is for `DEBUG=1`."""
    try:
        yield
    except Exception as error:
        reason = str(error) if isinstance(error, ListenError) else f"{type(error).__name__}: {error}"
        _log.debug("cannot start", log_failure=Failure())
        _log.critical("cannot start: {reason}", reason=reason)
        raise StartError(f"sockudo: cannot start: {reason}") from error


def _tell(finding: Finding) -> None:
    level = {"error": _log.error, "warning": _log.warn, "info": _log.info}[finding.severity]
    level("{finding}", finding=str(finding))


def log_to(out: IO[str], server: Server | Hub) -> ILogObserver:
    """The observer for this process's log, which follows reloads. Lines of workers go there too."""
    if not isinstance(server, Server):
        server.output.write_to(out)
    log = Log(out, log_settings(server.reloads.loaded))

    def adjust(settings: LogSettings) -> None:
        log.adjust(settings)
        server.heed(wanted(settings.filter))

    server.reloads.parts.append(takes(adjust, log_settings))
    return log


def obey_signals(
    path: str | None, strict: bool, reactor: Any, server: Server | Hub, workers: Workers | None = None
) -> None:
    """Drain, hurry and reload as signals ask; the file is named as it was at the start, and looked for from there.

    Call it before the service starts: systemd must not hear that we are ready before SIGHUP is harmless.
    """
    folder = os.getcwd()

    def read() -> Loaded:
        try:
            # twistd may have gone to another one since; where we are already, it need not be ours to enter
            with contextlib.nullcontext() if os.getcwd() == folder else contextlib.chdir(folder):
                return read_configuration(path, strict, workers)
        except OSError as error:
            finding = Finding(severity="error", path="", message=f"{folder} cannot be read: {error.strerror}")
            raise ConfigError([finding]) from error

    reactor.callWhenRunning(take_over, reactor, reactor.stop, server.hurry, lambda: server.reload(read))
