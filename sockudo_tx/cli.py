"""The console script `sockudo`: the same server as `twistd sockudo` in the foreground, and its tools.

    sockudo [-c FILE] [--strict] [--workers N]   the same as `sockudo run`
    sockudo run | check-config | webhooks | bench | version

Exit status: 0 done, or stopped by SIGTERM or SIGINT; 1 refused to start, could not start, or check failed; 2 wrong
usage; 130 and 143 interrupted before there was a server to stop.
"""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ._version import __version__
from .bench.options import LateParser, add_options

if TYPE_CHECKING:
    from .check import Workers

__all__ = ["main"]

_ID_HELP = "as `list` tells it; its beginning is enough while no other begins so"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; the exit status."""
    if sys.stdout is None:  # closed by who started us: what is said there is for nobody
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # for the life of the process
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        status = command(options)
        sys.stdout.flush()
    except KeyboardInterrupt:  # before there was a server to stop
        return 128 + signal.SIGINT
    except BrokenPipeError:  # `sockudo check-config | head`: the reader has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        return 128 + signal.SIGPIPE
    except OSError as error:
        if error.errno != errno.ENOSPC or error.filename is not None:
            raise
        print(f"sockudo: cannot write to standard output: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sockudo",
        description="A Pusher-compatible WebSocket server. Without a command it runs the server.",
        epilog="Settings come from config/config.json, --config FILE and the environment (PORT, HOST, ...), later ones "
        "winning. SIGTERM drains and stops, SIGHUP reads the settings again. Exit status: 0 stopped or done, 1 "
        "refused, 2 wrong usage.",
        allow_abbrev=False,
    )
    parser.set_defaults(command=_run, config=None, strict=False, workers=None, check=False)
    parser.add_argument("-V", "--version", action="version", version=f"sockudo_tx {__version__}")
    settings, processes = LateParser(add_help=False), LateParser(add_help=False)
    _add_settings(parser)
    _add_workers(parser)
    parser.add_argument("--check", action="store_true", help="print the effective configuration as JSON and exit")
    # Options that stand before a command as well as after it; suppressed defaults keep the earlier one.
    _add_settings(settings)
    _add_workers(processes)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=LateParser)

    run = commands.add_parser(
        "run",
        parents=[settings, processes],
        allow_abbrev=False,
        help="start the server in the foreground (the default)",
    )
    run.set_defaults(command=_run)

    check = commands.add_parser(
        "check-config",
        parents=[settings, processes],
        allow_abbrev=False,
        help="say what is wrong with the configuration",
    )
    check.add_argument("--json", action="store_true", help="print the effective configuration and findings as JSON")
    check.add_argument("--all", action="store_true", help="print every setting, built-in ones too")
    check.add_argument("--offline", action="store_true", help="do not try the services, ports and names in it")
    check.set_defaults(command=_check)

    _add_webhooks(commands, settings)

    bench = commands.add_parser("bench", help="load a running server and measure it", allow_abbrev=False)
    bench.fill = add_options
    bench.set_defaults(command=_bench)

    version = commands.add_parser("version", help="print the version")
    version.set_defaults(command=_version)
    return parser


def _add_webhooks(commands: Any, settings: LateParser) -> None:
    webhooks = commands.add_parser(
        "webhooks", allow_abbrev=False, help="look at deliveries that were given up, and make them due again"
    )
    actions = webhooks.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=LateParser)
    for action, text in (
        ("list", "the dead letters, newest first"),
        ("show", "one of them with its events"),
        ("replay", "deliver again what was given up, under its old id"),
        ("drop", "forget what was given up"),
    ):
        parser = actions.add_parser(action, parents=[settings], allow_abbrev=False, help=text)
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.set_defaults(command=_webhooks, action=action, ids=[], all=action == "list", to=None)
        if action == "show":
            parser.add_argument("ids", nargs=1, metavar="ID", help=_ID_HELP)
        elif action != "list":
            which = parser.add_mutually_exclusive_group(required=True)
            which.add_argument("ids", nargs="*", default=[], metavar="ID", help=_ID_HELP)
            which.add_argument("--all", action="store_true", help="every one")
        if action == "replay":
            parser.add_argument(
                "--to", metavar="URL", help="to this webhook of the app; with --all, those whose own one is gone"
            )


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-c", "--config", metavar="FILE", default=argparse.SUPPRESS, help="configuration file")
    parser.add_argument(
        "--strict", action="store_true", default=argparse.SUPPRESS, help="refuse to start on an unknown key"
    )


def _add_workers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers",
        metavar="N",
        type=_workers,
        default=argparse.SUPPRESS,
        help="processes that serve clients; auto: one for each CPU (default 1)",
    )


def _workers(text: str) -> Workers:
    from .check import workers_option

    try:
        return workers_option(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _run(options: argparse.Namespace) -> int:
    if options.check:
        from .check import print_effective

        return print_effective(options.config, strict=options.strict, workers=options.workers)
    from .reactor import install_reactor
    from .signals import hold_reloads

    hold_reloads()
    install_reactor()
    from twisted.internet import reactor
    from twisted.logger import globalLogBeginner

    from .start import failing_in_one_line, log_to, obey_signals, prepare

    server = prepare(options.config, options.strict, reactor, options.workers)
    globalLogBeginner.beginLoggingTo([log_to(sys.stdout, server)], redirectStandardIO=False)
    obey_signals(options.config, options.strict, reactor, server, options.workers)
    with failing_in_one_line():
        server.privilegedStartService()
        server.startService()
    reactor.addSystemEventTrigger("before", "shutdown", server.stopService)
    reactor.run()
    return server.status


def _check(options: argparse.Namespace) -> int:
    from .check import check_config

    return check_config(
        options.config,
        strict=options.strict,
        as_json=options.json,
        everything=options.all,
        offline=options.offline,
        workers=options.workers,
    )


def _webhooks(options: argparse.Namespace) -> int:
    from .dead_letters import dead_letters

    return dead_letters(
        options.config,
        strict=options.strict,
        action=options.action,
        ids=None if options.all else options.ids,
        to=options.to,
        as_json=options.json,
    )


def _bench(options: argparse.Namespace) -> int:
    from .bench.command import bench

    return bench(options)


def _version(options: argparse.Namespace) -> int:
    print(f"sockudo_tx {__version__}")
    return 0
