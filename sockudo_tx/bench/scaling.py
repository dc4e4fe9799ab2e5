"""`sockudo bench scaling`: servers of this machine with different numbers of workers, one after the other."""

from __future__ import annotations

import argparse
import json
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

from .compare import side_by_side
from .options import LOAD, add_load, add_output, whole
from .own_server import OwnServer
from .scenarios import fanout
from .target import Target
from .words import answer

__all__ = ["add_scaling_options", "scale"]

_MOST_WORKERS = 64
_MOST_RUNS = 6
_APP = ("app-id", "app-key", "app-secret")

Play = Callable[[argparse.Namespace, Target], "dict[str, Any] | None"]
"""Plays a scenario on a server; None when it was interrupted."""


def add_scaling_options(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Declares them on a parser."""
    parser.description = (
        "Starts this version of the server with 1 and with 2 workers, one after the other on a free port, publishes to "
        "the subscribers of each, and puts both side by side. The clients run on the same machine: with fewer cores "
        "than workers, hub and clients need, look at the CPU per delivery and not at the rate."
    )
    parser.add_argument(
        "--workers", type=_counts, default=[1, 2], metavar="N,N,...", help="of each server (default 1,2)"
    )
    add_load(parser, LOAD)
    add_output(parser, limits=False)
    fanout.add_options(parser, arguments)
    parser.set_defaults(
        connections=1000, rate=float("inf"), duration=5.0, app_id=_APP[0], app_key=_APP[1], app_secret=_APP[2],
        server_pid=None, compression=False,
    )  # fmt: skip


def scale(options: argparse.Namespace, play: Play) -> int:
    """Runs them and prints the comparison; 1 when something was lost or refused. Raises TargetError, CapacityError."""
    documents = []
    for workers in options.workers:
        target = _target()
        with OwnServer(workers, target) as server:
            found = play(argparse.Namespace(**{**vars(options), "played": "fanout", "server_pid": server.pid}), target)
        if found is None:
            raise KeyboardInterrupt
        documents.append({**found, "options": {**found["options"], "workers": workers}})
    if options.json:
        print(json.dumps(documents))
    names = [_named(workers) for workers in options.workers]
    status = side_by_side(documents, names, options.report, quiet=options.json)
    return status or int(not all(answer(document, ()).good for document in documents))


def _named(workers: int) -> str:
    return "one process" if workers == 1 else f"{workers} workers"


def _target() -> Target:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return Target(host="127.0.0.1", port=port, app_id=_APP[0], key=_APP[1], secret=_APP[2], address=("127.0.0.1", port))


def _counts(text: str) -> list[int]:
    number = whole(_MOST_WORKERS)
    found = [os.cpu_count() or 1 if part.strip() == "auto" else number(part.strip()) for part in text.split(",")]
    if not 1 < len(found) <= _MOST_RUNS:
        raise argparse.ArgumentTypeError(f"{text!r}: two to {_MOST_RUNS} numbers of workers, like 1,2")
    return found
