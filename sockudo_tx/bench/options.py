"""Options of `sockudo bench`; kept apart so that `--help` loads nothing else."""

from __future__ import annotations

import argparse

__all__ = ["add_options"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares them on a parser. The defaults fit a server started with `make run`."""
    parser.description = (
        "Subscribes raw WebSockets to a running server, publishes signed events through its REST API and reports "
        "deliveries a second, latency and loss. Server and generator share this machine's cores if both run on it. "
        "Exit status 1 when anything was lost or refused."
    )
    parser.add_argument("--url", default="http://127.0.0.1:6001", help="the server (default %(default)s)")
    parser.add_argument("--app-id", default="app-id", help="(default %(default)s)")
    parser.add_argument("--app-key", default="app-key", help="(default %(default)s)")
    parser.add_argument("--app-secret", default="app-secret", help="(default %(default)s)")
    parser.add_argument("--connections", type=_positive, default=100, help="sockets (default %(default)s)")
    parser.add_argument("--channels", type=_positive, default=1, help="they are spread over (default %(default)s)")
    parser.add_argument("--rate", type=_rate, default=20.0, help="events published a second (default %(default)s)")
    parser.add_argument("--duration", type=_rate, default=10.0, help="seconds of publishing (default %(default)s)")
    parser.add_argument("--size", type=_size, default=200, help="bytes of event data, 20 or more (default %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def _size(text: str) -> int:
    value = int(text)
    if value < 20:
        raise argparse.ArgumentTypeError("must be 20 or more: the data carries the time it was sent")
    return value


def _rate(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError("must be above 0")
    return value
