"""Options of `sockudo bench`; kept apart so that `--help` loads nothing else."""

from __future__ import annotations

import argparse
import difflib
import math
import re
import signal
import sys
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from .scenarios import SCENARIOS, load_scenario

__all__ = [
    "LOAD",
    "PUBLISHING",
    "LateParser",
    "add_load",
    "add_options",
    "add_output",
    "duration",
    "pause",
    "rate",
    "steady",
    "whole",
]

PUBLISHING = frozenset({"--in-flight", "--batch", "--publishers"})
LOAD = PUBLISHING | {
    "--connections", "--channels", "--rate", "--size", "--duration", "--warmup", "--arrivals", "--seed", "--processes",
}  # fmt: skip
"""Options of the load that several scenarios have. Each has those it heeds, so that none is taken and ignored."""

# Streams are named by five digits for the channel and five for the sender.
_MOST_CHANNELS = 99_999
_MOST_AT_ONCE = 10_000
_MOST_PROCESSES = 64
_MOST_BYTES = 64 << 20
_LONGEST = 366 * 86400.0

_DURATION = re.compile(r"(\d+\.?\d*|\.\d+)\s*(ms|s|m|min|h|d)?", re.ASCII)
_SECONDS = {None: 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


class LateParser(argparse.ArgumentParser):
    """A parser that gets its options when it is used: a command pays for its own options only."""

    fill: Callable[[argparse.ArgumentParser, Sequence[str]], None] | None = None
    """Declares the options; gets the arguments too, for options that depend on others."""

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        fill, self.fill = self.fill, None
        try:
            if fill is not None:
                fill(self, sys.argv[1:] if args is None else args)
            found, unknown = super().parse_known_args(args, namespace)
        except KeyboardInterrupt:  # while it loads what the options need
            self.exit(128 + signal.SIGINT, f"{self.prog}: ended by Ctrl-C\n")
        if unknown:
            self.error(self._unknown(unknown[0]))
        return found, unknown

    def _unknown(self, word: str) -> str:
        option = word.partition("=")[0]
        near = difflib.get_close_matches(option, self._option_string_actions, 1, 0.75)
        hint = f"did you mean {near[0]}? " if near else ""
        return (
            f"{'no option' if option.startswith('-') else 'nothing'} {option!r} here: {hint}--help tells what there is"
        )

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def add_options(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Declares `bench`: a list of scenarios, and a parser for each."""
    width = max(len(row.name) for row in SCENARIOS)
    parser.description = (
        "Loads a running Pusher-compatible server, measures it, and audits that every event arrived once and in order. "
        "Events are sent on a schedule fixed in advance, and a latency counts from when an event was due, never from "
        "when a slow server let it be sent."
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "scenarios:\n"
        + "\n".join(f"  {row.name:{width}}  {row.line}" for row in SCENARIOS)
        + "\n\n`sockudo bench SCENARIO --help` tells the options of one; `sockudo bench compare a.json b.json` puts\n"
        "runs side by side; `sockudo bench scaling` starts servers of its own, with 1 and 2 workers. Exit status:\n"
        "0 all arrived and every --require holds; 1 something was lost, doubled, disordered or refused, a limit was\n"
        "missed, or there is no server; 2 wrong usage."
    )
    parser.add_argument("--list", action="store_true", help="list the scenarios")
    parser.add_argument("--json", action="store_true", dest="list_json", help="the list as JSON")
    parser.set_defaults(played=None)
    scenarios = parser.add_subparsers(metavar="SCENARIO", dest="played", parser_class=LateParser)
    for row in SCENARIOS:
        each = scenarios.add_parser(row.name, description=f"{row.line[0].upper()}{row.line[1:]}.", allow_abbrev=False)
        each.fill = partial(add_scenario, name=row.name)
    compare = scenarios.add_parser("compare", allow_abbrev=False)
    compare.fill = _add_compare
    scaling = scenarios.add_parser("scaling", allow_abbrev=False)
    scaling.fill = _add_scaling


def _add_compare(parser: argparse.ArgumentParser, _: Sequence[str]) -> None:
    from .compare import add_compare_options

    add_compare_options(parser)


def _add_scaling(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    from .scaling import add_scaling_options

    add_scaling_options(parser, arguments)


def add_scenario(parser: argparse.ArgumentParser, arguments: Sequence[str], *, name: str) -> None:
    """Declares a scenario's own options, and those that others have too."""
    scenario = load_scenario(name)
    _add_server(parser)
    add_load(parser, scenario.TAKES)
    add_output(parser)
    scenario.add_options(parser, arguments)


def _add_server(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the server")
    group.add_argument("--url", help="like https://ws.example.com/prefix (default http://127.0.0.1:6001)")
    group.add_argument("--host", help="instead of the host in --url")
    group.add_argument("--port", type=whole(65535), help="instead of the port in --url")
    group.add_argument("--tls", action="store_true", help="https and wss, as with an https:// --url")
    group.add_argument("--insecure", action="store_true", help="accept any certificate")
    group.add_argument("--ca", metavar="FILE", help="PEM file of the authorities to trust")
    group.add_argument("--path-prefix", metavar="PATH", help="what the server's paths begin with")
    group.add_argument("--app-id", default="app-id", help="(default %(default)s)")
    group.add_argument("--app-key", default="app-key", help="(default %(default)s)")
    group.add_argument("--app-secret", default="app-secret", help="(default that of the demo app)")
    group.add_argument(
        "--server-pid",
        type=_pid,
        metavar="PID",
        help="whose CPU and memory to measure, with its children; `auto` finds who listens on this machine, which is "
        "also tried without this option",
    )
    group.add_argument("--compression", action="store_true", help="offer permessage-deflate")


def add_load(parser: argparse.ArgumentParser, takes: Collection[str]) -> None:
    """Declares those options of the load that a scenario takes."""
    group = parser.add_argument_group("the load")

    def add(option: str, **more: Any) -> None:
        if option in takes:
            group.add_argument(option, **more)

    add("--connections", type=whole(), default=100, metavar="N", help="clients (default %(default)s)")
    add(
        "--channels",
        type=whole(_MOST_CHANNELS),
        default=1,
        metavar="N",
        help="they are spread over (default %(default)s)",
    )
    add("--rate", type=rate, default=20.0, help="events a second, or max (default %(default)g)")
    add("--size", type=_size, default=200, metavar="BYTES", help="of event data (default %(default)s)")
    add("--duration", type=duration, default=10.0, metavar="TIME", help="measured (default %(default)gs)")
    add("--warmup", type=pause, default=1.0, metavar="TIME", help="before that (default %(default)gs)")
    add("--arrivals", choices=("even", "poisson"), default="even", help="of events (default %(default)s)")
    add("--seed", type=whole(least=0), default=0, help="of what is random (default %(default)s)")
    add("--in-flight", type=whole(1000), default=8, metavar="N", help="requests at once (default %(default)s)")
    add("--batch", type=whole(_MOST_AT_ONCE), default=1, metavar="N", help="events a request (default %(default)s)")
    add(
        "--processes",
        type=whole(_MOST_PROCESSES),
        metavar="N",
        help="that hold the clients (default by cores and clients)",
    )
    add("--publishers", type=whole(_MOST_PROCESSES), default=1, metavar="N", help="processes that publish (default 1)")


def add_output(parser: argparse.ArgumentParser, *, limits: bool = True) -> None:
    """Declares what becomes of the figures; `limits`: whether they can be required."""
    group = parser.add_argument_group("what comes of it")
    group.add_argument("--json", action="store_true", help="print the run as one JSON object")
    group.add_argument("--report", type=_report, metavar="FILE", help="write it as .html, .svg, .png, .md or .json")
    if limits:
        group.add_argument("--require", metavar="LIMITS", help="like p99=5ms,loss=0; status 1 when one does not hold")
    group.add_argument("--quiet", "--no-progress", action="store_true", help="no progress on the terminal")


def whole(most: int | None = None, least: int = 1) -> Callable[[str], int]:
    """A number in a range."""
    rule = f"must be a number of {least} or more" if most is None else f"must be a number from {least} to {most}"

    def number(text: str) -> int:
        if not text.isascii() or not text.replace("_", "").isdigit() or len(text) > 18:
            raise argparse.ArgumentTypeError(f"{text!r}: {rule}")
        value = int(text.replace("_", ""))
        if value < least or (most is not None and value > most):
            raise argparse.ArgumentTypeError(f"{text!r}: {rule}")
        return value

    return number


def steady(text: str) -> float:
    """So many a second."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1e6:
        raise argparse.ArgumentTypeError(f"{text!r}: must be above 0 and at most 1000000 a second")
    return value


def rate(text: str) -> float:
    """So many a second; `max` is infinite."""
    return math.inf if text == "max" else steady(text)


def duration(text: str) -> float:
    """Seconds from 10, 10s, 500ms, 5m or 2h."""
    value = pause(text)
    if not value:
        raise argparse.ArgumentTypeError(f"{text!r}: must be above 0")
    return value


def pause(text: str) -> float:
    """The same, or 0."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 10, 10s, 500ms, 5m or 2h")
    value = float(found[1]) * _SECONDS[found[2]]
    if value > _LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r}: must be a year at most")
    return value


def _pid(text: str) -> int | str:
    if text == "auto":
        return text
    value = whole()(text)
    if not Path(f"/proc/{value}").exists():
        raise argparse.ArgumentTypeError(f"there is no process {value}")
    return value


def _report(text: str) -> Path:
    from .report import report_path

    return report_path(text)


def _size(text: str) -> int:
    from .payload import SMALLEST

    return whole(_MOST_BYTES, SMALLEST)(text)
