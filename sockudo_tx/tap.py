"""`twistd sockudo`: its options, and the service twistd starts."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Mapping
from types import FrameType
from typing import IO, TYPE_CHECKING, Any, cast

from twisted.application.service import IService, MultiService
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import ILogObserver
from twisted.python.logfile import LogFile
from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError

from ._version import __version__
from .reactor import install_reactor
from .signals import hold_reloads

if TYPE_CHECKING:
    from .hub.service import Hub
    from .server import Server

__all__ = ["Options", "makeService"]


_LOG_BYTES = 1_000_000
"""From this size on a log file is numbered and a new one begun, as twistd does."""


class Options(UsageOptions):
    """Options of `twistd sockudo`; twistd's own (`--nodaemon`, `--pidfile`, `--reactor`, ...) come before `sockudo`."""

    synopsis = "[options]"
    longdesc = "A Pusher-compatible WebSocket server. Settings: config/config.json, --config FILE, the environment."
    optParameters = [
        ["config", "c", None, "Configuration file; replaces config/config.json."],
    ]
    optFlags = [
        ["strict", None, "Refuse to start on what is otherwise a warning, such as an unknown key."],
        ["check", None, "Print the effective configuration, secrets masked, and exit with 0 or 1."],
    ]

    def opt_version(self) -> None:
        """Print the version and exit."""
        print(f"sockudo_tx {__version__}")  # noqa: T201
        sys.exit(0)

    opt_V = opt_version

    def parseArgs(self, *rest: str) -> None:
        if rest:
            raise UsageError(f"unexpected argument: {rest[0]}. A configuration file is named with --config")

    def opt_workers(self, text: str) -> None:
        """Processes that serve clients; auto: one for each CPU. Built in is 1."""
        from .check import workers_option

        try:
            self["workers"] = workers_option(text)
        except ValueError as error:
            raise UsageError(str(error)) from error

    def postOptions(self) -> None:
        """The last moment before twistd imports the reactor: choose it here."""
        if self["check"]:
            from .check import print_effective

            sys.exit(print_effective(self["config"], strict=bool(self["strict"]), workers=self.get("workers")))
        hold_reloads()
        install_reactor()


class _Service(MultiService):
    """The server under twistd, with our log lines in twistd's log file unless another logger was asked for."""

    def __init__(self, observer: ILogObserver | None) -> None:
        super().__init__()
        self._observer = observer

    def setServiceParent(self, parent: Any) -> None:
        super().setServiceParent(parent)
        if self._observer is not None:
            parent.setComponent(ILogObserver, self._observer)  # where twistd's AppLogger looks for one

    def startService(self) -> None:
        from .start import failing_in_one_line

        with failing_in_one_line():
            super().startService()


def makeService(options: Options) -> IService:
    """Read, build and open everything before twistd daemonises, so that a refusal reaches the terminal."""
    from twisted.internet import reactor as global_reactor

    from .start import give_away, log_to, obey_signals, prepare

    reactor = cast("Any", global_reactor)  # typed as what every reactor has; ours has signals, threads and sockets
    path, strict, workers = options["config"], bool(options["strict"]), options.get("workers")
    server = prepare(path, strict, reactor, workers)
    twistd: Mapping[str, Any] = options.parent or {}
    give_away(server, twistd.get("uid"), twistd.get("gid"))
    elsewhere = twistd.get("syslog") or twistd.get("logger")
    service = _Service(None if elsewhere else log_to(_log_file(twistd, reactor), server))
    server.setServiceParent(service)
    obey_signals(path, strict, reactor, server, workers)
    atexit.register(_end_with, server)
    return service


def _end_with(server: Server | Hub) -> None:
    """Twistd ends with 0 whatever happened."""
    if server.status:
        sys.stdout.flush()
        os._exit(server.status)


def _log_file(twistd: Mapping[str, Any], reactor: IReactorFromThreads) -> IO[str]:
    """Where twistd would write: `--logfile`, standard output in the foreground, else `twistd.log`."""
    name = twistd.get("logfile")
    foreground = twistd.get("nodaemon") or twistd.get("debug")
    if name == "-" and not foreground:
        sys.exit("sockudo: a daemon cannot log to standard output. Name a file with --logfile, or stay with --nodaemon")
    if name == "-" or (foreground and not name):
        return sys.stdout
    name = name or "twistd.log"
    file = LogFile.fromFullPath(name, rotateLength=None if _is_device(name) else _LOG_BYTES)

    def rotate(number: int, frame: FrameType | None) -> None:
        reactor.callFromThread(_rotate, file)

    if not signal.getsignal(signal.SIGUSR1):
        signal.signal(signal.SIGUSR1, rotate)
    return cast("IO[str]", file)  # it takes text and has what an observer needs


def _rotate(file: LogFile) -> None:
    """The file gets a number and a new one begins; where logrotate has moved it already, only the new one begins."""
    there = os.path.exists(file.path)
    if _is_device(file.path):
        return
    if there and os.path.getsize(file.path):
        file.rotate()
    elif os.access(file.path if there else file.directory, os.W_OK):  # else the old one is better than none
        file.reopen()


def _is_device(path: str) -> bool:
    """Whether this is no regular file: whoever renames /dev/null changes the machine for everybody."""
    return os.path.exists(path) and not os.path.isfile(path)
